"""The kernel of a top share: how much of a window's total belongs to its largest values."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, outline
from models.features.cells import as_float, is_null, passes
from models.features.layout import (
    BASE,
    C_COLUMN,
    C_HOLDS,
    CAPACITY,
    D_COLUMN,
    D_FILTER,
    D_LINK,
    F_DISTINCT,
    F_SECOND,
    F_WINDOW,
    LARGEST_BITS,
    S_STRIDE,
    W_HEAD,
    W_TAIL,
    WINDOW_WORDS,
    WINDOWS,
    Plan,
    Store,
)
from models.features.links import address, earlier, later


@inline
def _weight(store: Store, plan: Plan, row: int, cell: int, slot: int) -> float:
    """What an event adds: 1, or the value of a cell's column if it is above 0."""
    if cell < 0:
        return 1.0
    holds = plan.cells[cell, C_HOLDS]
    at = address(
        store.rows[row, BASE], store.rows[row, CAPACITY], plan.sizes[S_STRIDE],
        plan.cells[cell, C_COLUMN], slot,
    )  # fmt: skip
    return 0.0 if is_null(store, at, holds) else max(as_float(store, at, holds), 0.0)


@outline
def top_share(store: Store, plan: Plan, row: int, feature: int, room: NDArray[np.float64]) -> float:
    """Share of the largest values in a window's total; NaN where there is no positive total.

    Events of one value are linked, so each chain is added up from its first event in the window.
    """
    place = WINDOWS + WINDOW_WORDS * plan.features[feature, F_WINDOW]
    counted = plan.features[feature, F_DISTINCT] >> LARGEST_BITS
    largest = plan.features[feature, F_DISTINCT] & ((1 << LARGEST_BITS) - 1)
    column, mask = plan.distincts[counted, D_COLUMN], plan.distincts[counted, D_FILTER]
    base, capacity, stride = store.rows[row, BASE], store.rows[row, CAPACITY], plan.sizes[S_STRIDE]
    links, weight = base + plan.distincts[counted, D_LINK], plan.features[feature, F_SECOND]
    tail, head = store.rows[row, place + W_TAIL], store.rows[row, place + W_HEAD]
    n, total = 0, 0.0
    for slot in range(tail, head):
        if store.arena[address(base, capacity, stride, column, slot)] == 0:
            continue
        if not passes(store, base, stride, slot, mask):
            continue
        if earlier(store.arena[links + slot * stride]) >= tail:
            continue
        room[n], at = 0.0, slot
        while tail <= at < head:
            room[n] += _weight(store, plan, row, weight, at)
            at = later(store.arena[links + at * stride])
        total += room[n]
        n += 1
    if not total > 0.0:
        return np.nan
    top = 0.0
    for _ in range(min(largest, n)):
        best = 0
        for i in range(1, n):
            if room[i] > room[best]:
                best = i
        top += room[best]
        room[best] = -np.inf
    return top / total
