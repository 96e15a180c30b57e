"""Lanes: what the engine sees of a source, and how far back a later run will go."""

import threading
from dataclasses import dataclass

import pytest

import dataflows.lanes
from dataflows.guarding import Guard
from dataflows.lanes import (
    AT_END_S,
    DISCOVER_S,
    PULSE_S,
    PULSES_AHEAD_MAX,
    STALLED_S,
    LanedSource,
)
from dataflows.progress import WAITING_MAX, Progress
from models.records import RawBlock
from models.rounds import Pulse
from tests.dataflows.memory import MemorySource


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(dataflows.lanes, "time", found)
    return found


@pytest.fixture
def laned(clock):
    def make(source, lanes=2, progress=None, *, by_time=True):
        return LanedSource(
            source, lanes, by_time=by_time, idle_after_s=5.0, stopping=threading.Event(),
            progress=progress or Progress(), guard=Guard(),
        )  # fmt: skip

    return make


def part(laned, lane, resumed=None):
    return laned.build_part("source", f"{lane:04d}", resumed)


def offsets(items):
    return [(item.partition, item.first) for item in items if isinstance(item, RawBlock)]


def pulses(items):
    return [item for item in items if isinstance(item, Pulse)]


def test_a_pulse_tells_of_a_partition_before_its_first_record(laned, clock):
    source = MemorySource({0: 6, 1: 3, 2: 4})
    lane = part(laned(source), 0)

    items = lane.next_batch()

    assert set(pulses(items)[0].partitions) == {0, 2}
    assert isinstance(items[0], Pulse)
    assert offsets(items) == [(0, 0), (2, 0)]
    assert offsets(lane.next_batch()) == [(0, 3), (2, 3)]


def test_a_partition_that_is_added_is_told_of_and_read(laned, clock):
    source = MemorySource({0: 0})
    every = laned(source)
    lane, other = part(every, 0), part(every, 1)
    lane.next_batch()
    assert pulses(other.next_batch())[0].partitions == {}
    source.ends[3] = 3
    assert not offsets(other.next_batch())

    clock.now += DISCOVER_S
    lane.next_batch()
    items = other.next_batch()

    assert isinstance(items[0], Pulse)
    assert set(items[0].partitions) == {3}
    assert offsets(items) == [(3, 0)]
    assert source.asked == 2


def test_the_last_pulse_comes_after_the_last_record(laned, clock):
    source = MemorySource({0: 4}, grows=False)
    lane, items = part(laned(source), 0), []
    with pytest.raises(StopIteration):  # noqa: PT012 - whenever it comes
        while True:
            items += lane.next_batch()

    assert offsets(items) == [(0, 0), (0, 3)]
    assert [pulse.final for pulse in pulses(items)] == [False, True]
    assert pulses(items)[-1].partitions[0].next == 4
    assert items[-1] is pulses(items)[-1]


def test_a_lane_without_partitions_ends_with_a_last_pulse(laned, clock):
    lane = part(laned(MemorySource({0: 4}, grows=False)), 1)

    (pulse,) = lane.next_batch()

    assert pulse.final
    with pytest.raises(StopIteration):
        lane.next_batch()


def test_stopping_is_not_the_end_of_the_input(laned, clock):
    source = MemorySource({0: 30}, grows=False)
    every = laned(source)
    lane = part(every, 0)
    items = lane.next_batch()

    every.stopping.set()

    with pytest.raises(StopIteration):
        lane.next_batch()
    assert not any(pulse.final for pulse in pulses(items))


def test_what_a_snapshot_says_never_passes_what_is_needed(laned, clock):
    progress = Progress()
    lane = part(laned(MemorySource({0: 30}), progress=progress), 0)
    for _ in range(4):
        lane.next_batch()
    assert lane.snapshot() == {0: {"record": 0}}

    for needed, expected in ((0, 0), (2, 0), (3, 3), (8, 6), (9, 9), (12, 12), (99, 12)):
        progress.needed[0] = needed
        assert lane.snapshot() == {0: {"record": expected}}


def test_a_run_goes_on_where_the_snapshot_says(laned, clock):
    progress = Progress()
    source = MemorySource({0: 30, 2: 9})
    lane = part(laned(source, progress=progress), 0)
    lane.next_batch()
    lane.next_batch()
    progress.needed |= {0: 4, 2: 0}

    later = part(laned(source), 0, lane.snapshot())

    items = later.next_batch()
    assert offsets(items) == [(0, 3), (2, 0)]
    assert pulses(items)[0].partitions[0].next == 3


def test_a_partition_that_is_not_there_yet_keeps_its_position(laned, clock):
    lane = part(laned(MemorySource({0: 3})), 0, {0: {"record": 0}, 4: {"record": 7}})
    lane.next_batch()

    assert lane.snapshot() == {0: {"record": 0}, 4: {"record": 7}}


def test_the_source_hears_only_of_what_the_snapshot_before_said(laned, clock):
    progress = Progress()
    source = MemorySource({0: 30})
    lane = part(laned(source, progress=progress), 0)
    lane.next_batch()
    lane.next_batch()

    for needed in (3, 6):
        progress.needed[0] = needed
        lane.snapshot()

    assert source.told == [(0, 3)]


def test_a_partition_that_is_far_ahead_is_not_read_on(laned, clock):
    progress = Progress()
    source = MemorySource({0: 30, 2: 30})
    lane = part(laned(source, progress=progress), 0)
    lane.next_batch()
    progress.waiting[0], progress.newest_ms[0], progress.horizon_ms = WAITING_MAX, 5000, 1000

    assert offsets(lane.next_batch()) == [(2, 3)]
    progress.horizon_ms = 4000
    assert offsets(lane.next_batch()) == [(0, 3), (2, 6)]


def test_a_partition_at_its_end_is_idle_after_a_while(laned, clock):
    source = MemorySource({0: 3})
    lane = part(laned(source), 0)
    lane.next_batch()
    states = []
    for _ in range(8):
        clock.now += 1.0
        lane.next_batch()
        clock.now += AT_END_S / 2
        states.append(lane._pulse(clock.now).partitions[0])

    assert all(state.at_end for state in states)
    assert [state.idle for state in states] == [False] * 4 + [True] * 4
    source.ends[0] = 6
    lane.next_batch()
    assert not lane._pulse(clock.now).partitions[0].idle


def test_one_partition_alone_pulses_seldom_in_arrival(laned, clock):
    lane = part(laned(MemorySource({0: 0}), by_time=False), 0)
    found = 0
    for _ in range(20):
        found += len(pulses(lane.next_batch()))
        clock.now += PULSE_S

    assert found == 2


def test_a_lane_ahead_of_the_others_holds_its_tongue_and_reads_on(laned, clock):
    progress = Progress()
    lane, found = part(laned(MemorySource({0: 90}), progress=progress), 0), []
    for _ in range(3 * PULSES_AHEAD_MAX):
        found.append(lane.next_batch())
        clock.now += PULSE_S

    assert sum(len(pulses(items)) for items in found) == PULSES_AHEAD_MAX
    assert all(offsets(items) for items in found)
    progress.rounds = 1
    assert pulses(lane.next_batch())
    clock.now += PULSE_S
    assert not pulses(lane.next_batch())


def test_the_last_pulse_is_never_held_back(laned, clock):
    lane, found = part(laned(MemorySource({0: 60}, grows=False)), 0), []
    with pytest.raises(StopIteration):  # noqa: PT012 - whenever it comes
        for _ in range(100):
            found += pulses(lane.next_batch())
            clock.now += PULSE_S

    assert [pulse.final for pulse in found] == [False] * PULSES_AHEAD_MAX + [True]


def test_every_close_is_told(laned, clock):
    progress, told = Progress(), []
    progress.committed = lambda: told.append(clock.now)
    lane = part(laned(MemorySource({0: 3}), progress=progress), 0)

    lane.next_batch()
    lane.snapshot()

    assert told == [clock.now]


def test_closing_lets_go_of_readers(laned, clock):
    source = MemorySource({0: 3, 2: 3})
    lane = part(laned(source), 0)
    lane.next_batch()

    lane.close()

    assert source.closed == [0, 2]


def test_a_close_is_measured_once(laned, clock):
    progress = Progress()
    every = laned(MemorySource({0: 3, 1: 3}), progress=progress)
    lanes = [part(every, 0), part(every, 1)]
    for lane in lanes:
        lane.next_batch()
    for lane in lanes:  # as the engine does: a part is read, then its epoch ends
        lane.next_batch()
        lane.snapshot()
    clock.now += 0.25
    for lane in lanes:
        lane.next_batch()

    assert list(progress.closes_ms) == [pytest.approx(250)]


def test_a_partition_that_stalls_is_told_of_once_and_when_it_goes_on(laned, clock, caplog):
    source = MemorySource({0: 3, 2: 0}, leaderless={0})
    lane = part(laned(source), 0)
    lane.next_batch()
    assert not caplog.messages

    for _ in range(3):
        clock.now += STALLED_S / 2 + 1
        lane.next_batch()
    said = list(caplog.messages)
    source.leaderless.clear()
    lane.next_batch()

    assert len(said) == 1
    assert said[0].startswith("partition 0 gives nothing")
    assert caplog.messages[1:] == ["partition 0 goes on"]
