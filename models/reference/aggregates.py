"""The definition of what is taken over a window's values, without rounding until the last step."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from models.reference.looking import Number


def _number(value: Fraction) -> Number:
    # a text's hash needs all 64 bits, everything else is a float
    return int(value) if value.denominator == 1 else float(value)


def _mean(values: Sequence[Fraction]) -> Number:
    return _number(sum(values, Fraction(0)) / len(values)) if values else math.nan


def _std(values: Sequence[Fraction]) -> Number:
    if len(values) < 2:
        return math.nan
    mean = sum(values, Fraction(0)) / len(values)
    squares = sum(((value - mean) ** 2 for value in values), Fraction(0))
    return math.sqrt(squares / (len(values) - 1))


def _median(values: Sequence[Fraction]) -> Number:
    return _number(Fraction(statistics.median(values))) if values else math.nan


def _mad(values: Sequence[Fraction]) -> Number:
    return _median([abs(value - statistics.median(values)) for value in values])


AGGREGATES: Final[Mapping[str, Callable[[Sequence[Fraction]], Number]]] = {
    "sum": lambda values: _number(sum(values, Fraction(0))),
    "mean": _mean,
    "std": _std,
    "max": lambda values: _number(max(values)) if values else math.nan,
    "min": lambda values: _number(min(values)) if values else math.nan,
    "distinct": lambda values: len(set(values)),
    "median": _median,
    "mad": _mad,
    "first": lambda values: _number(values[0]) if values else math.nan,
    "last": lambda values: _number(values[-1]) if values else math.nan,
    "previous": lambda values: _number(values[-1]) if values else math.nan,
}
"""Aggregate → its value over the values of a window, oldest first."""
