"""The shards' answers brought back to the events that asked."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.features.layout import F_GROUP
from models.features.messages import Answer
from models.features.placing import place_straight
from models.planning.blueprint import Blueprint


class Placer:
    """Knows which column each value of each space's answers belongs to."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._columns = max(len(blueprint.columns), 1)
        self._firsts = [space.first_column for space in blueprint.spaces]
        self._groups = [space.plan.features[:, F_GROUP].copy() for space in blueprint.spaces]

    def place(
        self, answers: Sequence[Answer], n: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Features (columns, at least n) of n events, and (n,) whether the cap cut any window.

        What nobody answered is NaN, and so is what stands behind the events.
        """
        # columns an odd number of cache lines apart: a power of two makes them evict each other
        width = 8 * (-(-n // 8) | 1)
        features = np.full((self._columns, width), np.nan)
        truncated = np.zeros(n, np.bool_)
        for answer in answers:
            for number, space in answer.spaces.items():
                place_straight(
                    space.words, space.values, self._groups[number], self._firsts[number],
                    features, space.truncated, truncated,
                )  # fmt: skip
        return features, truncated
