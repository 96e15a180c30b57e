"""Kernels that turn an entity's cells into the values of its features."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, outline
from models.events import NULL_INT
from models.features.cells import (
    as_float,
    in_units,
    is_null,
    passes,
)
from models.features.fading import faded_mean
from models.features.layout import (
    BASE,
    C_COLUMN,
    C_FILTER,
    C_HOLDS,
    C_WORD,
    CAPACITY,
    CUT,
    D_COLUMN,
    D_FILTER,
    DELAY,
    ENTRY_TIME,
    EVIDENCE_MAX,
    F_CELL,
    F_DISTINCT,
    F_HISTORY,
    F_LEAST,
    F_READ,
    F_SECOND,
    F_WINDOW,
    KEY,
    LARGEST_BITS,
    REFERENCE,
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
from models.features.matches import count_matches, matches
from models.features.medians import median_of
from models.features.pairs import deviation
from models.features.sequences import last_completed
from models.features.shares import top_share
from models.features.starts import cut_reaches, window_since, window_until
from models.features.table import slot_after
from models.features.windows import fill_window

_COUNT, _SUM_MONEY, _SUM_FLOAT, _MEAN_MONEY, _MEAN_FLOAT, _STD = range(6)
_EXTREME, _DISTINCT, _SHARE, _LAST, _SINCE, _MEDIAN, _SEQUENCE = range(6, 13)
_MATCH, _TOP_SHARE, _EWM, _MAD = range(13, 17)
_MONEY, _TIME, _FLOAT, _TEXT = range(4)
_SCALE = 10_000.0


@outline
def _deviation(store: Store, row: int, word: int) -> float:
    """Sample standard deviation from [n, Σx (pair), Σx² (pair)]."""
    values = store.rows_float
    return deviation(
        store.rows[row, word], values[row, word + 1], values[row, word + 2],
        values[row, word + 3], values[row, word + 4],
    )  # fmt: skip


@inline
def _window_count(store: Store, plan: Plan, row: int, window: int, cell: int) -> int:
    """Events in a window that satisfy a COUNT cell, or all of them for cell −1."""
    if cell >= 0:
        return store.rows[row, plan.cells[cell, C_WORD]]
    first = WINDOWS + WINDOW_WORDS * window
    return store.rows[row, first + W_HEAD] - store.rows[row, first + W_TAIL]


@inline
def _stored(store: Store, plan: Plan, row: int, cell: int, out: NDArray[np.int64]) -> float:
    """The value at a cell's slot; text keeps its bits in `out[0]` and is told by infinity."""
    slot = store.rows[row, plan.cells[cell, C_WORD]]
    if slot < 0:
        return np.nan
    at = address(
        store.rows[row, BASE], store.rows[row, CAPACITY], plan.sizes[S_STRIDE],
        plan.cells[cell, C_COLUMN], slot,
    )  # fmt: skip
    out[0] = store.arena[at]
    return in_units(store.arena[at], store.arena_float[at], plan.cells[cell, C_HOLDS])


@outline
def _median(
    store: Store,
    plan: Plan,
    row: int,
    window: int,
    cell: int,
    room: NDArray[np.float64],
    spread: bool,
) -> float:
    """The middle of a window's values, or of how far they are from it."""
    first = WINDOWS + WINDOW_WORDS * window
    base, capacity = store.rows[row, BASE], store.rows[row, CAPACITY]
    stride, column = plan.sizes[S_STRIDE], plan.cells[cell, C_COLUMN]
    mask, holds = plan.cells[cell, C_FILTER], plan.cells[cell, C_HOLDS]
    n = 0
    for slot in range(store.rows[row, first + W_TAIL], store.rows[row, first + W_HEAD]):
        at = address(base, capacity, stride, column, slot)
        if passes(store, base, stride, slot, mask) and not is_null(store, at, holds):
            room[n] = as_float(store, at, holds)
            n += 1
    found = median_of(room, n)
    if spread:
        for i in range(n):
            room[i] = abs(room[i] - found)
        found = median_of(room, n)
    return found / _SCALE if holds == _MONEY else found


@inline
def feature_value(
    store: Store,
    plan: Plan,
    row: int,
    feature: int,
    entry: NDArray[np.int64],
    floats: NDArray[np.float64],
    out: NDArray[np.int64],
    room: NDArray[np.float64],
) -> float:
    """A feature's value for an entry; NaN is NULL, infinity says that `out[0]` holds a text hash.

    `floats` is the entry's memory, `room` holds as many numbers as a window has events.
    """
    time = entry[ENTRY_TIME]
    window, cell = plan.features[feature, F_WINDOW], plan.features[feature, F_CELL]
    second, read = plan.features[feature, F_SECOND], plan.features[feature, F_READ]
    least = plan.features[feature, F_LEAST]
    if least > 0:
        history = plan.features[feature, F_HISTORY]
        if _window_count(store, plan, row, window, history) < least:
            return np.nan
    if read == _COUNT:
        return float(_window_count(store, plan, row, window, cell))
    if read == _SHARE:
        among = _window_count(store, plan, row, window, second)
        return store.rows[row, plan.cells[cell, C_WORD]] / among if among else np.nan
    word = plan.cells[cell, C_WORD]
    if read == _SUM_MONEY:
        return store.rows[row, word] / _SCALE
    if read == _DISTINCT:
        return float(store.rows[row, word])
    if read == _SUM_FLOAT:
        return store.rows_float[row, word] + store.rows_float[row, word + 1]
    if read == _STD:
        spread = _deviation(store, row, word)
        return spread / _SCALE if plan.cells[cell, C_HOLDS] == _MONEY else spread
    if read == _EXTREME:
        if store.rows[row, word] < 0:
            return np.nan
        holds = plan.cells[cell, C_HOLDS]
        return in_units(store.rows[row, word + 1], store.rows_float[row, word + 1], holds)
    if read == _SEQUENCE:
        since = last_completed(store, plan, row, feature, room)
        return (time - since) / 1000.0 if since >= 0.0 else np.nan
    if read in (_MEDIAN, _MAD):
        return _median(store, plan, row, window, cell, room, read == _MAD)
    if read == _MATCH:
        return float(count_matches(store, plan, row, feature, entry, floats))
    if read == _TOP_SHARE:
        return top_share(store, plan, row, feature, room)
    if read == _EWM:
        return faded_mean(store, plan, row, feature)
    if read == _LAST:
        return _stored(store, plan, row, cell, out)
    if read == _SINCE:
        slot = store.rows[row, word]
        at = store.rows[row, BASE] + slot * plan.sizes[S_STRIDE] + TIME
        return (time - store.arena[at]) / 1000.0 if slot >= 0 else np.nan
    n = _window_count(store, plan, row, window, second)
    if n == 0:
        return np.nan
    if read == _MEAN_MONEY:
        return store.rows[row, word] / (n * _SCALE)
    return (store.rows_float[row, word] + store.rows_float[row, word + 1]) / n


@inline
def value_of_nobody(plan: Plan, feature: int) -> float:
    """What a feature of an unknown entity is: 0 for what counts or adds up, NULL otherwise."""
    if plan.features[feature, F_LEAST] > 0:
        return np.nan
    return 0.0 if plan.features[feature, F_READ] in (0, 1, 2, 7, 13) else np.nan


@outline
def look_back(store: Store, plan: Plan, row: int, time: int) -> int:
    """Rebuild a row as it stood at a `time` behind its clock, in the spare last row."""
    rows = store.rows
    spare = rows.shape[0] - 1
    rows[spare, :] = 0
    for word in range(KEY, WINDOWS):
        rows[spare, word] = rows[row, word]
    for window in range(plan.windows.shape[0]):
        until = time - plan.windows[window, DELAY]
        low = slot_after(store, plan, row, window_since(store, plan, row, window, until) - 1)
        last = window_until(plan, window, until)
        fill_window(store, plan, spare, window, low, slot_after(store, plan, row, last))
    return spare


@inline
def is_truncated(store: Store, plan: Plan, row: int, window: int, time: int) -> bool:
    """Whether the cap has pushed an event out of this window."""
    if store.rows[row, CUT] == NULL_INT:
        return False
    return cut_reaches(store, plan, row, window, time - plan.windows[window, DELAY])


@outline
def collect_evidence(
    store: Store,
    plan: Plan,
    row: int,
    feature: int,
    entry: NDArray[np.int64],
    floats: NDArray[np.float64],
    out: NDArray[np.int64],
) -> int:
    """References of the newest events behind a feature's value, newest first; how many."""
    window, cell = plan.features[feature, F_WINDOW], plan.features[feature, F_CELL]
    base, capacity = store.rows[row, BASE], store.rows[row, CAPACITY]
    stride, first = plan.sizes[S_STRIDE], WINDOWS + WINDOW_WORDS * window
    found, read = 0, plan.features[feature, F_READ]
    mask, column, holds = 0, -1, _TEXT
    if read == _TOP_SHARE:
        counted = plan.features[feature, F_DISTINCT] >> LARGEST_BITS
        mask, column = plan.distincts[counted, D_FILTER], plan.distincts[counted, D_COLUMN]
    elif cell >= 0:
        mask, column = plan.cells[cell, C_FILTER], plan.cells[cell, C_COLUMN]
        holds = _TEXT if read == _DISTINCT else plan.cells[cell, C_HOLDS]
    slot = store.rows[row, first + W_HEAD] - 1
    while slot >= store.rows[row, first + W_TAIL] and found < EVIDENCE_MAX:
        counts = passes(store, base, stride, slot, mask)
        if counts and column >= 0:
            at = address(base, capacity, stride, column, slot)
            counts = not is_null(store, at, holds)
        if counts and read == _MATCH:
            counts = matches(store, plan, row, feature, slot, entry, floats)
        if counts:
            out[found] = store.arena[base + slot * stride + REFERENCE]
            found += 1
            if read in (_LAST, _SINCE):
                # one event makes the value; how many older ones are still kept is chance
                break
        slot -= 1
    return found
