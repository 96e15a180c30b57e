"""What the steps of one process tell its source: how far to go back, whom to let wait."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from models.rounds import FOREVER, NO_TIME

AHEAD_MS: Final = 1000
"""A partition that is so far ahead of the slowest, in event time, is not read on while …"""
CLOSES_KEPT: Final = 10_000
WAITING_MAX: Final = 20_000
"""… so many of its events wait."""


@dataclass
class Progress:
    """Shared by the source and the holds of one process, which runs them in one thread.

    Attributes
    ----------
    lanes
        Lanes that this process reads.
    needed
        Partition → offset from which the source must be read again after a crash, as of the last
        commit.
    newest_ms
        Partition → newest event time read.
    waiting
        Partition → how many of its events wait.
    frontier_ms
        Newest event time of the slowest partition that has more to read.
    closes_ms
        How long the newest epoch closes kept the source waiting.
    """

    lanes: set[int] = field(default_factory=set)
    needed: dict[int, int] = field(default_factory=dict)
    newest_ms: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)
    frontier_ms: int = NO_TIME
    closes_ms: deque[float] = field(default_factory=lambda: deque(maxlen=CLOSES_KEPT))

    def close_ms(self, share: float) -> float:
        """A quantile of the newest epoch closes; 0 before the first."""
        ordered = sorted(self.closes_ms)
        return round(ordered[int(share * (len(ordered) - 1))], 3) if ordered else 0.0

    def may_read(self, partition: int) -> bool:
        """Whether a partition should be read on, or is too far ahead of the others."""
        if self.waiting.get(partition, 0) < WAITING_MAX or self.frontier_ms >= FOREVER:
            return True
        return self.newest_ms.get(partition, NO_TIME) <= self.frontier_ms + AHEAD_MS
