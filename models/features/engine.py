"""The kernel of one space in one shard: entries in order, each updating and reading one entity."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel
from models.features.layout import (
    BASE,
    END,
    ENTRIES,
    ENTRY_KEY,
    ENTRY_ROW,
    ENTRY_TIME,
    ENTRY_VALUES,
    EVIDENCE_MAX,
    F_GROUP,
    F_WINDOW,
    FORGOTTEN,
    GROUP_BITS,
    HAND,
    KEY,
    NEWEST,
    ROW_SHIFT,
    ROWS_USED,
    S_LIFE,
    S_STRIDE,
    TIME,
    UNDOES,
    UPDATES,
    WANTS_EVIDENCE,
    Plan,
    Store,
)
from models.features.prefetch import AHEAD, look_ahead
from models.features.reading import (
    collect_evidence,
    feature_value,
    is_truncated,
    look_back,
    value_of_nobody,
)
from models.features.table import drop_row, ensure_room, find_row, make_row
from models.features.undoing import take_back
from models.features.windows import advance, append, insert, is_behind

EVIDENCE_WORDS = 3 + EVIDENCE_MAX


class Answers(NamedTuple):
    """Where a space's answers go.

    Attributes
    ----------
    values, bits
        (n, features) float64, and the same memory as int64.
    truncated
        (n,).
    evidence
        (m, `EVIDENCE_WORDS`): entry, feature, how many references, the references.
    found
        [rows of `evidence` written, scratch].
    room
        (event cap,): to work in.
    """

    values: NDArray[np.float64]
    bits: NDArray[np.int64]
    truncated: NDArray[np.bool_]
    evidence: NDArray[np.int64]
    found: NDArray[np.int64]
    room: NDArray[np.float64]


DONE, ROWS_FULL, ARENA_FULL, EVIDENCE_FULL = range(4)
_SWEEP_EVERY = 4


@inline
def sweep(store: Store, plan: Plan, time: int) -> None:
    """Every few entries look at one entity, in turn, and forget it if it is past its life.

    That changes no answer: an unknown entity reads like one whose windows are empty.
    """
    counters = store.counters
    counters[ENTRIES] += 1
    counters[NEWEST] = max(counters[NEWEST], time)
    if plan.sizes[S_LIFE] < 0 or counters[ENTRIES] % _SWEEP_EVERY or not counters[ROWS_USED]:
        return
    row = counters[HAND] % counters[ROWS_USED]
    counters[HAND] = row + 1
    end = store.rows[row, END]
    if store.rows[row, KEY] == 0 or end == 0:
        return
    last = store.rows[row, BASE] + (end - 1) * plan.sizes[S_STRIDE] + TIME
    if store.arena[last] < counters[NEWEST] - plan.sizes[S_LIFE]:
        drop_row(store, row)
        counters[FORGOTTEN] += 1


@inline
def _read_group(
    store: Store,
    plan: Plan,
    row: int,
    groups: int,
    number: int,
    entry: NDArray[np.int64],
    floats: NDArray[np.float64],
    answers: Answers,
) -> None:
    """Read the features of the wanted groups into the answers of entry `number`."""
    wants_evidence, time = entry[ENTRY_ROW] & WANTS_EVIDENCE != 0, entry[ENTRY_TIME]
    for feature in range(plan.features.shape[0]):
        if not (groups >> plan.features[feature, F_GROUP]) & 1:
            continue
        if row < 0:
            answers.values[number, feature] = value_of_nobody(plan, feature)
            continue
        value = feature_value(
            store, plan, row, feature, entry, floats, answers.found[1:], answers.room
        )
        if value == np.inf:
            answers.bits[number, feature] = answers.found[1]
        else:
            answers.values[number, feature] = value
        if is_truncated(store, plan, row, plan.features[feature, F_WINDOW], time):
            answers.truncated[number] = True
        if wants_evidence and value >= plan.bounds[feature]:
            place = answers.found[0]
            answers.evidence[place, 0] = number
            answers.evidence[place, 1] = feature
            answers.evidence[place, 2] = collect_evidence(
                store, plan, row, feature, entry, floats, answers.evidence[place, 3:]
            )
            answers.found[0] = place + 1


@inline
def row_with_room(
    store: Store, plan: Plan, key: np.uint64, row: int, why: NDArray[np.int64]
) -> int:
    """The entity's row with a free slot; what must grow first goes to `why`."""
    if row < 0:
        row = make_row(store, plan, key)
        if row < 0:
            why[0] = ROWS_FULL
            return row
    if not ensure_room(store, plan, row):
        why[0] = ARENA_FULL
    return row


@kernel
def run_space(
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
    """Update and read, entry by entry; return the first entry that was not done.

    Parameters
    ----------
    entries
        (n, words): see `models.features.layout.ENTRY_ROW`; the entries of one event stand
        together: reads that exclude it, then updates, then the other reads.
    start
        Where to begin.
    before_groups
        Bit mask of the read groups that exclude the current event.
    answers
        Out.
    flat_rows, likely
        `store.rows` as one dimension, and room for `AHEAD` rows.
    why
        [what must grow before the call is repeated from the returned entry].
    """
    why[0] = DONE
    floats = entries.view(np.float64)
    for number in range(start, entries.shape[0]):
        if (number - start) % AHEAD == 0:
            look_ahead(store, plan, flat_rows, entries, number, likely)
        entry = entries[number]
        if answers.found[0] + plan.features.shape[0] > answers.evidence.shape[0]:
            why[0] = EVIDENCE_FULL
            return number
        key, time = np.uint64(entry[ENTRY_KEY]), entry[ENTRY_TIME]
        flags = entry[ENTRY_ROW] & ((1 << ROW_SHIFT) - 1)
        groups = flags >> GROUP_BITS
        updates = flags & UPDATES != 0
        row = find_row(store, key)
        if flags & UNDOES:
            if row >= 0:
                take_back(store, plan, row, entry[ENTRY_VALUES + plan.undo[0]])
            continue
        if updates:
            row = row_with_room(store, plan, key, row, why)
            if why[0] != DONE:
                return number
        behind = row >= 0 and is_behind(store, row, time)
        if row >= 0 and not behind:
            advance(store, plan, row, time)
        ahead = groups & before_groups if updates else groups
        if ahead:
            source = look_back(store, plan, row, time) if behind else row
            _read_group(store, plan, source, ahead, number, entry, floats[number], answers)
        if updates:
            if behind:
                insert(store, plan, row, entry)
            else:
                append(store, plan, row, entry)
            after = groups & ~before_groups
            if after:
                source = look_back(store, plan, row, time) if behind else row
                _read_group(store, plan, source, after, number, entry, floats[number], answers)
        sweep(store, plan, time)
    return entries.shape[0]
