"""A source in memory, and one home of a process driven by hand, without the engine."""

from dataclasses import dataclass, field
from typing import Any

from dataflows.counters import Counters
from dataflows.logics import HoldLogic, IntakeLogic
from dataflows.shared import Shared
from dataflows.state import StateStore
from dataflows.steps import Steps
from models.records import RawBlock
from models.rounds import Announcement


class MemoryReader:
    """Blocks of some records; None where the rest has not been produced yet."""

    def __init__(self, source, partition, position):
        self.finished = self.at_end = False
        self._source, self._partition = source, partition
        self._next = position["record"] if position else 0

    def read(self):
        end = self._source.ends[self._partition]
        self._source.reads.append(self._partition)
        if self._partition in self._source.leaderless:
            self.at_end = False
            return None
        if self._next == end:
            self.at_end, self.finished = True, not self._source.grows
            return None
        first, self._next = self._next, min(self._next + self._source.block, end)
        self.at_end = False
        data = b"".join(self._source.line(self._partition, at) for at in range(first, self._next))
        return RawBlock(self._partition, data, first, 1_800_000_000_000)

    def oversized(self):
        return []

    def position(self):
        return {"record": self._next}

    def close(self):
        self._source.closed.append(self._partition)


@dataclass
class MemorySource:
    """Partition → how many records there are; each is a payment, or broken."""

    ends: dict[int, int]
    grows: bool = True
    broken: bool = False
    block: int = 3
    reads: list[int] = field(default_factory=list)
    told: list[tuple[int, int]] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    asked: int = 0
    leaderless: set[int] = field(default_factory=set)

    def partitions(self):
        self.asked += 1
        return sorted(self.ends)

    def open(self, partition, position):
        return MemoryReader(self, partition, position)

    def durable(self, partition, position):
        self.told.append((partition, position["record"]))

    def line(self, partition, offset):
        if self.broken:
            return b"{\n"
        return (
            b'{"event_id":"%d-%d","event_time":%d,"kind":"payment","account":"a","amount":1,'
            b'"currency":"CNY","counterparty":"b"}\n'
            % (partition, offset, 1_700_000_000_000 + offset)
        )


class ByHand:
    """Every lane of a process, and the home of lane 0."""

    def __init__(self, blueprint, directory, ordering, laned, saved=None):
        self.store = StateStore(directory)
        self.shared = Shared(blueprint, ordering, self.store, Counters())
        intake, hold, positions = saved or (None, None, {})
        self.hold = HoldLogic(self.shared, hold)
        self.intake = [IntakeLogic(self.shared, intake)]
        lanes = blueprint.deployment.shards
        self.intake += [IntakeLogic(self.shared, None) for _ in range(lanes - 1)]
        source = laned(lanes, self.shared.progress)
        self.lanes = [
            source.build_part("source", f"{n:04d}", positions if n == 0 else None)
            for n in range(lanes)
        ]
        self.released: list[int] = []
        self._steps = Steps(self.shared)

    def step(self, *numbers):
        """Read some lanes once, all unless named."""
        for number in numbers or range(len(self.lanes)):
            for item in self.lanes[number].next_batch():
                out, _keep = self.intake[number].on_batch([self._steps.decode(item)[1]])
                for one in out:
                    self._hold(number, one)

    def _hold(self, number: int, one: Any):
        if isinstance(one, list) or (number and not isinstance(one, Announcement)):
            return
        out, _keep = self.hold.on_batch([(0, one)])
        for scattered in out:
            if scattered.batch is not None:
                self.released += scattered.batch.places.tolist()

    def commit(self):
        """An epoch ends; what a later run begins with."""
        position = self.lanes[0].snapshot()
        return self.intake[0].snapshot(), self.hold.snapshot(), position
