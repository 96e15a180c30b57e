"""Half-space trees: random trees over the feature ranges that count where recent events fell.

A region that few recent events visited is unusual. They work well when anomalies are spread out
and badly when anomalies come packed together: combine them with rate rules.

References
----------
S. C. Tan, K. M. Ting, T. F. Liu (2011), Fast anomaly detection for streaming data, IJCAI.
River 0.26, `river.anomaly.HalfSpaceTrees`, defines every detail; scores are bit-identical.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel
from models.detectors.tail import count_score, is_extreme, new_counts, tail_share

_COUNTER, _WARM = range(2)


@dataclass(frozen=True, slots=True)
class HalfSpaceTreesConfig:
    """Options of ``model: half_space_trees``.

    Attributes
    ----------
    trees, height, window, seed
        Number of trees, their height, events per mass window, seed of the random splits.
    limits
        Feature → (least, largest) usual value; the default is (0, 1), as in River.
    learn
        ``normal`` (default) skips events on which a rule hit or whose own score is extreme;
        ``all`` learns every event, as River would.
    """

    trees: int = 25
    height: int = 8
    window: int = 250
    seed: int = 1
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    learn: str = "normal"


class HalfSpaceTrees:
    """Half-space trees over a fixed list of features, compiled.

    A NULL feature follows the branch that more events of the current window took, as River does.

    Parameters
    ----------
    features
        Names, in the order of the columns of `score`.
    config
        Options.

    Examples
    --------
    >>> detector = HalfSpaceTrees(["x"], HalfSpaceTreesConfig(trees=5, height=3, window=3, seed=42))
    >>> x = np.array([[0.5], [0.45], [0.43], [0.44], [0.0]])
    >>> detector.score(x, np.ones(5, np.bool_))[0].round(3).tolist()
    [0.0, 0.0, 0.0, 0.107, 0.853]
    """

    def __init__(self, features: Sequence[str], config: HalfSpaceTreesConfig) -> None:
        self.features = tuple(features)
        self.config = config
        limits = tuple(sorted(config.limits.items()))
        self._split, self._threshold = _structure(
            self.features, config.trees, config.height, config.window, config.seed, limits
        )
        nodes = self._split.shape[1] * 2 + 1
        self._recent = np.zeros((config.trees, nodes), np.int32)
        self._settled = np.zeros((config.trees, nodes), np.int32)
        self._marks = np.zeros(2, np.int64)
        self._tail = new_counts()
        self._leaf = np.zeros(config.trees, np.int32)

    def score(
        self, x: NDArray[np.float64], learnable: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score every event in order, then learn it where that is allowed.

        Parameters
        ----------
        x
            (n, features); NaN is NULL.
        learnable
            (n,): false for events that must not be learned as normal.

        Returns
        -------
        Scores in [0, 1], high is unusual, 0 until the first window is full; and their tail
        shares in (0, 1].
        """
        scores, shares = np.zeros(x.shape[0]), np.ones(x.shape[0])
        _score_then_learn(
            np.ascontiguousarray(x), learnable, self._split, self._threshold, self._recent,
            self._settled, self._marks, self._tail, self._leaf, self.config.height,
            self.config.window, self.config.learn != "all", scores, shares,
        )  # fmt: skip
        return scores, shares

    def save(self) -> dict[str, NDArray[Any]]:
        """The state, copied; the trees' structure follows from the options."""
        return {
            "recent": self._recent.copy(),
            "settled": self._settled.copy(),
            "marks": self._marks.copy(),
            "tail": self._tail.copy(),
        }

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        self._recent, self._settled = saved["recent"].copy(), saved["settled"].copy()
        self._marks, self._tail = saved["marks"].copy(), saved["tail"].copy()


@lru_cache(maxsize=64)
def _structure(
    features: tuple[str, ...],
    trees: int,
    height: int,
    window: int,
    seed: int,
    limits: tuple[tuple[str, tuple[float, float]], ...],
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """River's own random splits, as arrays in heap order: the children of i are 2i+1 and 2i+2."""
    from river.anomaly import HalfSpaceTrees as River  # noqa: PLC0415 - slow, and rarely needed

    known: Any = dict(limits)
    river = River(n_trees=trees, height=height, window_size=window, limits=known, seed=seed)
    river.learn_one(dict.fromkeys(features, 0.0))
    inner = 2**height - 1
    split = np.zeros((trees, inner), np.int32)
    threshold = np.zeros((trees, inner))
    for tree, root in enumerate(river.trees):
        level = [root]
        for depth in range(height):
            for place, node in enumerate(level):
                split[tree, 2**depth - 1 + place] = features.index(node.feature)
                threshold[tree, 2**depth - 1 + place] = node.threshold
            level = [child for node in level for child in node.children]
    return split, threshold


@kernel
def _score_then_learn(
    x: NDArray[np.float64],
    learnable: NDArray[np.bool_],
    split: NDArray[np.int32],
    threshold: NDArray[np.float64],
    recent: NDArray[np.int32],
    settled: NDArray[np.int32],
    marks: NDArray[np.int64],
    tail: NDArray[np.int64],
    leaf: NDArray[np.int32],
    height: int,
    window: int,
    guarded: bool,
    scores: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> None:
    """All trees level by level: the trees are independent, so their waits overlap."""
    trees = leaf.shape[0]
    most = trees * window * (2.0 ** (height + 1) - 1)
    limit = 0.1 * window
    for i in range(x.shape[0]):
        mass = 0.0
        for tree in range(trees):
            node, weight, counts = 0, 1.0, True
            for _ in range(height):
                visits = settled[tree, node]
                mass += visits * weight if counts else 0.0
                counts = counts and visits >= limit
                value = x[i, split[tree, node]]
                left = 2 * node + 1
                if value == value:  # noqa: PLR0124 - not NaN
                    node = left if value < threshold[tree, node] else left + 1
                else:
                    node = left + 1 if recent[tree, left] < recent[tree, left + 1] else left
                weight *= 2.0
            mass += settled[tree, node] * weight if counts else 0.0
            leaf[tree] = node
        if marks[_WARM]:
            scores[i] = 1.0 - mass / most
            shares[i] = tail_share(tail, scores[i])
            count_score(tail, scores[i])
        if guarded and (not learnable[i] or is_extreme(tail, shares[i])):
            continue
        for tree in range(trees):
            node = leaf[tree]
            recent[tree, node] += 1
            while node > 0:
                node = (node - 1) >> 1
                recent[tree, node] += 1
        marks[_COUNTER] += 1
        if marks[_COUNTER] == window:
            for tree in range(trees):
                for node in range(recent.shape[1]):
                    settled[tree, node] = recent[tree, node]
                    recent[tree, node] = 0
            marks[_COUNTER] = 0
            marks[_WARM] = 1
