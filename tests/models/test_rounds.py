"""Rounds: everybody who hears the same announcements decides the same, in whatever order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from models.rounds import FOREVER, NO_TIME, Announcement, Rounds

times = st.integers(0, 50) | st.sampled_from([NO_TIME, FOREVER])
announced = st.lists(
    st.lists(st.tuples(st.integers(0, 3), times, times), max_size=8), min_size=1, max_size=4
)


def said(lanes, *, final=()):
    return [
        [
            Announcement(lane, *one, final=lane in final and at == len(every) - 1)
            for at, one in enumerate(every)
        ]
        for lane, every in enumerate(lanes)
    ]


def heard(lanes, chance):
    """The rounds of somebody who hears every lane in order, and lanes in any order."""
    rounds, waiting, found = Rounds(len(lanes)), [list(lane) for lane in lanes], []
    while any(waiting):
        lane = chance.choice([lane for lane in waiting if lane])
        found += rounds.add(lane.pop(0))
    return found


@given(announced, st.sets(st.integers(0, 3)), st.randoms(use_true_random=False))
def test_the_order_in_which_lanes_are_heard_changes_nothing(lanes, final, chance):
    every = said(lanes, final=final)

    expected = heard(every, random.Random(0))

    assert heard(every, chance) == expected
    assert [found.number for found in expected] == list(range(len(expected)))


@given(announced, st.sets(st.integers(0, 3)))
def test_a_round_is_the_lowest_of_all_lanes_and_a_final_word_counts_for_ever(lanes, final):
    every = said(lanes, final=final)
    found = heard(every, random.Random(1))

    ended = [bool(lane) and lane[-1].final for lane in every]
    lengths = [len(lane) for lane in every]
    open_ended = [length for length, end in zip(lengths, ended, strict=True) if not end]
    assert len(found) == (min(open_ended) if open_ended else max(lengths))
    for number, now in enumerate(found):
        parts = [lane[min(number, len(lane) - 1)] for lane in every]
        assert now.homes == tuple(part.lane for part in parts if part.partitions)
        assert now.partitions == sum(part.partitions for part in parts)
        assert now.watermark_ms == min(part.watermark_ms for part in parts)
        assert now.frontier_ms == min(part.frontier_ms for part in parts)


def test_all_lanes_final_ends_the_rounds():
    rounds = Rounds(2)
    assert rounds.add(Announcement(0, 1, FOREVER, FOREVER, final=True)) == []
    assert rounds.add(Announcement(1, 0, 7, 7)) != []

    (last,) = rounds.add(Announcement(1, 0, FOREVER, FOREVER, final=True))

    assert (last.number, last.homes, last.watermark_ms) == (1, (0,), FOREVER)


def test_a_lane_that_says_nothing_holds_up_all():
    rounds = Rounds(3)
    for _ in range(5):
        assert rounds.add(Announcement(0, 1, 1, 1)) == []
        assert rounds.add(Announcement(1, 1, 1, 1)) == []

    assert len(rounds.add(Announcement(2, 1, 1, 1))) == 1
