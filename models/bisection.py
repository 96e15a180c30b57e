"""The one search in sorted arrays that kernels share."""

from typing import Any

from numpy.typing import NDArray

from models.compiled import inline


@inline
def first_above(values: NDArray[Any], low: int, high: int, limit: float) -> int:
    """The first place in [low, high) whose value is above `limit`, or `high`; values ascend."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return low
