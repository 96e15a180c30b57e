"""Which events of one home may go on, and which must wait for other partitions.

``arrival``: the order within a partition is kept. While every partition is at its end events go
on at once; while any lags behind, events go on in the order of their partitions' clocks (a
partition's clock is the newest event time so far), so that a key fed by several partitions
meets them as it would have met them live.

``event_time``: events wait until every partition's watermark has passed them and go on by
(event_time, labels first, event_id), so nothing depends on partitions, batches or processes.

What waits is not stored: the source is read again from the oldest event that waits, and the
state says which of those events were already done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.joining import identities
from models.ordering import EventTimeOrder, gather, in_order
from models.places import offset_of, partition_of
from models.rounds import FOREVER, NO_TIME, Round, Turn

Ordering: TypeAlias = Literal["arrival", "event_time"]
_FIELDS: Final = 3


@dataclass(frozen=True, slots=True)
class Passed:
    """Events of one partition that intake has judged.

    Attributes
    ----------
    partition
        Whose.
    batch
        Without duplicates; `late` is set. None where no record was good.
    next
        Offset after the last record that intake has seen.
    duplicates
        Places of the records that were dropped.
    again
        Whether an earlier run has judged them: they are here because they may still wait.
    """

    partition: int
    batch: Batch | None
    next: int
    duplicates: NDArray[np.int64]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Events that go on, in order.

    Attributes
    ----------
    batch
        None where only the turn matters.
    order_ms, ids
        Shape (n,): by what other homes' events are merged with them; only with a turn.
    turn
        None: nobody waits for others.
    """

    batch: Batch | None
    order_ms: NDArray[np.int64]
    ids: NDArray[np.bytes_] | None
    turn: Turn | None


@dataclass(slots=True)
class _Partition:
    """One partition's place: what waits, and what a later run must know."""

    first: int = 0
    """Offset of the oldest record that waits or is yet to come."""
    clock_ms: int = NO_TIME
    """Newest event time before `first` (arrival only)."""
    read: int = 0
    """Offset after the last record that this run has met."""
    waiting: list[tuple[Batch, NDArray[np.int64]]] = field(default_factory=list)
    """Batches with their clocks (arrival only)."""
    pool: EventTimeOrder = field(default_factory=EventTimeOrder)
    """What waits (event_time only)."""
    count: int = 0
    """How many events wait."""


class Holding:
    """What waits in one home.

    Parameters
    ----------
    home
        Its number, which is its lane's.
    ordering
        ``arrival`` or ``event_time``.
    """

    def __init__(self, home: int, ordering: Ordering) -> None:
        self._home, self._by_time = home, ordering == "event_time"
        self._partitions: dict[int, _Partition] = {}
        self._released_ms = NO_TIME
        self._at_once = False
        self._late = np.zeros(0, np.int64)
        self._duplicates = np.zeros(0, np.int64)

    def add(self, passed: Passed) -> list[Release]:
        """Take a partition's next events; return those that need not wait."""
        own = self._partitions.setdefault(passed.partition, _Partition())
        own.read = max(own.read, passed.next)
        batch = passed.batch
        if batch is None:
            self._settle(own)
            return []
        if passed.again:
            batch = self._still_waiting(own, batch)
        else:
            self._duplicates = np.concatenate([self._duplicates, passed.duplicates])
            if batch.late.any():
                self._late = np.concatenate([self._late, batch.places[batch.late]])
        return self._add_by_time(own, batch) if self._by_time else self._add_by_clock(own, batch)

    def _add_by_clock(self, own: _Partition, batch: Batch) -> list[Release]:
        clock_ms = int(own.waiting[-1][1][-1]) if own.waiting else own.clock_ms
        clocks = np.maximum(np.maximum.accumulate(batch.times), clock_ms)
        if len(batch) and not (self._at_once and not own.waiting):
            own.waiting.append((batch, clocks))
            own.count += len(batch)
            return []
        self._settle(own)
        if not len(batch):
            return []
        own.clock_ms = int(clocks[-1])
        return [Release(batch, clocks, None, None)]

    def _settle(self, own: _Partition) -> None:
        """Nothing of what was read waits: the source need not go back."""
        if not self._by_time and not own.waiting:
            own.first = own.read

    def _add_by_time(self, own: _Partition, batch: Batch) -> list[Release]:
        behind = batch.times < self._released_ms
        stray = batch.take(np.flatnonzero(behind)) if behind.any() else None
        own.pool.add(batch if stray is None else batch.take(np.flatnonzero(~behind)))
        own.count = own.pool.waiting
        return [] if stray is None else [Release(stray, stray.times, None, None)]

    def _still_waiting(self, own: _Partition, batch: Batch) -> Batch:
        """Of events that are read again, those that had not gone on."""
        waits = offset_of(batch.places) >= own.first
        waits &= ~np.isin(batch.places, self._duplicates)
        if self._by_time:
            waits &= batch.times >= self._released_ms
        batch = batch.take(np.flatnonzero(waits))
        batch.late[:] = np.isin(batch.places, self._late)
        return batch

    def turn(self, now: Round) -> list[Release]:
        """Act on a round: every home decides the same, and those that have partitions release."""
        if self._by_time:
            # no further than what was seen: after a quiet time, or the end, events wait again
            limit_ms = min(now.watermark_ms, now.newest_ms + 1)
            acts = limit_ms > self._released_ms
            self._released_ms = max(limit_ms, self._released_ms)
        else:
            # one partition alone has nobody to wait for
            limit_ms = FOREVER if now.partitions <= 1 else now.frontier_ms
            before, self._at_once = self._at_once, limit_ms == FOREVER
            acts = limit_ms > self._released_ms and not (before and self._at_once)
            self._released_ms = NO_TIME if self._at_once else max(limit_ms, self._released_ms)
        if not acts:
            return []
        if self._home not in now.homes:
            # the others do not know of its partitions yet, so they do not wait for it
            return self._parts(limit_ms, None) if self._by_time else []
        several = len(now.homes) > 1
        turn = Turn(now.number, len(now.homes), last=True, by_time=self._by_time)
        return self._parts(limit_ms, turn if several else None)

    def _parts(self, limit_ms: int, turn: Turn | None) -> list[Release]:
        if self._by_time:
            ready = [b for own in self._partitions.values() for b in own.pool.take(limit_ms)]
            found = [(batch, batch.times) for batch in in_order(ready)]
        else:
            found = self._by_clock(limit_ms)
        for own in self._partitions.values():
            own.count = own.pool.waiting + sum(len(batch) for batch, _clocks in own.waiting)
        if turn is None:
            return [Release(batch, order_ms, None, None) for batch, order_ms in found]
        parts = [
            Release(
                batch,
                order_ms,
                identities(batch, np.arange(len(batch))) if self._by_time else None,
                replace(turn, last=at == len(found)),
            )
            for at, (batch, order_ms) in enumerate(found, 1)
        ]
        return parts or [Release(None, np.zeros(0, np.int64), None, turn)]

    def _by_clock(self, limit_ms: int) -> list[tuple[Batch, NDArray[np.int64]]]:
        """What the partitions' clocks allow, merged by them; a partition keeps its order."""
        ready: list[tuple[Batch, NDArray[np.int64]]] = []
        for _partition, own in sorted(self._partitions.items()):
            kept = []
            for batch, clocks in own.waiting:
                count = int(np.searchsorted(clocks, limit_ms, side="right"))
                if count:
                    own.clock_ms = int(clocks[count - 1])
                    rows = np.arange(count)
                    ready.append(
                        (batch if count == len(batch) else batch.take(rows), clocks[:count])
                    )
                if count < len(batch):
                    rest = batch.take(np.arange(count, len(batch)))
                    kept.append((rest, clocks[count:]))
            own.waiting = kept
            own.first = int(offset_of(kept[0][0].places[0])) if kept else own.read
        if len(ready) < 2:
            return ready
        every = np.concatenate([clocks for _batch, clocks in ready])
        if (every[1:] >= every[:-1]).all():
            return ready
        order = np.argsort(every, kind="stable")
        every = every[order]
        merged = gather([batch for batch, _clocks in ready], order)
        ends = np.cumsum([len(batch) for batch in merged])
        return list(zip(merged, np.split(every, ends[:-1]), strict=True))

    @property
    def waiting(self) -> dict[int, int]:
        """Partition → how many of its events wait."""
        return {number: own.count for number, own in self._partitions.items()}

    def needed(self) -> dict[int, int]:
        """Partition → offset from which the source must be read again to find all that waits."""
        if self._by_time:
            for own in self._partitions.values():
                place = own.pool.first_place
                own.first = own.read if place is None else min(own.read, offset_of(place))
        return {number: own.first for number, own in self._partitions.items()}

    def save(self) -> dict[str, NDArray[Any]]:
        """What a later run must know to go on; small, because what waits is read again."""
        needed = self.needed()
        rows = [[number, needed[number], own.clock_ms] for number, own in self._partitions.items()]
        self._late = _from(self._late, needed)
        self._duplicates = _from(self._duplicates, needed)
        released_ms = self._released_ms if self._by_time else NO_TIME
        return {
            "released": np.array([released_ms], np.int64),
            "partitions": np.array(rows, np.int64).reshape(-1, _FIELDS),
            "late": self._late,
            "duplicates": self._duplicates,
        }

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave; what waited must be given to `add` again."""
        self._released_ms = int(saved["released"][0])
        self._partitions = {
            number: _Partition(first, clock_ms, first)
            for number, first, clock_ms in saved["partitions"].tolist()
        }
        self._late, self._duplicates = saved["late"].copy(), saved["duplicates"].copy()


def _from(places: NDArray[np.int64], needed: Mapping[int, int]) -> NDArray[np.int64]:
    """Places that a source which is read again from `needed` will meet."""
    if not places.size:
        return places
    least = np.array([needed[partition] for partition in partition_of(places).tolist()], np.int64)
    return places[offset_of(places) >= least]
