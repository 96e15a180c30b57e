"""How lanes keep in step: each announces how far it is, and all act on the same announcements.

A lane is one shard's slice of the source's partitions. Every lane announces itself again and
again; the k-th announcements of all lanes make round k. Whoever has seen them all decides the
same, wherever it runs, without asking anybody.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

FOREVER: Final = 1 << 62
"""Later than every event: nothing is waited for."""
NO_TIME: Final = int(np.iinfo(np.int64).min)
"""Earlier than every event: nothing is known yet."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """How far one lane is.

    Attributes
    ----------
    lane
        Its number.
    partitions
        How many it reads.
    watermark_ms
        The lowest watermark of its partitions; idle ones are left out.
    frontier_ms
        The lowest newest event time of its partitions that have more to read; those that have
        caught up with the source are left out.
    newest_ms
        Newest event time of all its partitions.
    final
        Its input has ended: it will never announce again.
    """

    lane: int
    partitions: int
    watermark_ms: int
    frontier_ms: int
    newest_ms: int
    final: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """What the announcements of one round come to.

    Attributes
    ----------
    number
        From 0, the same for all.
    homes
        The lanes that have partitions.
    partitions
        How many all lanes have.
    watermark_ms, frontier_ms
        The lowest of all lanes.
    newest_ms
        The newest of all lanes.
    """

    number: int
    homes: tuple[int, ...]
    partitions: int
    watermark_ms: int
    frontier_ms: int
    newest_ms: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Marks what one home adds to a round whose parts must be merged.

    Attributes
    ----------
    number
        Of the round.
    homes
        How many take part; each has one last part.
    last
        Whether this is its last.
    by_time
        Whether events are merged by event time, or else by their partitions' clocks.
    """

    number: int
    homes: int
    last: bool
    by_time: bool = True


class Rounds:
    """Gathers announcements until a round is complete.

    Parameters
    ----------
    lanes
        How many there are, for ever.

    Examples
    --------
    >>> rounds = Rounds(2)
    >>> rounds.add(Announcement(0, 1, 500, FOREVER, 900))
    []
    >>> rounds.add(Announcement(1, 1, 300, FOREVER, 800))[0].watermark_ms
    300
    """

    def __init__(self, lanes: int) -> None:
        self._waiting: list[deque[Announcement]] = [deque() for _ in range(lanes)]
        self._final: dict[int, Announcement] = {}
        self._number = 0

    def add(self, announcement: Announcement) -> list[Round]:
        """Take one announcement; return the rounds that it completes."""
        self._waiting[announcement.lane].append(announcement)
        found = []
        while any(self._waiting):
            parts = [self._next(lane) for lane in range(len(self._waiting))]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                break
            for waiting in self._waiting:
                if waiting:
                    waiting.popleft()
            self._final.update({part.lane: part for part in known if part.final})
            found.append(self._sum(known))
        return found

    def _next(self, lane: int) -> Announcement | None:
        waiting = self._waiting[lane]
        return waiting[0] if waiting else self._final.get(lane)

    def _sum(self, parts: Sequence[Announcement]) -> Round:
        self._number += 1
        return Round(
            self._number - 1,
            tuple(part.lane for part in parts if part.partitions),
            sum(part.partitions for part in parts),
            min(part.watermark_ms for part in parts),
            min(part.frontier_ms for part in parts),
            max(part.newest_ms for part in parts),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """What the source says about one partition.

    Attributes
    ----------
    next
        Offset of the record after the last one handed on.
    at_end
        It was read to its end a moment ago.
    idle
        It has been at its end, without a record, for longer than partitions are waited for.
    """

    next: int
    at_end: bool
    idle: bool


@dataclass(frozen=True, slots=True)
class Pulse:
    """A lane's heartbeat, from the source: which partitions it reads, and how they stand."""

    lane: int
    partitions: dict[int, Status]
    final: bool = False
