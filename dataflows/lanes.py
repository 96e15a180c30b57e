"""A source as Bytewax sees it: as many lanes as there are shards, whatever its partitions.

Lane i reads every partition p with p mod N = i, and shares its worker with shard i. Beside
records it emits pulses, which say how its partitions stand.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflows.edges import Reader, Source
from dataflows.guarding import Guard
from dataflows.progress import Progress
from models.records import DeadLetter, RawBlock
from models.rounds import Pulse, Status

LOG: Final = logging.getLogger("riverguard.source")
IDLE_S: Final = 0.002
"""How soon a lane that found nothing looks again."""
PULSE_S: Final = 0.05
PULSES_AHEAD_MAX: Final = 4
"""A lane that is so many pulses ahead of the slowest holds its tongue: what it would say would be
heard too late."""
LONELY_PULSE_S: Final = 0.5
"""Between pulses where one partition has nobody to keep step with."""
DISCOVER_S: Final = 10.0
STALLED_S: Final = 10.0
"""A partition that has more, but has given nothing for so long, is told of: others wait for it."""
AT_END_S: Final = 0.1
"""A partition that was read to its end so short a time ago does not lag."""

Position: TypeAlias = Mapping[str, int]
Item: TypeAlias = RawBlock | DeadLetter | Pulse


class _Open:
    """One partition being read, and the positions to which a later run may have to go back."""

    def __init__(self, partition: int, reader: Reader) -> None:
        self.partition, self.reader = partition, reader
        self._nothing_since: float | None = None
        self._told = False
        now = reader.position()
        self._trail = deque([(now["record"], dict(now))])
        self.at_end_at = self.record_at = -1e9

    def read(self, now: float) -> list[RawBlock | DeadLetter]:
        """The next block, behind what was too large to be one."""
        block = self.reader.read()
        found: list[RawBlock | DeadLetter] = [*self.reader.oversized()]
        if block is not None:
            found.append(block)
        if found:
            self.record_at = now
            position = self.reader.position()
            self._trail.append((position["record"], dict(position)))
        at_end = self.reader.at_end or self.reader.finished
        if at_end:
            self.at_end_at = now
        self._watch(now, moves=bool(found) or at_end)
        return found

    def _watch(self, now: float, *, moves: bool) -> None:
        """Tell when the partition stalls, and when it goes on."""
        if moves:
            if self._told:
                LOG.warning("partition %d goes on", self.partition)
            self._told, self._nothing_since = False, None
        elif self._nothing_since is None:
            self._nothing_since = now
        elif not self._told and now - self._nothing_since > STALLED_S:
            self._told = True
            LOG.warning(
                "partition %d gives nothing and is not at its end: has it a leader? Others wait",
                self.partition,
            )

    def status(self, now: float, idle_after_s: float) -> Status:
        """How the partition stands."""
        done = self.reader.finished
        at_end = done or now - self.at_end_at <= AT_END_S
        idle = done or (at_end and now - self.record_at > idle_after_s)
        return Status(self._trail[-1][0], at_end, idle)

    def back_to(self, needed: int | None) -> Position:
        """The newest position at or before a record."""
        while needed is not None and len(self._trail) > 1 and self._trail[1][0] <= needed:
            self._trail.popleft()
        if needed is not None and len(self._trail) == 1 and self._trail[0][0] <= needed:
            # what followed were no records: markers of transactions, say
            return dict(self.reader.position())
        return self._trail[0][1]


class _Lane(StatefulSourcePartition[Item, dict[int, Position]]):
    def __init__(
        self, source: "LanedSource", lane: int, resumed: Mapping[int, Position] | None
    ) -> None:
        self._of, self._lane = source, lane
        self._resumed = dict(resumed or {})
        self._open: dict[int, _Open] = {}
        self._durable: dict[int, Position] = {}
        self._partitions = 0
        self._pulse_at = self._discover_at = 0.0
        self._idle = self._final = False
        self._closed = False
        self._pulses = 0
        source.progress.lanes.add(lane)

    def next_batch(self) -> list[Item]:
        with self._of.guard:
            return self._next()

    def _next(self) -> list[Item]:
        if self._final or self._of.stopping.is_set():
            raise StopIteration
        now = time.monotonic()
        if self._closed:
            self._closed = False
            self._go_on(now)
        if now >= self._discover_at:
            self._discover(now)
        out: list[Item] = []
        if self._finished or (now >= self._pulse_at and not self._ahead):
            out.append(self._pulse(now))
        for partition, opened in self._open.items():
            if self._of.progress.may_read(partition):
                out += opened.read(now)
        self._idle = not out
        return out

    @property
    def _finished(self) -> bool:
        return not self._of.source.grows and all(o.reader.finished for o in self._open.values())

    @property
    def _ahead(self) -> bool:
        """Whether other lanes have yet to answer what this one said."""
        return self._pulses - self._of.progress.rounds >= PULSES_AHEAD_MAX

    def _go_on(self, now: float) -> None:
        """While an epoch closed nothing was read, so no partition fell behind by itself."""
        pause = self._of.going_on(now)
        for opened in self._open.values():
            opened.at_end_at += pause

    def _discover(self, now: float) -> None:
        """Open partitions that are new; a pulse tells of them before their first record."""
        found = self._of.partitions(now)
        self._partitions = len(found)
        for partition in found:
            if partition % self._of.lanes == self._lane and partition not in self._open:
                position = self._resumed.pop(partition, None)
                opened = _Open(partition, self._of.source.open(partition, position))
                opened.record_at = now
                self._open[partition] = opened
                self._pulse_at = now
        self._discover_at = now + (DISCOVER_S if self._of.source.grows else float("inf"))

    def _pulse(self, now: float) -> Pulse:
        lonely = self._partitions <= 1 and not self._of.by_time
        self._pulse_at = now + (LONELY_PULSE_S if lonely else PULSE_S)
        self._final = self._finished
        self._pulses += 1
        return Pulse(
            self._lane,
            {p: o.status(now, self._of.idle_after_s) for p, o in self._open.items()},
            self._final,
        )

    def next_awake(self) -> datetime | None:
        if not self._idle:
            return None
        wait = IDLE_S
        if not self._open:
            wait = max(min(self._pulse_at, self._discover_at) - time.monotonic(), IDLE_S)
        return datetime.now(UTC) + timedelta(seconds=wait)

    def snapshot(self) -> dict[int, Position]:
        with self._of.guard:
            # what the last snapshot said is durable by now
            for partition, position in self._durable.items():
                self._of.source.durable(partition, position)
            needed = self._of.progress.needed
            self._durable = {p: o.back_to(needed.get(p)) for p, o in self._open.items()}
            self._closed = True
            self._of.closing()
            return {**self._resumed, **self._durable}

    def close(self) -> None:
        for opened in self._open.values():
            opened.reader.close()


class LanedSource(FixedPartitionedSource[Item, dict[int, Position]]):
    """A source, cut into lanes.

    Parameters
    ----------
    source
        Whose partitions.
    lanes
        How many; fixed for a deployment.
    by_time
        Whether lanes must keep step even where there is one partition.
    idle_after_s
        How long a partition at its end is waited for.
    stopping
        Ends the flow without ending its input: what waits goes on waiting.
    """

    def __init__(
        self,
        source: Source,
        lanes: int,
        *,
        by_time: bool,
        idle_after_s: float,
        stopping: threading.Event,
        progress: Progress,
        guard: Guard,
    ) -> None:
        self.source, self.lanes, self.by_time = source, lanes, by_time
        self.idle_after_s, self.stopping = idle_after_s, stopping
        self.progress, self.guard = progress, guard
        self._partitions: list[int] = []
        self._asked_at = -DISCOVER_S
        self._closing_at: float | None = None
        self._pause_s = 0.0

    def closing(self) -> None:
        """An epoch ends: nothing is read until it is durable everywhere."""
        self._closing_at = self._closing_at or time.monotonic()
        self.progress.committed()

    def going_on(self, now: float) -> float:
        """Something is read again; how long nothing was, seconds."""
        if self._closing_at is not None:
            self._pause_s = now - self._closing_at
            self.progress.closes_ms.append(1000 * self._pause_s)
            self._closing_at = None
        return self._pause_s

    def partitions(self, now: float) -> list[int]:
        """The source's partitions, asked once for all lanes."""
        if now >= self._asked_at + DISCOVER_S / 2:
            self._partitions, self._asked_at = self.source.partitions(), now
        return self._partitions

    def list_parts(self) -> list[str]:
        """One part per lane; nothing is asked of the source."""
        return [f"{lane:04d}" for lane in range(self.lanes)]

    def build_part(
        self,
        step_id: str,  # noqa: ARG002
        for_part: str,
        resume_state: dict[int, Position] | None,
    ) -> _Lane:
        """Read one lane from where the last commit left it."""
        return _Lane(self, int(for_part), resume_state)
