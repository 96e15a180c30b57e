"""What the steps tell the source: nobody waits for ever, nothing is kept for ever."""

import threading
from dataclasses import dataclass

import pytest

import dataflows.lanes
import dataflows.progress
from dataflows.guarding import Guard
from dataflows.lanes import PULSES_AHEAD_MAX, LanedSource
from dataflows.progress import WAITING_MAX, Progress
from models.rounds import FOREVER, Round
from tests.dataflows.memory import ByHand, MemorySource


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
def by_hand(plain, tmp_path, clock):
    opened = []

    def make(source, ordering, saved=None):
        def laned(lanes, progress):
            return LanedSource(
                source, lanes, by_time=ordering == "event_time", idle_after_s=5.0,
                stopping=threading.Event(), progress=progress, guard=Guard(),
            )  # fmt: skip

        opened.append(ByHand(plain, tmp_path, ordering, laned, saved))
        return opened[-1]

    yield make
    for one in opened:
        one.store.close()


@pytest.mark.parametrize("ordering", ["arrival", "event_time"])
def test_a_partition_is_read_to_its_end_and_let_go(by_hand, clock, ordering):
    process = by_hand(MemorySource({0: 100}, grows=False), ordering)
    for _ in range(60):
        if not process.lanes[0]._final:
            process.step(0)
        clock.now += 0.05
    for number in range(1, 8):
        process.step(number)

    assert process.released == list(range(100))


@pytest.mark.parametrize("ordering", ["arrival", "event_time"])
def test_what_waited_is_read_again_however_much(by_hand, clock, monkeypatch, ordering):
    monkeypatch.setattr(dataflows.progress, "WAITING_MAX", 20)
    # partition 8 has nothing and is waited for: what partition 0 has must wait too
    source = MemorySource({0: 100, 8: 0})
    process = by_hand(source, ordering)
    if ordering == "arrival":  # it seems to have more
        monkeypatch.setattr(dataflows.lanes, "AT_END_S", -1.0)
    saved = None
    for _ in range(60):
        process.step()
        saved = process.commit()
        clock.now += 0.05
    assert process.shared.progress.waiting[0] > 20

    monkeypatch.setattr(dataflows.lanes, "AT_END_S", 0.1)
    source.block = 2
    later = by_hand(source, ordering, saved)
    for _ in range(300):  # until both are idle
        later.step()
        later.commit()
        clock.now += 0.05

    assert sorted(process.released + later.released) == list(range(100))


def test_lanes_that_speak_more_often_are_heard_in_time(by_hand, clock):
    process = by_hand(MemorySource(dict.fromkeys(range(8), 0)), "event_time")
    for tick in range(1200):
        clock.now += 0.025
        # the process of the other lanes is busy: they are read every 100 ms
        process.step(*range(1 if tick % 4 else 8))

    assert max(len(waiting) for waiting in process.hold._rounds._waiting) <= PULSES_AHEAD_MAX
    # and the slow ones are not slowed down
    assert process.shared.progress.rounds > 1200 / 4 - PULSES_AHEAD_MAX


def test_a_partition_of_dead_letters_moves_on(by_hand, clock):
    process = by_hand(MemorySource({0: 300}, broken=True), "arrival")
    for _ in range(50):
        process.step()
        _intake, _hold, positions = process.commit()
        clock.now += 0.05

    assert positions[0]["record"] > 100


def test_a_partition_that_is_waited_for_is_not_run_away_from():
    progress = Progress(waiting={0: WAITING_MAX}, newest_ms={0: 100_000})

    progress.turned(Round(6, (0, 1), 2, 500, FOREVER, 100_000), 2000)
    assert (progress.horizon_ms, progress.rounds) == (2500, 7)
    # what waits at a new horizon may be what was read again: as much again is put up with
    assert progress.may_read(0)
    progress.waiting[0] *= 2
    assert not progress.may_read(0)
    progress.turned(Round(7, (0, 1), 2, 500, FOREVER, 100_000), 2000)
    assert not progress.may_read(0)
    progress.turned(Round(8, (0, 1), 2, 500, FOREVER, 100_000), None)
    assert progress.may_read(0)
