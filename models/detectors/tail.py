"""How unusual a score is: the share of earlier scores at least as high.

Scores in [0, 1] fall into 1,024 bins; a Fenwick tree keeps their cumulative counts, so that a
score is placed and counted in ten steps each (P. Fenwick, 1994).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline

BINS: Final = 1024

EXTREME: Final = 0.001
"""A score with this tail share or less is not learned as normal (poison guard)."""

SETTLED: Final = 1000
"""Scores that must have been seen before any is called extreme."""


def new_counts() -> NDArray[np.int64]:
    """Counts of no score yet: place 0 is the total."""
    return np.zeros(BINS + 1, np.int64)


@inline
def tail_share(counts: NDArray[np.int64], score: float) -> float:
    """(scores in this bin or above + 1) ÷ (scores + 1), in (0, 1]; 1 before the first."""
    place = max(min(int(score * BINS), BINS - 1), 0)
    below = 0
    while place > 0:
        below += counts[place]
        place -= place & -place
    return (counts[0] - below + 1) / (counts[0] + 1)


@inline
def is_extreme(counts: NDArray[np.int64], share: float) -> bool:
    """Whether a tail share is so low that its event may not be learned as normal."""
    return share <= EXTREME and counts[0] > SETTLED


@inline
def count_score(counts: NDArray[np.int64], score: float) -> None:
    """Count one score."""
    place = max(min(int(score * BINS), BINS - 1), 0) + 1
    counts[0] += 1
    while place <= BINS:
        counts[place] += 1
        place += place & -place
