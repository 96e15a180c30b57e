"""Kernels that turn the buckets of a window into the values of features."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, outline
from models.events import NULL_INT
from models.features.cells import in_units, null_of
from models.features.layout import (
    B_DELAY,
    B_SPAN,
    BASE,
    C_HOLDS,
    C_KIND,
    C_WORD,
    END,
    F_CELL,
    F_HISTORY,
    F_LEAST,
    F_READ,
    F_SECOND,
    FIRST,
    S_STRIDE,
    TIME,
    Plan,
    Store,
)
from models.features.pairs import add_moments, deviation, two_sum

_COUNT, _SUM_INT, _SUM_FLOAT, _SQUARES, _MAX, _MIN, _FIRST = range(10, 17)
_R_COUNT, _R_SUM_MONEY, _R_SUM_FLOAT, _R_MEAN_MONEY, _R_MEAN_FLOAT, _R_STD = range(6)
_R_EXTREME, _R_FIRST, _R_NEW, _R_PER_MEAN, _R_PER_STD, _R_PER_MAX, _R_PER_MIN = range(6, 13)
_MONEY, _TIME, _FLOAT, _TEXT = range(4)
_SCALE = 10_000.0


@outline
def _per_bucket(store: Store, plan: Plan, row: int, feature: int, since: int, until: int) -> float:
    """Mean, deviation, largest or least of one value per bucket."""
    read, least = plan.features[feature, F_READ], plan.features[feature, F_LEAST]
    cell, counted = plan.features[feature, F_CELL], plan.features[feature, F_SECOND]
    kind, holds = plan.cells[cell, C_KIND], plan.cells[cell, C_HOLDS]
    base, stride = store.rows[row, BASE], plan.sizes[S_STRIDE]
    n, high, low, squares, rest = 0, 0.0, 0.0, 0.0, 0.0
    largest, smallest = -np.inf, np.inf
    for slot in range(store.rows[row, FIRST], store.rows[row, END]):
        record = base + slot * stride
        if not since < store.arena[record + TIME] <= until:
            continue
        if store.arena[record + plan.cells[counted, C_WORD]] == 0:
            continue
        at = record + plan.cells[cell, C_WORD]
        if kind == _COUNT:
            number = float(store.arena[at])
        elif kind == _SUM_INT:
            number = store.arena[at] / _SCALE if holds == _MONEY else float(store.arena[at])
        else:
            number = store.arena_float[at] + store.arena_float[at + 1]
        n += 1
        high, low, squares, rest = add_moments(high, low, squares, rest, number, 1)
        largest, smallest = max(largest, number), min(smallest, number)
    if n == 0 or n < least:
        return np.nan
    if read == _R_PER_STD:
        return deviation(n, high, low, squares, rest)
    if read == _R_PER_MEAN:
        return (high + low) / n
    return largest if read == _R_PER_MAX else smallest


@inline
def bucket_value_of_nobody(plan: Plan, feature: int) -> float:
    """What a feature of an unknown entity is: 0 for count and sum, new, NULL otherwise."""
    read = plan.features[feature, F_READ]
    if read == _R_NEW:
        return 1.0
    if plan.features[feature, F_LEAST] > 0:
        return np.nan
    return 0.0 if read <= _R_SUM_FLOAT else np.nan


@outline
def bucket_value(
    store: Store, plan: Plan, row: int, feature: int, time: int, out: NDArray[np.int64]
) -> float:
    """A feature's value at `time`; NaN is NULL, infinity says that `out[0]` holds a text hash."""
    arena, values = store.arena, store.arena_float
    read, cell = plan.features[feature, F_READ], plan.features[feature, F_CELL]
    second, history = plan.features[feature, F_SECOND], plan.features[feature, F_HISTORY]
    until = time - plan.features[feature, B_DELAY]
    since = until - plan.features[feature, B_SPAN]
    if read >= _R_PER_MEAN:
        return _per_bucket(store, plan, row, feature, since, until)
    kind, holds = plan.cells[cell, C_KIND], plan.cells[cell, C_HOLDS]
    base, stride = store.rows[row, BASE], plan.sizes[S_STRIDE]
    seen, n, total = 0, 0, 0
    high, low, squares, rest = 0.0, 0.0, 0.0, 0.0
    best, best_number, at_first = null_of(holds), np.nan, NULL_INT
    for slot in range(store.rows[row, FIRST], store.rows[row, END]):
        record = base + slot * stride
        if not since < arena[record + TIME] <= until:
            continue
        at = record + plan.cells[cell, C_WORD]
        seen += arena[record + plan.cells[history, C_WORD]] if history >= 0 else 0
        n += arena[record + plan.cells[second, C_WORD]] if second >= 0 else 0
        if kind == _COUNT or kind == _SUM_INT:
            total += arena[at]
        elif kind == _SUM_FLOAT:
            high, low = two_sum(high, low, values[at])
            high, low = two_sum(high, low, values[at + 1])
        elif kind == _SQUARES:
            n += arena[at]
            high, low = two_sum(high, low, values[at + 1])
            high, low = two_sum(high, low, values[at + 2])
            squares, rest = two_sum(squares, rest, values[at + 3])
            squares, rest = two_sum(squares, rest, values[at + 4])
        elif kind == _FIRST:
            if arena[at] != NULL_INT and (at_first == NULL_INT or arena[at] < at_first):
                at_first, best, best_number = arena[at], arena[at + 1], values[at + 1]
        elif holds == _FLOAT:
            better = values[at] > best_number if kind == _MAX else values[at] < best_number
            if better or (np.isnan(best_number) and not np.isnan(values[at])):
                best_number = values[at]
        elif arena[at] != NULL_INT:
            better = arena[at] > best if kind == _MAX else arena[at] < best
            if better or best == NULL_INT:
                best = arena[at]
    if seen < plan.features[feature, F_LEAST] and history >= 0:
        return np.nan
    if read == _R_COUNT:
        return float(total)
    if read == _R_NEW:
        return 1.0 if total == 0 else 0.0
    if read == _R_SUM_MONEY:
        return total / _SCALE
    if read == _R_SUM_FLOAT:
        return high + low
    if read == _R_MEAN_MONEY:
        return total / (n * _SCALE) if n else np.nan
    if read == _R_MEAN_FLOAT:
        return (high + low) / n if n else np.nan
    if read == _R_STD:
        spread = deviation(n, high, low, squares, rest)
        return spread / _SCALE if holds == _MONEY else spread
    if (np.isnan(best_number) if holds == _FLOAT else best == null_of(holds)) or (
        read == _R_FIRST and at_first == NULL_INT
    ):
        return np.nan
    out[0] = best
    return in_units(best, best_number, holds)
