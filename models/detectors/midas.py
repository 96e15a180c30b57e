"""MIDAS: bursts between two parties, of a payer, or of a payee, against what is usual for them.

Of every edge (payer, payee) and of every node two counts are kept: of the present tick and the
ticks before it, which fade, and of all time. A chi-squared statistic tells how far the first is
beyond what the second makes one expect; the score is that of the edge or of either node, whichever
is highest. The counts stand in count-min sketches, so memory is bounded whatever the graph: a count
is never too low, and too high by a share that falls with the number of buckets.

References
----------
S. Bhatia, B. Hooi, M. Yoon, K. Shin, C. Faloutsos (2020), MIDAS: Microcluster-based detector of
anomalies in edge streams, AAAI, section 4 (MIDAS-R). Theirs is two-sided and lets counts fade once
at every change of the tick; here fewer than usual are no burst, and counts fade by every tick.
G. Cormode, S. Muthukrishnan (2005), An improved data stream summary: the count-min sketch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel, to_int
from models.detectors.tail import count_score, is_extreme, new_counts, tail_share

_FIRST, _NOW, _BEGUN = range(3)
_KINDS: Final = 3
"""Edge, payer, payee."""


@dataclass(frozen=True, slots=True)
class MidasConfig:
    """Options of ``model: midas``.

    Attributes
    ----------
    tick
        Length of a tick, ms.
    fade
        What is left of the present counts after a tick, in [0, 1].
    hashes, buckets
        Rows of each sketch, and counts in a row.
    learn
        ``normal`` (default) lets an event on which a rule hit, or whose own score is extreme, not
        count as usual, only as present; ``all`` counts every event as both.
    """

    tick: int = 60_000
    fade: float = 0.5
    hashes: int = 2
    buckets: int = 1024
    learn: str = "normal"


class Midas:
    """Bursts of edges in a stream, in bounded memory.

    Parameters
    ----------
    features
        Payer and payee; the third column of `score` is the event's time.
    config
        Options.

    Examples
    --------
    >>> detector = Midas(["account", "counterparty"], MidasConfig(tick=1))
    >>> edges = np.array([[1, 2]] * 4 + [[3, 4]] * 4, np.uint64).view(np.float64)
    >>> x = np.column_stack([edges, [0, 1, 2, 3, 4, 4, 4, 4]])
    >>> detector.score(x, np.ones(8, np.bool_))[0].round(2).tolist()
    [0.0, 0.29, 0.38, 0.41, 0.62, 0.69, 0.72, 0.74]
    """

    def __init__(self, features: Sequence[str], config: MidasConfig) -> None:
        self.features, self.config = tuple(features), config
        shape = (_KINDS, config.hashes, config.buckets)
        self._present, self._usual = np.zeros(shape), np.zeros(shape)
        self._marks = np.zeros(3, np.int64)
        self._tail = new_counts()
        self._places = np.zeros((_KINDS, config.hashes), np.int64)

    def score(
        self, x: NDArray[np.float64], learnable: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score every event in order, then learn it.

        Parameters
        ----------
        x
            (n, 3): the bits of the payer's and of the payee's key, and the time, epoch ms.
        learnable
            (n,): false for events that must not be learned as usual.

        Returns
        -------
        Scores in [0, 1), high is a burst, 0 in the first tick: log(1 + χ²) ÷ (1 + log(1 + χ²));
        and their tail shares in (0, 1].
        """
        scores, shares = np.zeros(x.shape[0]), np.ones(x.shape[0])
        keys = np.ascontiguousarray(x[:, :2]).view(np.uint64)
        ticks = np.ascontiguousarray(x[:, 2]).astype(np.int64) // self.config.tick
        _score_then_learn(
            keys, ticks, learnable, self._present, self._usual, self._marks, self._tail,
            self._places, self.config.fade, self.config.learn != "all", scores, shares,
        )  # fmt: skip
        return scores, shares

    def save(self) -> dict[str, NDArray[Any]]:
        """The state, copied."""
        return {
            "present": self._present.copy(),
            "usual": self._usual.copy(),
            "marks": self._marks.copy(),
            "tail": self._tail.copy(),
        }

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        self._present, self._usual = saved["present"].copy(), saved["usual"].copy()
        self._marks, self._tail = saved["marks"].copy(), saved["tail"].copy()


@inline
def _mixed(key: np.uint64, number: int) -> np.uint64:
    """Spread a key's bits, in another way for every row (the finaliser of SplitMix64)."""
    z = key + np.uint64(0x9E3779B97F4A7C15) * np.uint64(number + 1)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inline
def _burst(present: float, usual: float, ticks: float) -> float:
    """χ² of a tick's count against the mean tick's; 0 where it is not above."""
    above = present - usual / ticks
    if ticks <= 1.0 or above <= 0.0:
        return 0.0
    return above * above * ticks * ticks / (usual * (ticks - 1.0))


@kernel
def _score_then_learn(
    keys: NDArray[np.uint64],
    ticks: NDArray[np.int64],
    learnable: NDArray[np.bool_],
    present: NDArray[np.float64],
    usual: NDArray[np.float64],
    marks: NDArray[np.int64],
    tail: NDArray[np.int64],
    places: NDArray[np.int64],
    fade: float,
    guarded: bool,
    scores: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> None:
    hashes, buckets = present.shape[1], np.uint64(present.shape[2])
    for i in range(keys.shape[0]):
        if marks[_BEGUN] == 0:
            marks[_BEGUN], marks[_FIRST], marks[_NOW] = 1, ticks[i], ticks[i]
        if ticks[i] > marks[_NOW]:
            left = fade ** float(ticks[i] - marks[_NOW])
            for kind in range(_KINDS):
                for row in range(hashes):
                    for bucket in range(present.shape[2]):
                        present[kind, row, bucket] *= left
            marks[_NOW] = ticks[i]
        span = float(marks[_NOW] - marks[_FIRST] + 1)
        highest = 0.0
        for kind in range(_KINDS):
            key = keys[i, 0] if kind != 2 else keys[i, 1]
            if kind == 0:
                key = _mixed(key, 7) ^ keys[i, 1]
            here, ever = np.inf, np.inf
            for row in range(hashes):
                place = to_int(_mixed(key, row) % buckets)
                places[kind, row] = place
                here = min(here, present[kind, row, place])
                ever = min(ever, usual[kind, row, place])
            highest = max(highest, _burst(here + 1.0, ever + 1.0, span))
        logged = np.log1p(highest)
        scores[i] = logged / (1.0 + logged)
        shares[i] = tail_share(tail, scores[i])
        count_score(tail, scores[i])
        learns = not guarded or (learnable[i] and not is_extreme(tail, shares[i]))
        for kind in range(_KINDS):
            for row in range(hashes):
                present[kind, row, places[kind, row]] += 1.0
                if learns:
                    usual[kind, row, places[kind, row]] += 1.0
