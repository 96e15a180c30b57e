"""The kernel of a mean in which events fade with age."""

import numpy as np

from models.compiled import outline
from models.features.cells import as_float, is_null, passes
from models.features.layout import (
    BASE,
    C_COLUMN,
    C_FILTER,
    C_HOLDS,
    CAPACITY,
    F_CELL,
    F_DISTINCT,
    F_WINDOW,
    S_STRIDE,
    TIME,
    W_HEAD,
    W_TAIL,
    WINDOW_WORDS,
    WINDOWS,
    Plan,
    Store,
)
from models.features.links import address

_MONEY, _SCALE = 0, 10_000.0


@outline
def faded_mean(store: Store, plan: Plan, row: int, feature: int) -> float:
    """Mean in which a value counts half as much per half-life of age; NaN without values.

    Age is taken from the newest of them: what all have in common cancels out, and cannot underflow.
    """
    place, cell = (
        WINDOWS + WINDOW_WORDS * plan.features[feature, F_WINDOW],
        plan.features[feature, F_CELL],
    )
    base, capacity, stride = store.rows[row, BASE], store.rows[row, CAPACITY], plan.sizes[S_STRIDE]
    mask, holds = plan.cells[cell, C_FILTER], plan.cells[cell, C_HOLDS]
    newest, total, weights = 0, 0.0, 0.0
    slot = store.rows[row, place + W_HEAD] - 1
    while slot >= store.rows[row, place + W_TAIL]:
        at = address(base, capacity, stride, plan.cells[cell, C_COLUMN], slot)
        if passes(store, base, stride, slot, mask) and not is_null(store, at, holds):
            time = store.arena[base + slot * stride + TIME]
            if weights == 0.0:
                newest = time
            weight = 2.0 ** ((time - newest) / plan.features[feature, F_DISTINCT])
            total += weight * as_float(store, at, holds)
            weights += weight
        slot -= 1
    if weights == 0.0:
        return np.nan
    return total / weights / _SCALE if holds == _MONEY else total / weights
