"""Holding: what goes on is in order and complete, whatever the cut and the crash."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models.ordering
from models.holding import Holding, Passed
from models.places import offset_of
from models.rounds import FOREVER, NO_TIME, Round
from tests.models.streams import (
    LATENESS_MS,
    START_MS,
    Homes,
    batch_of,
    decoded,
    late_of,
    places,
    sorting,
    unrepeated,
)

LANES = 3
NOWHERE = batch_of(0, 0, []).places
jitter = st.integers(0, LATENESS_MS)
chances = st.integers(0, 1 << 32).map(random.Random)


@pytest.fixture(autouse=True, scope="module")
def few_are_many():
    """Events are kept and released in every way that many of them would be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.ordering, "SMALL", 5)
        patch.setattr(models.ordering, "SMALL_MAX", 3)
        patch.setattr(models.ordering, "ROWS_RELEASED_MAX", 4)
        yield


@st.composite
def partitions(draw, disorder=jitter, least=1, repeats=False):
    """Streams of up to five partitions; ids are unique but for repeats within a partition."""
    streams = []
    for number in range(draw(st.integers(least, 5))):
        steps = draw(st.lists(st.tuples(st.integers(0, 9), disorder), max_size=25))
        now, stream = 0, []
        for at, (step, back) in enumerate(steps):
            now += step
            kind = "label" if at % 7 == 3 else "login"
            stream.append((max(now - back, 0), f"{back}-{number}-{at}", kind))
            if repeats and at % 5 == 4:
                stream.append(stream[-1 - draw(st.integers(0, min(at, 3)))])
        streams.append(stream)
    return streams


def through(streams, chance, ordering, *, epochs=4, crashes=0, live=False, **how):
    """Everything that comes out, over some epochs and crashes."""
    if live:
        how["produced"] = [chance.randint(0, len(stream)) // 2 for stream in streams]
    homes = Homes(ordering, LANES, streams, chance, **how)
    saved = None
    for _ in range(epochs):
        homes.epoch(chance.randint(0, 40))
        saved = homes.commit()
        if crashes and chance.random() < 0.6:
            crashes -= 1
            homes.epoch(chance.randint(0, 40))  # what is never committed
            homes = Homes(ordering, LANES, streams, chance, saved, **how)
    return homes.finish()


@given(partitions(), chances)
def test_event_time_is_one_order_whatever_happens(streams, chance):
    live = chance.random() < 0.5
    out = through(streams, chance, "event_time", crashes=chance.randint(0, 3), live=live)

    events = [
        (sorting(event), (number, offset))
        for number, stream in enumerate(streams)
        for offset, event in enumerate(stream)
    ]
    assert [place for place, _late in out] == [place for _key, place in sorted(events)]


hostile = partitions(disorder=st.integers(0, 3 * LATENESS_MS), repeats=True)


@pytest.mark.parametrize("ordering", ["event_time", "arrival"])
@given(streams=hostile, chance=chances)
def test_nothing_is_lost_or_doubled(ordering, streams, chance):
    live = chance.random() < 0.5
    out = through(streams, chance, ordering, crashes=chance.randint(0, 3), live=live)

    found = [place for place, _late in out]
    assert len(found) == len(set(found))
    assert set(found) == unrepeated(streams)
    assert {place for place, late in out if late} == late_of(streams) & set(found)


@given(hostile, chances)
def test_partitions_that_lag_are_merged_by_their_clocks(streams, chance):
    out = through(streams, chance, "arrival", crashes=chance.randint(0, 3), always_lagging=True)

    clocks, before = [], {}
    for (partition, offset), _late in out:
        clocks.append(max(time for time, _name, _kind in streams[partition][: offset + 1]))
        assert before.get(partition, -1) < offset
        before[partition] = offset
    if sum(map(bool, streams)) and len(streams) > 1:
        assert clocks == sorted(clocks)


@given(hostile, st.sets(st.integers(0, 4), min_size=1), chances)
def test_partitions_that_appear_later_lose_nothing(streams, known, chance):
    known = {number for number in known if number < len(streams)} or {0}

    found = [place for place, _late in through(streams, chance, "arrival", known=known)]

    assert sorted(found) == sorted(unrepeated(streams))
    for number in range(len(streams)):
        own = [place for place in found if place[0] == number]
        assert own == sorted(own)


@given(partitions(least=2), st.sets(st.integers(0, 4), min_size=1), chances)
def test_what_has_begun_stays_in_order_when_partitions_appear(streams, known, chance):
    known = {number for number in known if number < len(streams)} or {0}

    out = through(streams, chance, "event_time", known=known)

    assert sorted(place for place, _late in out) == sorted(unrepeated(streams))
    keys = [sorting(streams[p][offset]) for (p, offset), _late in out if p in known]
    assert keys == sorted(keys)


def passed(partition, first, events, *, again=False):
    found = decoded(partition, first, events)
    assert found.batch is not None
    return Passed(partition, found.batch, found.next, NOWHERE, again=again)


def resumed(hold, home, ordering):
    found = Holding(home, ordering)
    found.load(hold.save())
    return found


LOGIN = "login"


def test_one_partition_waits_for_nobody_in_arrival():
    hold = Holding(0, "arrival")
    hold.turn(Round(0, (0,), 1, NO_TIME, NO_TIME, NO_TIME))

    (release,) = hold.add(passed(0, 0, [(5, "a", LOGIN), (3, "b", LOGIN)]))

    assert release.turn is None
    assert places(release.batch) == [(0, 0), (0, 1)]
    assert release.order_ms.tolist() == [START_MS + 5, START_MS + 5]
    assert hold.waiting == {0: 0}
    assert hold.needed() == {0: 2}


def test_what_waits_is_needed_and_what_is_done_is_not():
    hold = Holding(0, "event_time")
    hold.add(passed(0, 0, [(5, "a", LOGIN), (30, "b", LOGIN), (7, "c", LOGIN)]))
    assert hold.needed() == {0: 0}
    assert hold.waiting == {0: 3}

    (release,) = hold.turn(Round(0, (0,), 1, START_MS + 10, FOREVER, START_MS + 30))

    assert places(release.batch) == [(0, 0), (0, 2)]
    assert hold.needed() == {0: 1}
    later = resumed(hold, 0, "event_time")
    assert later.add(passed(0, 0, [(5, "a", LOGIN), (30, "b", LOGIN)], again=True)) == []
    assert later.add(passed(0, 2, [(7, "c", LOGIN)], again=True)) == []
    assert later.waiting == {0: 1}
    (rest,) = later.turn(Round(0, (0,), 1, FOREVER, FOREVER, START_MS + 30))
    assert places(rest.batch) == [(0, 1)]


def test_a_home_without_partitions_takes_no_part():
    hold = Holding(1, "event_time")

    assert hold.turn(Round(0, (0, 2), 2, START_MS, START_MS, START_MS)) == []


def test_a_home_that_has_nothing_says_so():
    hold = Holding(0, "event_time")

    (release,) = hold.turn(Round(4, (0, 2), 2, START_MS, START_MS, START_MS))

    assert release.batch is None
    assert (release.turn.number, release.turn.homes, release.turn.last) == (4, 2, True)


def test_a_round_that_brings_nothing_new_is_no_turn():
    hold = Holding(0, "event_time")
    hold.turn(Round(0, (0, 1), 2, START_MS, START_MS, START_MS))

    assert hold.turn(Round(1, (0, 1), 2, START_MS, START_MS, START_MS + 5)) == []
    assert hold.turn(Round(2, (0, 1), 2, START_MS - 1, START_MS, START_MS + 5)) == []


@pytest.mark.parametrize("ordering", ["event_time", "arrival"])
def test_only_the_last_part_of_a_home_is_its_last(ordering):
    hold = Holding(0, ordering)
    hold.add(passed(0, 0, [(at, f"a{at}", LOGIN) for at in range(5)]))
    hold.add(passed(0, 5, [(at, f"b{at}", LOGIN) for at in range(5, 10)]))

    parts = hold.turn(Round(0, (0, 1), 2, START_MS + 10, START_MS + 10, START_MS + 9))

    assert [part.turn.last for part in parts] == [False, True]
    assert [part.turn.by_time for part in parts] == [ordering == "event_time"] * 2
    assert [place for part in parts for place in places(part.batch)] == [(0, n) for n in range(10)]


def test_an_event_behind_the_others_goes_on_at_once():
    hold = Holding(0, "event_time")
    hold.turn(Round(0, (0, 1), 2, START_MS + 100, FOREVER, START_MS + 120))

    (stray,) = hold.add(passed(0, 0, [(150, "a", LOGIN), (99, "b", LOGIN), (100, "c", LOGIN)]))

    assert stray.turn is None
    assert [offset_of(place) for place in stray.batch.places.tolist()] == [1]
    assert hold.waiting == {0: 2}


def test_after_a_quiet_time_events_wait_again():
    hold = Holding(0, "event_time")
    hold.add(passed(0, 0, [(1, "a", LOGIN)]))
    # the only partition is idle
    (release,) = hold.turn(Round(0, (0,), 1, FOREVER, FOREVER, START_MS + 1))
    assert places(release.batch) == [(0, 0)]
    later = resumed(hold, 0, "event_time")

    for one in (hold, later):
        assert one.add(passed(0, 1, [(500, "b", LOGIN), (490, "c", LOGIN)])) == []
        found = one.turn(Round(1, (0,), 1, START_MS + 495, FOREVER, START_MS + 500))
        assert [place for some in found for place in places(some.batch)] == [(0, 2)]


def test_a_round_lets_go_of_the_newest_event_and_of_nothing_behind_it():
    hold = Holding(0, "event_time")
    hold.add(passed(0, 0, [(7, "a", LOGIN), (8, "b", LOGIN)]))

    (release,) = hold.turn(Round(0, (0,), 1, FOREVER, FOREVER, START_MS + 7))

    assert places(release.batch) == [(0, 0)]
    assert hold.waiting == {0: 1}


def test_a_partition_of_dead_letters_is_not_needed_again():
    for ordering in ("arrival", "event_time"):
        hold = Holding(0, ordering)
        assert hold.add(Passed(0, None, 7, NOWHERE)) == []
        assert hold.needed() == {0: 7}

        hold.add(passed(0, 7, [(5, "a", LOGIN)]))
        hold.add(Passed(0, None, 20, NOWHERE))
        assert hold.needed() == {0: 7}

        hold.turn(Round(0, (0,), 1, FOREVER, FOREVER, START_MS + 5))
        assert hold.needed() == {0: 20}


def test_an_event_that_came_before_the_word_of_its_partition_survives_a_crash():
    hold = Holding(1, "event_time")
    event = (50, "a", LOGIN)
    assert hold.add(passed(1, 0, [event])) == []
    # of a time when lane 1 had no partition: its own word of it is on its way
    out = hold.turn(Round(0, (0,), 1, START_MS + 100, FOREVER, START_MS + 100))
    assert all(release.turn is None for release in out)

    later = resumed(hold, 1, "event_time")
    out += later.add(passed(1, 0, [event], again=True))
    out += later.turn(Round(0, (0, 1), 2, FOREVER, FOREVER, START_MS + 100))

    found = [place for release in out if release.batch for place in places(release.batch)]
    assert found == [(1, 0)]
