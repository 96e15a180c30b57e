"""The kernel of a space that keeps who paid whom: a graph in bounded memory.

Every transfer is an edge; features ask for patterns that the current one completes.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel, outline, to_int
from models.events import MONEY_SCALE, NULL_INT
from models.features.engine import ARENA_FULL, DONE, EVIDENCE_FULL, ROWS_FULL, Answers
from models.features.graph_layout import (
    E_AMOUNT,
    E_FROM,
    E_KEY,
    E_MASK,
    E_NEXT_IN,
    E_NEXT_OUT,
    E_REFERENCE,
    E_SOURCE,
    E_TARGET,
    E_TIME,
    E_TO,
    EDGE_BASE,
    EDGE_CUT,
    EDGE_TAIL,
    EDGE_WORDS,
    NEWEST_IN,
    NEWEST_OUT,
)
from models.features.graph_reading import counts_anywhere, read_nothing, read_patterns
from models.features.layout import (
    ARENA_USED,
    ENTRIES,
    ENTRY_KEY,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_ROW,
    ENTRY_TIME,
    ENTRY_VALUES,
    FORGOTTEN,
    HAND,
    KEY,
    NEWEST,
    ROWS_USED,
    S_CAP,
    S_HORIZON,
    S_INDEXES,
    UPDATES,
    Plan,
    Store,
)
from models.features.paths import record_of
from models.features.table import drop_row, find_row, make_row

_SWEPT = 3
_LARGEST = 1e14
_ONE, _TWO = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@inline
def _node_key(tenant: int, account: int) -> np.uint64:
    """An account of a tenant as one number, never 0 (splitmix64's finalizer)."""
    key = np.uint64(tenant) ^ (np.uint64(account) * np.uint64(0x9E3779B97F4A7C15))
    key = (key ^ (key >> np.uint64(30))) * _ONE
    key = (key ^ (key >> np.uint64(27))) * _TWO
    key ^= key >> np.uint64(31)
    return key if key != np.uint64(0) else np.uint64(1)


@inline
def _head(store: Store) -> int:
    """The number of the next edge."""
    return store.counters[EDGE_BASE] + store.counters[ARENA_USED] // EDGE_WORDS


@outline
def _close_gap(store: Store) -> None:
    """Move the edges that are still needed to the front of the arena."""
    counters, arena = store.counters, store.arena
    dead = (counters[EDGE_TAIL] - counters[EDGE_BASE]) * EDGE_WORDS
    for word in range(counters[ARENA_USED] - dead):
        arena[word] = arena[dead + word]
    counters[ARENA_USED] -= dead
    counters[EDGE_BASE] = counters[EDGE_TAIL]


@inline
def _edge_time(store: Store, edge: int) -> int:
    return store.arena[record_of(store, edge) + E_TIME]


@inline
def _has_room(store: Store, plan: Plan) -> bool:
    """Make room for an edge; False when the arena must grow first."""
    counters, head = store.counters, _head(store)
    oldest = counters[NEWEST] - plan.sizes[S_HORIZON]
    while counters[EDGE_TAIL] < head and _edge_time(store, counters[EDGE_TAIL]) < oldest:
        counters[EDGE_TAIL] += 1
    # the bound does not depend on the arena's size, which differs after a restart
    live = head - counters[EDGE_TAIL]
    if live >= plan.sizes[S_CAP]:
        for _ in range(max(live >> 4, 1)):
            time = _edge_time(store, counters[EDGE_TAIL])
            counters[EDGE_CUT] = max(counters[EDGE_CUT], time)
            counters[EDGE_TAIL] += 1
    if counters[ARENA_USED] + EDGE_WORDS <= store.arena.shape[0]:
        return True
    if 2 * (counters[EDGE_TAIL] - counters[EDGE_BASE]) <= head - counters[EDGE_BASE]:
        return False
    _close_gap(store)
    return True


@inline
def _amount(plan: Plan, entry: NDArray[np.int64], floats: NDArray[np.float64]) -> int:
    """The amount of an entry in 10⁻⁴ units; 0 where the graph has none."""
    if entry.shape[0] <= ENTRY_VALUES + 2:
        return 0
    if plan.sizes[S_INDEXES] == 0:
        return entry[ENTRY_VALUES + 2]
    number = floats[ENTRY_VALUES + 2]
    return to_int(np.round(number * MONEY_SCALE)) if abs(number) < _LARGEST else NULL_INT


@inline
def _add_edge(
    store: Store, entry: NDArray[np.int64], amount: int, source: int, target: int
) -> None:
    arena, rows, counters = store.arena, store.rows, store.counters
    at, edge = counters[ARENA_USED], _head(store)
    arena[at + E_TIME] = entry[ENTRY_TIME]
    arena[at + E_REFERENCE] = entry[ENTRY_REFERENCE]
    arena[at + E_MASK] = entry[ENTRY_MASK]
    arena[at + E_FROM] = entry[ENTRY_VALUES]
    arena[at + E_TO] = entry[ENTRY_VALUES + 1]
    arena[at + E_AMOUNT] = amount
    arena[at + E_KEY] = entry[ENTRY_KEY]
    arena[at + E_SOURCE], arena[at + E_TARGET] = source, target
    arena[at + E_NEXT_OUT], arena[at + E_NEXT_IN] = (
        rows[source, NEWEST_OUT],
        rows[target, NEWEST_IN],
    )
    rows[source, NEWEST_OUT], rows[target, NEWEST_IN] = edge + 1, edge + 1
    counters[ARENA_USED] += EDGE_WORDS
    counters[NEWEST] = max(counters[NEWEST], entry[ENTRY_TIME])


@inline
def _sweep(store: Store) -> None:
    """Look at a few nodes, in turn, and forget those whose edges have all gone."""
    counters, rows = store.counters, store.rows
    counters[ENTRIES] += 1
    for _ in range(_SWEPT):
        if counters[ROWS_USED] == 0:
            return
        row = counters[HAND] % counters[ROWS_USED]
        counters[HAND] = row + 1
        newest = max(rows[row, NEWEST_OUT], rows[row, NEWEST_IN])
        if rows[row, KEY] != 0 and newest <= counters[EDGE_TAIL]:
            drop_row(store, row)
            counters[FORGOTTEN] += 1


@kernel
def run_graph(
    store: Store,
    plan: Plan,
    entries: NDArray[np.int64],
    start: int,
    _before_groups: int,
    answers: Answers,
    _flat_rows: NDArray[np.int64],
    work: NDArray[np.int64],
    why: NDArray[np.int64],
) -> int:
    """As `models.features.engine.run_space`, for a graph; `work` is room of `WORK_WORDS`."""
    why[0] = DONE
    floats = entries.view(np.float64)
    for number in range(start, entries.shape[0]):
        entry = entries[number]
        if answers.found[0] + plan.features.shape[0] > answers.evidence.shape[0]:
            why[0] = EVIDENCE_FULL
            return number
        one, other = entry[ENTRY_VALUES], entry[ENTRY_VALUES + 1]
        if one == 0 or other == 0 or one == other:
            continue
        if not counts_anywhere(plan, entry[ENTRY_MASK]):
            read_nothing(plan, entry, number, answers)
            continue
        source_key, target_key = (
            _node_key(entry[ENTRY_KEY], one),
            _node_key(entry[ENTRY_KEY], other),
        )
        source, target = find_row(store, source_key), find_row(store, target_key)
        amount = _amount(plan, entry, floats[number])
        if entry[ENTRY_ROW] & UPDATES:
            if source < 0:
                source = make_row(store, plan, source_key)
            if source >= 0 and target < 0:
                target = make_row(store, plan, target_key)
            if source < 0 or target < 0:
                why[0] = ROWS_FULL
                return number
            if not _has_room(store, plan):
                why[0] = ARENA_FULL
                return number
            _add_edge(store, entry, amount, source, target)
        read_patterns(store, plan, source, target, entry, amount, number, answers, work)
        if entry[ENTRY_ROW] & UPDATES:
            _sweep(store)
    return entries.shape[0]
