"""The kernel of a space whose records are buckets: what happened in each hour, say, added up.

Windows of months would keep every event; a grain keeps one record per grain and entity that has
events in it. Buckets enter and leave a window whole, so its edge is at most one grain off. A
lifetime is one bucket that never ends.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel, outline
from models.events import NULL_INT
from models.features.bucket_reading import bucket_value, bucket_value_of_nobody
from models.features.cells import null_of
from models.features.engine import DONE, Answers, row_with_room, sweep
from models.features.layout import (
    BASE,
    C_COLUMN,
    C_FILTER,
    C_HOLDS,
    C_KIND,
    C_WORD,
    CLOCK,
    END,
    ENTRY_KEY,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_ROW,
    ENTRY_TIME,
    ENTRY_VALUES,
    F_GROUP,
    FIRST,
    GROUP_BITS,
    REFERENCE,
    ROW_SHIFT,
    S_GRAIN,
    S_STRIDE,
    TIME,
    UPDATES,
    Plan,
    Store,
)
from models.features.pairs import add_moments, two_sum
from models.features.prefetch import AHEAD, look_ahead
from models.features.table import find_row, slot_after

_COUNT, _SUM_INT, _SUM_FLOAT, _SQUARES, _MAX, _MIN, _FIRST = range(10, 17)
_FLOAT = 2


@inline
def _open_bucket(store: Store, plan: Plan, row: int, start: int) -> int:
    """Word in the arena of the bucket that begins at `start`; made if it is not there."""
    rows, arena, stride = store.rows, store.arena, plan.sizes[S_STRIDE]
    base, end = rows[row, BASE], rows[row, END]
    slot = slot_after(store, plan, row, start)
    if slot > rows[row, FIRST] and arena[base + (slot - 1) * stride + TIME] == start:
        return base + (slot - 1) * stride
    for word in range((end + 1) * stride - 1, (slot + 1) * stride - 1, -1):
        arena[base + word] = arena[base + word - stride]
    rows[row, END] = end + 1
    record = base + slot * stride
    for word in range(stride):
        arena[record + word] = 0
    arena[record + TIME] = start
    for cell in range(plan.cells.shape[0]):
        kind, word = plan.cells[cell, C_KIND], record + plan.cells[cell, C_WORD]
        if kind == _MAX or kind == _MIN:
            arena[word] = null_of(plan.cells[cell, C_HOLDS])
        elif kind == _FIRST:
            arena[word] = NULL_INT
    return record


@inline
def _add_squares(store: Store, at: int, number: float) -> None:
    """Add a number to [n, Σx (pair), Σx² (pair)]."""
    values = store.arena_float
    store.arena[at] += 1
    values[at + 1], values[at + 2], values[at + 3], values[at + 4] = add_moments(
        values[at + 1], values[at + 2], values[at + 3], values[at + 4], number, 1
    )


@outline
def _enter(store: Store, plan: Plan, record: int, entry: np.ndarray, floats: np.ndarray) -> None:
    """Count an event into its bucket."""
    arena, values = store.arena, store.arena_float
    arena[record + REFERENCE] = entry[ENTRY_REFERENCE]
    for cell in range(plan.cells.shape[0]):
        kind, mask = plan.cells[cell, C_KIND], plan.cells[cell, C_FILTER]
        if mask != 0 and (entry[ENTRY_MASK] & mask) != mask:
            continue
        at, column = record + plan.cells[cell, C_WORD], plan.cells[cell, C_COLUMN]
        if column < 0:
            arena[at] += 1
            continue
        holds = plan.cells[cell, C_HOLDS]
        word, number = entry[ENTRY_VALUES + column], floats[ENTRY_VALUES + column]
        if np.isnan(number) if holds == _FLOAT else word == null_of(holds):
            continue
        if kind == _COUNT:
            arena[at] += 1
        elif kind == _SUM_INT:
            arena[at] += word
        elif kind == _SUM_FLOAT:
            values[at], values[at + 1] = two_sum(values[at], values[at + 1], number)
        elif kind == _SQUARES:
            _add_squares(store, at, number if holds == _FLOAT else float(word))
        elif kind == _FIRST:
            if arena[at] == NULL_INT or entry[ENTRY_TIME] < arena[at]:
                arena[at], arena[at + 1] = entry[ENTRY_TIME], word
        elif holds == _FLOAT:
            better = number > values[at] if kind == _MAX else number < values[at]
            if better or np.isnan(values[at]):
                values[at] = number
        else:
            better = word > arena[at] if kind == _MAX else word < arena[at]
            if better or arena[at] == NULL_INT:
                arena[at] = word


@inline
def _read(
    store: Store, plan: Plan, row: int, time: int, groups: int, number: int, answers: Answers
) -> None:
    for feature in range(plan.features.shape[0]):
        if not (groups >> plan.features[feature, F_GROUP]) & 1:
            continue
        if row < 0:
            answers.values[number, feature] = bucket_value_of_nobody(plan, feature)
            continue
        value = bucket_value(store, plan, row, feature, time, answers.found[1:])
        if value == np.inf:
            answers.bits[number, feature] = answers.found[1]
        else:
            answers.values[number, feature] = value


@kernel
def run_buckets(
    store: Store,
    plan: Plan,
    entries: NDArray[np.int64],
    start: int,
    before_groups: int,
    answers: Answers,
    flat_rows: NDArray[np.int64],
    likely: NDArray[np.int64],
    why: NDArray[np.int64],
) -> int:
    """As `models.features.engine.run_space`, for a space with a grain."""
    why[0] = DONE
    floats = entries.view(np.float64)
    for number in range(start, entries.shape[0]):
        if (number - start) % AHEAD == 0:
            look_ahead(store, plan, flat_rows, entries, number, likely)
        entry = entries[number]
        key, time = np.uint64(entry[ENTRY_KEY]), entry[ENTRY_TIME]
        flags = entry[ENTRY_ROW] & ((1 << ROW_SHIFT) - 1)
        groups, updates = flags >> GROUP_BITS, flags & UPDATES != 0
        row = find_row(store, key)
        if updates:
            row = row_with_room(store, plan, key, row, why)
            if why[0] != DONE:
                return number
        ahead = groups & before_groups if updates else groups
        if ahead:
            _read(store, plan, row, time, ahead, number, answers)
        if updates:
            store.rows[row, CLOCK] = max(store.rows[row, CLOCK], time)
            grain = plan.sizes[S_GRAIN]
            record = _open_bucket(store, plan, row, time // grain * grain)
            _enter(store, plan, record, entry, floats[number])
            after = groups & ~before_groups
            if after:
                _read(store, plan, row, time, after, number, answers)
        sweep(store, plan, time)
    return entries.shape[0]
