"""Kernels that compare the current event with the earlier ones of a window, pair by pair."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, outline
from models.expressions.local import kilometres
from models.features.cells import as_float, is_null, null_of, passes
from models.features.layout import (
    BASE,
    C_FILTER,
    CAPACITY,
    ENTRY_VALUES,
    F_CELL,
    F_DISTINCT,
    F_WINDOW,
    S_STRIDE,
    T_HOLDS,
    T_KIND,
    T_LAST,
    T_OTHER,
    T_VALUE,
    W_HEAD,
    W_TAIL,
    WINDOW_WORDS,
    WINDOWS,
    Plan,
    Store,
)
from models.features.links import address

_SAME, _DIFFERS, _WITHIN_SHARE, _WITHIN, _NEAR_KM, _BEYOND_KM = range(6)
_FLOAT, _TEXT = 2, 3


@inline
def _is_far(
    store: Store, plan: Plan, row: int, term: int, slot: int, floats: NDArray[np.float64]
) -> float:
    """Distance between the current event's position and an earlier one's, km; NaN if unknown."""
    base, capacity = store.rows[row, BASE], store.rows[row, CAPACITY]
    stride, lat, lon = plan.sizes[S_STRIDE], plan.terms[term, T_VALUE], plan.terms[term, T_OTHER]
    return kilometres(
        store.arena_float[address(base, capacity, stride, plan.columns[lat], slot)],
        store.arena_float[address(base, capacity, stride, plan.columns[lon], slot)],
        floats[ENTRY_VALUES + lat], floats[ENTRY_VALUES + lon],
    )  # fmt: skip


@inline
def _meets(
    store: Store,
    plan: Plan,
    row: int,
    term: int,
    slot: int,
    entry: NDArray[np.int64],
    floats: NDArray[np.float64],
) -> bool:
    """Whether an earlier event meets one term; with an unknown value it does not."""
    kind, holds = plan.terms[term, T_KIND], plan.terms[term, T_HOLDS]
    tolerance = plan.tolerances[term]
    if kind == _NEAR_KM:
        return _is_far(store, plan, row, term, slot, floats) <= tolerance
    if kind == _BEYOND_KM:
        return _is_far(store, plan, row, term, slot, floats) >= tolerance
    value = plan.terms[term, T_VALUE]
    word, number = entry[ENTRY_VALUES + value], floats[ENTRY_VALUES + value]
    at = address(
        store.rows[row, BASE], store.rows[row, CAPACITY], plan.sizes[S_STRIDE],
        plan.columns[value], slot,
    )  # fmt: skip
    if is_null(store, at, holds) or (
        np.isnan(number) if holds == _FLOAT else word == null_of(holds)
    ):
        return False
    if holds == _TEXT:
        return (store.arena[at] == word) == (kind == _SAME)
    earlier = as_float(store, at, holds)
    current = number if holds == _FLOAT else float(word)
    if kind == _SAME:
        return earlier == current
    if kind == _DIFFERS:
        return earlier != current
    if kind == _WITHIN_SHARE:
        tolerance *= abs(current)
    return abs(earlier - current) <= tolerance


@outline
def matches(
    store: Store,
    plan: Plan,
    row: int,
    feature: int,
    slot: int,
    entry: NDArray[np.int64],
    floats: NDArray[np.float64],
) -> bool:
    """Whether an earlier event meets every term of a match."""
    term = plan.features[feature, F_DISTINCT]
    while _meets(store, plan, row, term, slot, entry, floats):
        if plan.terms[term, T_LAST]:
            return True
        term += 1
    return False


@outline
def count_matches(
    store: Store,
    plan: Plan,
    row: int,
    feature: int,
    entry: NDArray[np.int64],
    floats: NDArray[np.float64],
) -> int:
    """How many events of a window match the current one."""
    place = WINDOWS + WINDOW_WORDS * plan.features[feature, F_WINDOW]
    cell, base, stride = plan.features[feature, F_CELL], store.rows[row, BASE], plan.sizes[S_STRIDE]
    mask, found = plan.cells[cell, C_FILTER] if cell >= 0 else 0, 0
    for slot in range(store.rows[row, place + W_TAIL], store.rows[row, place + W_HEAD]):
        if passes(store, base, stride, slot, mask):
            found += matches(store, plan, row, feature, slot, entry, floats)
    return found
