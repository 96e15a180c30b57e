"""What the steps of one process tell its source: how far to go back, whom to let wait."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from models.rounds import FOREVER, NO_TIME, Round

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
    horizon_ms
        Up to where partitions may be read on, however much of them waits.
    rounds
        How many rounds of announcements are complete.
    committed
        Called at every commit.
    closes_ms
        How long the newest epoch closes kept the source waiting.
    """

    lanes: set[int] = field(default_factory=set)
    needed: dict[int, int] = field(default_factory=dict)
    newest_ms: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)
    horizon_ms: int = NO_TIME
    rounds: int = 0
    committed: Callable[[], None] = lambda: None
    closes_ms: deque[float] = field(default_factory=lambda: deque(maxlen=CLOSES_KEPT))

    _waited: dict[int, int] = field(default_factory=dict)

    def close_ms(self, share: float) -> float:
        """A quantile of the newest epoch closes; 0 before the first."""
        ordered = sorted(self.closes_ms)
        return round(ordered[int(share * (len(ordered) - 1))], 3) if ordered else 0.0

    def turned(self, now: Round, lateness_ms: int | None) -> None:
        """Take note of a round; `lateness_ms` is None where events do not wait for watermarks."""
        self.rounds = now.number + 1
        horizon_ms = now.frontier_ms
        if lateness_ms is not None and now.watermark_ms < FOREVER:
            # a partition that is waited for must not be run away from
            horizon_ms = min(horizon_ms, max(now.watermark_ms, NO_TIME + AHEAD_MS) + lateness_ms)
        if horizon_ms != self.horizon_ms:
            self.horizon_ms = horizon_ms
            self._waited = dict(self.waiting)

    def may_read(self, partition: int) -> bool:
        """Whether a partition should be read on, or is too far ahead of the others."""
        more = self.waiting.get(partition, 0) - self._waited.get(partition, 0)
        if more < WAITING_MAX or self.horizon_ms >= FOREVER:
            return True
        return self.newest_ms.get(partition, NO_TIME) <= self.horizon_ms + AHEAD_MS
