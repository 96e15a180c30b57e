"""Kernels that keep a window's cells right as one event enters it or leaves it."""

import numpy as np

from models.compiled import inline, outline
from models.events import MONEY_SCALE, NULL_INT, NULL_NUMBER
from models.features.layout import (
    BASE,
    C_COLUMN,
    C_FILTER,
    C_HOLDS,
    C_KIND,
    C_WORD,
    CAPACITY,
    CELLS_FROM,
    CELLS_TO,
    D_LINK,
    MASK,
    NO_SLOT,
    S_STRIDE,
    W_HEAD,
    W_TAIL,
    WINDOW_WORDS,
    WINDOWS,
    Plan,
    Store,
)
from models.features.links import address, earlier, later
from models.features.pairs import add_moments, two_sum

_COUNT, _SUM_INT, _SUM_FLOAT, _SQUARES, _MAX, _MIN, _DISTINCT, _LAST = range(8)
_MONEY, _TIME, _FLOAT, _TEXT = range(4)
_DOMINANT = 1e12


@inline
def passes(store: Store, base: int, stride: int, slot: int, mask: int) -> bool:
    """Whether a stored event satisfies a filter."""
    return mask == 0 or (store.arena[base + slot * stride + MASK] & mask) == mask


@inline
def is_null(store: Store, at: int, holds: int) -> bool:
    """Whether a stored value is NULL."""
    if holds == _FLOAT:
        return bool(np.isnan(store.arena_float[at]))
    if holds == _TEXT:
        return store.arena[at] == 0
    return store.arena[at] == NULL_INT


@inline
def null_of(holds: int) -> int:
    """The word that is NULL."""
    if holds == _FLOAT:
        return NULL_NUMBER
    return 0 if holds == _TEXT else NULL_INT


@inline
def as_float(store: Store, at: int, holds: int) -> float:
    """A stored number as a float, money still in 10⁻⁴ units."""
    return store.arena_float[at] if holds == _FLOAT else float(store.arena[at])


@inline
def in_units(word: int, number: float, holds: int) -> float:
    """A stored value in the units of expressions; infinity for a text."""
    if holds == _FLOAT:
        return number
    if holds == _MONEY:
        return word / MONEY_SCALE
    return float(word) if holds == _TIME else np.inf


@inline
def _beats(one: int, other: int, one_float: float, other_float: float, code: int) -> bool:
    """Whether a value is at least as extreme as another; code is 2·(is MIN) + (is float)."""
    if code == 0:
        return one >= other
    if code == 2:
        return one <= other
    return one_float >= other_float if code == 1 else one_float <= other_float


@outline
def find_extreme(store: Store, plan: Plan, row: int, window: int, cell: int) -> None:
    """Scan a window for its largest (smallest) value, the latest among equals.

    That happens only when the extreme leaves, and the event cap bounds it.
    """
    rows, arena = store.rows, store.arena
    base, capacity, stride = rows[row, BASE], rows[row, CAPACITY], plan.sizes[S_STRIDE]
    mask, holds = plan.cells[cell, C_FILTER], plan.cells[cell, C_HOLDS]
    code = 2 * (plan.cells[cell, C_KIND] == _MIN) + (holds == _FLOAT)
    word, column = plan.cells[cell, C_WORD], plan.cells[cell, C_COLUMN]
    best, at = NO_SLOT, 0
    first = WINDOWS + WINDOW_WORDS * window
    for slot in range(rows[row, first + W_TAIL], rows[row, first + W_HEAD]):
        candidate = address(base, capacity, stride, column, slot)
        if is_null(store, candidate, holds) or not passes(store, base, stride, slot, mask):
            continue
        if best < 0 or _beats(
            arena[candidate], arena[at],
            store.arena_float[candidate], store.arena_float[at], code,
        ):  # fmt: skip
            best, at = slot, candidate
    rows[row, word] = best
    if best >= 0:
        rows[row, word + 1] = arena[at]


@outline
def _recount_squares(store: Store, plan: Plan, row: int, window: int, cell: int) -> None:
    """Sum a window anew after a value that dwarfed the rest has left: it took their digits."""
    rows = store.rows
    base, capacity, stride = rows[row, BASE], rows[row, CAPACITY], plan.sizes[S_STRIDE]
    word, column = plan.cells[cell, C_WORD], plan.cells[cell, C_COLUMN]
    for i in range(5):
        rows[row, word + i] = 0
    first = WINDOWS + WINDOW_WORDS * window
    for slot in range(rows[row, first + W_TAIL], rows[row, first + W_HEAD]):
        at = address(base, capacity, stride, column, slot)
        holds = plan.cells[cell, C_HOLDS]
        if passes(store, base, stride, slot, plan.cells[cell, C_FILTER]):
            if not is_null(store, at, holds):
                _add_squares(store, row, word, as_float(store, at, holds), 1)


@outline
def _add_squares(store: Store, row: int, word: int, value: float, sign: int) -> None:
    values = store.rows_float
    store.rows[row, word] += sign
    if store.rows[row, word] == 0:
        for i in range(1, 5):
            values[row, word + i] = 0.0
        return
    high, low, squares, rest = add_moments(
        values[row, word + 1], values[row, word + 2],
        values[row, word + 3], values[row, word + 4], value, sign,
    )  # fmt: skip
    values[row, word + 1], values[row, word + 2] = high, low
    values[row, word + 3], values[row, word + 4] = squares, rest


@inline
def _alone(
    store: Store, plan: Plan, row: int, counted: int, slot: int, low: int, high: int
) -> bool:
    """Whether no other event in [low, high) has this event's value."""
    base, stride = store.rows[row, BASE], plan.sizes[S_STRIDE]
    link = store.arena[base + slot * stride + plan.distincts[counted, D_LINK]]
    if earlier(link) >= low:
        return False
    return not (NO_SLOT < later(link) < high)


@inline
def clear_cells(store: Store, plan: Plan, row: int, window: int) -> None:
    """Reset a window that has become empty, so that no rounding outlives its events."""
    for cell in range(plan.windows[window, CELLS_FROM], plan.windows[window, CELLS_TO]):
        word, kind = plan.cells[cell, C_WORD], plan.cells[cell, C_KIND]
        store.rows[row, word] = NO_SLOT if kind in (_MAX, _MIN, _LAST) else 0
        if kind == _SUM_FLOAT:
            store.rows[row, word + 1] = 0
        if kind == _SQUARES:
            for i in range(1, 5):
                store.rows[row, word + i] = 0


@inline
def _move_extreme(
    store: Store, plan: Plan, row: int, window: int, cell: int, slot: int, at: int, sign: int
) -> None:
    """Keep slot and value of a window's MAX or MIN; the latest among equals wins."""
    rows, word = store.rows, plan.cells[cell, C_WORD]
    best = rows[row, word]
    if sign < 0:
        if best == slot:
            find_extreme(store, plan, row, window, cell)
        return
    if best >= 0:
        is_float = plan.cells[cell, C_HOLDS] == _FLOAT
        code = 2 * (plan.cells[cell, C_KIND] == _MIN) + is_float
        value, held = store.arena[at], rows[row, word + 1]
        number, number_held = store.arena_float[at], store.rows_float[row, word + 1]
        if not _beats(value, held, number, number_held, code):
            return
        if slot < best and _beats(held, value, number_held, number, code):
            return
    rows[row, word] = slot
    rows[row, word + 1] = store.arena[at]


@inline
def count_event(store: Store, plan: Plan, row: int, window: int, slot: int, sign: int) -> None:
    """Count an event into a window (sign 1), or out of it (sign −1).

    [tail, head) already holds the slot, or no longer does.
    """
    rows, values, arena = store.rows, store.rows_float, store.arena
    base, capacity, stride = rows[row, BASE], rows[row, CAPACITY], plan.sizes[S_STRIDE]
    first = WINDOWS + WINDOW_WORDS * window
    tail, head = rows[row, first + W_TAIL], rows[row, first + W_HEAD]
    if tail == head:
        clear_cells(store, plan, row, window)
        return
    for cell in range(plan.windows[window, CELLS_FROM], plan.windows[window, CELLS_TO]):
        kind, holds = plan.cells[cell, C_KIND], plan.cells[cell, C_HOLDS]
        word, column = plan.cells[cell, C_WORD], plan.cells[cell, C_COLUMN]
        if not passes(store, base, stride, slot, plan.cells[cell, C_FILTER]):
            continue
        if column < 0:
            rows[row, word] += sign
            continue
        at = address(base, capacity, stride, column, slot)
        if kind == _DISTINCT:
            if arena[at] != 0 and _alone(store, plan, row, holds, slot, tail, head):
                rows[row, word] += sign
            continue
        if is_null(store, at, holds):
            continue
        if kind == _SUM_INT:
            rows[row, word] += sign * arena[at]
        elif kind == _MAX or kind == _MIN:
            _move_extreme(store, plan, row, window, cell, slot, at, sign)
        elif kind == _COUNT:
            rows[row, word] += sign
        elif kind == _SUM_FLOAT:
            added = sign * store.arena_float[at]
            high, low = two_sum(values[row, word], values[row, word + 1], added)
            values[row, word], values[row, word + 1] = high, low
        elif kind == _SQUARES:
            number = as_float(store, at, holds)
            _add_squares(store, row, word, number, sign)
            if sign < 0 and number * number > _DOMINANT * values[row, word + 3]:
                _recount_squares(store, plan, row, window, cell)
        elif sign > 0:
            rows[row, word] = max(rows[row, word], slot)
        elif rows[row, word] == slot:
            rows[row, word] = NO_SLOT
