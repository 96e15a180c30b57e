"""The definition of the MIDAS detector, with exact counts, one event at a time."""

import math
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field


def burst(present: float, usual: float, ticks: int) -> float:
    """χ² of the present count against the mean of all ticks; fewer than usual are no burst.

    >>> burst(4, 4, 2), burst(1, 2, 2), burst(5, 5, 1)
    (4.0, 0.0, 0.0)
    """
    above = present - usual / ticks
    if ticks == 1 or above <= 0:
        return 0.0
    return (above * ticks) ** 2 / (usual * (ticks - 1))


@dataclass
class ExactMidas:
    """What `models.detectors.midas` would say if no two keys ever shared a bucket."""

    fade: float
    first: int | None = None
    now: int = 0
    present: defaultdict[Hashable, float] = field(default_factory=lambda: defaultdict(float))
    usual: defaultdict[Hashable, float] = field(default_factory=lambda: defaultdict(float))

    def score(self, payer: int, payee: int, tick: int, *, learns: bool) -> float:
        """Score one event, then count it."""
        if self.first is None:
            self.first = self.now = tick
        for key in self.present if tick > self.now else ():
            self.present[key] *= self.fade ** (tick - self.now)
        self.now = max(self.now, tick)
        keys = (("edge", payer, payee), ("payer", payer), ("payee", payee))
        ticks = self.now - self.first + 1
        highest = max(burst(self.present[key] + 1, self.usual[key] + 1, ticks) for key in keys)
        for key in keys:
            self.present[key] += 1
            self.usual[key] += learns
        return math.log1p(highest) / (1 + math.log1p(highest))
