"""The median of numbers, without sorting them all: Hoare's selection (1961)."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, outline


@inline
def _split(room: NDArray[np.float64], low: int, high: int) -> tuple[int, int]:
    """Order a range around its middle value: [low, a] are at most it, [b, high] at least."""
    pivot = room[(low + high) >> 1]
    left, right = low, high
    while left <= right:
        while room[left] < pivot:
            left += 1
        while room[right] > pivot:
            right -= 1
        if left <= right:
            room[left], room[right] = room[right], room[left]
            left += 1
            right -= 1
    return right, left


@inline
def _select(room: NDArray[np.float64], n: int, place: int) -> None:
    """Bring the value of a place to it, smaller ones before it and larger ones behind."""
    low, high = 0, n - 1
    while low < high:
        below, above = _split(room, low, high)
        if place <= below:
            high = below
        elif place >= above:
            low = above
        else:
            return


@outline
def median_of(room: NDArray[np.float64], n: int) -> float:
    """The median of the first `n` numbers, none of them NaN; NaN for none. They change places."""
    if n == 0:
        return np.nan
    middle = (n - 1) >> 1
    _select(room, n, middle)
    if n % 2:
        return room[middle]
    above = room[middle + 1]
    for i in range(middle + 2, n):
        above = min(above, room[i])
    # halves first: two huge ones would overflow
    return room[middle] / 2.0 + above / 2.0
