"""The kernel of a space that keeps who paid whom: a graph in bounded memory.

Every transfer is an edge; features ask for patterns that the current one completes.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel, outline, to_int
from models.events import MONEY_SCALE, NULL_INT
from models.features.engine import ARENA_FULL, DONE, EVIDENCE_FULL, ROWS_FULL, Answers
from models.features.gathering import common_payees, find_scatter, spread_upstream
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
    G_GROUP,
    G_MASK,
    G_READ,
    G_SPAN,
    NEWEST_IN,
    NEWEST_OUT,
)
from models.features.layout import (
    ARENA_USED,
    CLOCK,
    ENTRIES,
    ENTRY_KEY,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_ROW,
    ENTRY_TIME,
    ENTRY_VALUES,
    FORGOTTEN,
    GROUP_BITS,
    HAND,
    KEY,
    NEWEST,
    ROW_SHIFT,
    ROWS_USED,
    S_CAP,
    S_HORIZON,
    S_INDEXES,
    UPDATES,
    WANTS_EVIDENCE,
    Plan,
    Store,
)
from models.features.paths import find_path
from models.features.table import drop_row, find_row, make_row

_CYCLE, _CHAIN, _SCATTER, _BIPARTITE, _UPSTREAM = range(5)
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
    return store.arena[(edge - store.counters[EDGE_BASE]) * EDGE_WORDS + E_TIME]


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
    for node in (source, target):
        rows[node, CLOCK] = max(rows[node, CLOCK], entry[ENTRY_TIME])
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


@inline
def _value(
    store: Store,
    plan: Plan,
    feature: int,
    source: int,
    target: int,
    entry: NDArray[np.int64],
    amount: int,
    work: NDArray[np.int64],
    named: NDArray[np.int64],
) -> float:
    """A feature's value; how many transfers are behind it, and which, goes to `named`."""
    read = plan.features[feature, G_READ]
    named[0] = 0
    if read == _CYCLE or read == _CHAIN:
        return float(find_path(store, plan, feature, source, target, entry, amount, work, named))
    if read == _SCATTER:
        return float(find_scatter(store, plan, feature, target, entry[ENTRY_TIME], work, named))
    if read == _BIPARTITE:
        return float(common_payees(store, plan, feature, source, target, entry[ENTRY_TIME], work))
    return float(spread_upstream(store, plan, feature, source, entry[ENTRY_TIME], work))


@inline
def _counts(plan: Plan, feature: int, mask: int) -> bool:
    """Whether a transfer meets a feature's condition."""
    wanted = plan.features[feature, G_MASK]
    return (mask & wanted) == wanted


@inline
def _counts_anywhere(plan: Plan, mask: int) -> bool:
    found = False
    for feature in range(plan.features.shape[0]):
        found |= _counts(plan, feature, mask)
    return found


@inline
def _read_nothing(plan: Plan, entry: NDArray[np.int64], number: int, answers: Answers) -> None:
    """0 for every pattern that is asked for: the transfer is part of none."""
    groups = (entry[ENTRY_ROW] & ((1 << ROW_SHIFT) - 1)) >> GROUP_BITS
    for feature in range(plan.features.shape[0]):
        if (groups >> plan.features[feature, G_GROUP]) & 1:
            answers.values[number, feature] = 0.0


@inline
def _read(
    store: Store,
    plan: Plan,
    source: int,
    target: int,
    entry: NDArray[np.int64],
    amount: int,
    number: int,
    answers: Answers,
    work: NDArray[np.int64],
) -> None:
    groups = (entry[ENTRY_ROW] & ((1 << ROW_SHIFT) - 1)) >> GROUP_BITS
    for feature in range(plan.features.shape[0]):
        if not (groups >> plan.features[feature, G_GROUP]) & 1:
            continue
        place = answers.found[0]
        named = answers.evidence[place, 2:]
        if not _counts(plan, feature, entry[ENTRY_MASK]):
            answers.values[number, feature] = 0.0
            continue
        value = _value(store, plan, feature, source, target, entry, amount, work, named)
        answers.values[number, feature] = value
        since = entry[ENTRY_TIME] - plan.features[feature, G_SPAN]
        if store.counters[EDGE_CUT] > max(since, 0):
            answers.truncated[number] = True
        if entry[ENTRY_ROW] & WANTS_EVIDENCE and value >= plan.bounds[feature]:
            answers.evidence[place, 0], answers.evidence[place, 1] = number, feature
            answers.found[0] = place + 1


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
        if not _counts_anywhere(plan, entry[ENTRY_MASK]):
            _read_nothing(plan, entry, number, answers)
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
        _read(store, plan, source, target, entry, amount, number, answers, work)
        if entry[ENTRY_ROW] & UPDATES:
            _sweep(store)
    return entries.shape[0]
