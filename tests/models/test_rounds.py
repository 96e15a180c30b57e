"""Rounds: who hears the same decides the same, and parts come together in whatever order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.holding import Holding, Passed
from models.merging import Turns
from models.rounds import FOREVER, NO_TIME, Announcement, Round, Rounds, Turn
from tests.models.streams import START_MS, batch_of, in_turn

times = st.integers(0, 50) | st.sampled_from([NO_TIME, FOREVER])
announced = st.lists(
    st.lists(st.tuples(st.integers(0, 3), times, times, times), max_size=8), min_size=1, max_size=4
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
def test_a_round_is_what_all_lanes_come_to_and_a_final_word_counts_for_ever(lanes, final):
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
        assert now.newest_ms == max(part.newest_ms for part in parts)


def test_all_lanes_final_ends_the_rounds():
    rounds = Rounds(2)
    assert rounds.add(Announcement(0, 1, FOREVER, FOREVER, 9, final=True)) == []
    assert rounds.add(Announcement(1, 0, 7, 7, NO_TIME)) != []

    (last,) = rounds.add(Announcement(1, 0, FOREVER, FOREVER, NO_TIME, final=True))

    assert (last.number, last.homes, last.watermark_ms) == (1, (0,), FOREVER)
    assert last.newest_ms == 9


def test_a_lane_that_says_nothing_holds_up_all():
    rounds = Rounds(3)
    for _ in range(5):
        assert rounds.add(Announcement(0, 1, 1, 1, 1)) == []
        assert rounds.add(Announcement(1, 1, 1, 1, 1)) == []

    assert len(rounds.add(Announcement(2, 1, 1, 1, 1))) == 1


class Sent:
    """What one home sends: things of its own, and parts of rounds."""

    def __init__(self, home, rounds):
        self.items = []
        for number, (alone, count) in enumerate(rounds):
            for at in range(alone):
                self.items.append(((home, number, "alone", at), None))
            for at in range(count):
                turn = Turn(number, 0, last=at == count - 1)
                self.items.append(((home, number, "part", at), turn))


counts = st.tuples(st.integers(0, 2), st.integers(1, 3))
homes_sending = st.lists(st.lists(counts, min_size=3, max_size=3), min_size=2, max_size=4)


@given(homes_sending, st.integers(0, 1 << 32))
def test_rounds_come_whole_and_every_home_keeps_its_order(homes, seed):
    chance = random.Random(seed)
    sent = [Sent(home, rounds).items for home, rounds in enumerate(homes)]
    expected = [[item for item, _turn in items] for items in sent]
    turns, out = Turns(), []
    while any(sent):
        home = chance.choice([home for home, items in enumerate(sent) if items])
        item, turn = sent[home].pop(0)
        out += turns.add(item, home, turn and Turn(turn.number, len(homes), turn.last))

    assert not len(turns)
    for home, own in enumerate(expected):
        assert [item for group in out for item in group if item[0] == home] == own
    together = [group for group in out if group[0][2] == "part"]
    assert [group[0][1] for group in together] == [0, 1, 2]
    for number, group in enumerate(together):
        # whoever came first
        assert group == [
            (home, number, "part", at)
            for home, rounds in enumerate(homes)
            for at in range(rounds[number][1])
        ]


def test_an_incomplete_round_holds_up_what_comes_behind_it():
    turns = Turns()
    assert turns.add("a0", 0, Turn(0, 2, last=False)) == []
    assert turns.add("b0", 1, Turn(0, 2, last=True)) == []
    assert turns.add("b", 1, None) == []
    assert turns.add("b1", 1, Turn(1, 2, last=True)) == []
    assert len(turns) == 3

    assert turns.add("a0 too", 0, Turn(0, 2, last=True)) == [["a0", "a0 too", "b0"], ["b"]]
    assert turns.add("a1", 0, Turn(1, 2, last=True)) == [["a1", "b1"]]
    assert not turns


def test_a_home_that_joins_ahead_of_the_others_is_not_before_them():
    turns = Turns()
    # home 2 takes part from round 1 on, and is the first to be heard
    assert turns.add("c1", 2, Turn(1, 3, last=True)) == []
    found = turns.add("a", 0, None)
    found += turns.add("a0", 0, Turn(0, 2, last=True))
    found += turns.add("b0", 1, Turn(0, 2, last=True))
    found += turns.add("a1", 0, Turn(1, 3, last=True))
    found += turns.add("b1", 1, Turn(1, 3, last=True))

    assert found == [["a"], ["a0", "b0"], ["a1", "b1", "c1"]]
    assert not turns


def passed(partition, first, *times):
    events = [(time, f"{partition}-{first + at}", "login") for at, time in enumerate(times)]
    batch = batch_of(partition, first, events)
    return Passed(partition, batch, first + len(times), batch.places[:0])


def in_groups(*homes):
    """Places in the order in which a shard meets them: all of one home, then all of the next."""
    turns = Turns()
    groups = [
        group
        for home, releases in homes
        for release in releases
        for group in turns.add(release, home, release.turn)
    ]
    assert not turns
    return [place for group in groups for place, _late in in_turn(group)]


def test_a_partition_keeps_its_order_when_a_second_home_joins():
    a, b = Holding(0, "event_time"), Holding(1, "event_time")
    rounds = [
        Round(0, (0,), 1, START_MS + 5, FOREVER, START_MS + 30),
        Round(1, (0, 1), 2, START_MS + 40, FOREVER, START_MS + 39),
    ]
    a.add(passed(0, 0, 1, 2, 30))
    from_b = [release for now in rounds for release in b.turn(now)]
    from_a = [release for now in rounds for release in a.turn(now)]

    assert in_groups((1, from_b), (0, from_a)) == [(0, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize("ordering", ["event_time", "arrival"])
def test_a_partition_keeps_its_order_when_a_third_home_joins(ordering):
    homes = [Holding(home, ordering) for home in range(3)]
    homes[0].add(passed(0, 0, 1, 2, 30))
    rounds = [
        Round(0, (0, 1), 2, START_MS + 5, START_MS + 5, START_MS + 30),
        Round(1, (0, 1, 2), 3, START_MS + 40, START_MS + 40, START_MS + 39),
    ]
    sent = [(home, [r for now in rounds for r in homes[home].turn(now)]) for home in range(3)]

    assert in_groups(*reversed(sent)) == [(0, 0), (0, 1), (0, 2)]


def test_a_partition_keeps_its_order_when_others_begin_to_lag():
    a, b = Holding(0, "arrival"), Holding(1, "arrival")
    live = Round(0, (0, 1), 2, START_MS, FOREVER, START_MS)
    lagging = [Round(n, (0, 1), 2, START_MS, START_MS + 10 * n, START_MS + 20) for n in (1, 2)]
    a.turn(live)
    b.turn(live)
    from_b = [release for now in lagging for release in b.turn(now)]
    # home 0 has not heard of the lag yet
    from_a = a.add(passed(0, 0, 1, 2))
    from_a += a.turn(lagging[0])
    from_a += a.add(passed(0, 2, 15))
    from_a += a.turn(lagging[1])

    assert in_groups((1, from_b), (0, from_a)) == [(0, 0), (0, 1), (0, 2)]


def test_equal_clocks_keep_the_order_of_homes_whoever_is_heard_first():
    a, b = Holding(0, "arrival"), Holding(1, "arrival")
    a.add(passed(0, 0, 5, 5))
    b.add(passed(1, 0, 5, 5))
    now = Round(0, (0, 1), 2, START_MS, START_MS + 5, START_MS + 5)
    from_a, from_b = a.turn(now), b.turn(now)

    assert not any(release.turn.by_time for release in from_a + from_b)
    expected = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert in_groups((0, from_a), (1, from_b)) == expected
    assert in_groups((1, from_b), (0, from_a)) == expected
