"""Sums of floats as pairs (value, error), from which no digit is lost that matters.

TwoSum makes each addition exact to about 106 bits, so a huge value that came and went leaves
nothing behind, and squares can be summed directly without losing the variance (Knuth, TAOCP 2,
4.2.2; Dekker 1971).
"""

import numpy as np

from models.compiled import inline

_SPLITTER = 134_217_729.0  # 2^27 + 1


@inline
def two_sum(high: float, low: float, value: float) -> tuple[float, float]:
    """Add a float to a pair."""
    total = high + value
    back = total - high
    error = (high - (total - back)) + (value - back)
    error += low
    result = total + error
    return result, error - (result - total)


@inline
def _square(value: float) -> tuple[float, float]:
    """The exact square of a float as a pair (Dekker's product)."""
    product = value * value
    scaled = _SPLITTER * value
    high = scaled - (scaled - value)
    low = value - high
    return product, ((high * high - product) + 2.0 * high * low) + low * low


@inline
def add_moments(
    high: float, low: float, squares: float, rest: float, value: float, sign: int
) -> tuple[float, float, float, float]:
    """Add a float to Σx and Σx², two pairs (sign 1), or take it away (sign −1)."""
    high, low = two_sum(high, low, sign * value)
    product, error = _square(value)
    squares, rest = two_sum(squares, rest, sign * product)
    squares, rest = two_sum(squares, rest, sign * error)
    return high, low, squares, rest


@inline
def deviation(n: int, high: float, low: float, squares: float, rest: float) -> float:
    """Sample standard deviation from n, Σx and Σx² as pairs; NaN below two."""
    if n < 2:
        return np.nan
    product, error = _square(high)
    # n·Σx² − (Σx)², both as pairs
    half = squares * _SPLITTER
    upper = half - (half - squares)
    total = n * squares
    below = n * rest + ((n * upper - total) + n * (squares - upper))
    spread, left = two_sum(total, below, -product)
    spread, left = two_sum(spread, left, -error)
    spread, left = two_sum(spread, left, -2.0 * high * low)
    spread += left
    return np.sqrt(spread / (n * (n - 1.0))) if spread > 0.0 else 0.0
