"""The kernel that walks back from a transfer along the money: chains, and cycles that it closes."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, outline
from models.events import NULL_INT
from models.features.graph_layout import (
    DEGREE_MAX,
    E_AMOUNT,
    E_MASK,
    E_NEXT_IN,
    E_REFERENCE,
    E_SOURCE,
    E_TIME,
    EDGE_BASE,
    EDGE_TAIL,
    EDGE_WORDS,
    G_HOPS,
    G_MASK,
    G_ORDERED,
    G_READ,
    G_SPAN,
    G_STEP,
    G_TOLERANCE,
    HOPS_MAX,
    MILLION,
    NEWEST_IN,
    VISITS_MAX,
)
from models.features.layout import (
    ENTRY_REFERENCE,
    ENTRY_TIME,
    EVIDENCE_MAX,
    Plan,
    Store,
)

_CYCLE = 0
# room per step of the path: node, next edge to try, edges tried, and the edge that led to it
_NODE, _CURSOR, _TRIED, _EDGE = 0, HOPS_MAX, 2 * HOPS_MAX, 3 * HOPS_MAX
_SHORTEST = 3


@inline
def record_of(store: Store, edge: int) -> int:
    """Where an edge begins in the arena."""
    return (edge - store.counters[EDGE_BASE]) * EDGE_WORDS


@inline
def alike(one: int, other: int, tolerance: int) -> bool:
    """Whether the smaller of two amounts is at most so many millionths less."""
    if one == other or one <= 0 or other <= 0:
        return one == other != NULL_INT
    return float(min(one, other)) * MILLION >= float(max(one, other)) * (MILLION - tolerance)


@inline
def is_in(store: Store, plan: Plan, feature: int, record: int, time: int) -> bool:
    """Whether an edge lies in a feature's window as of `time`, and meets its condition."""
    at, mask = store.arena[record + E_TIME], plan.features[feature, G_MASK]
    if not time - plan.features[feature, G_SPAN] < at <= time:
        return False
    return (store.arena[record + E_MASK] & mask) == mask


@inline
def _follows(
    store: Store, plan: Plan, feature: int, record: int, edge: int, after: int, after_edge: int
) -> bool:
    """Whether an edge comes before the next one of the path, and soon enough."""
    at, step = store.arena[record + E_TIME], plan.features[feature, G_STEP]
    if plan.features[feature, G_ORDERED] and not (
        at < after or (at == after and edge < after_edge)
    ):
        return False
    return step == 0 or abs(after - at) <= step


@inline
def _on_path(work: NDArray[np.int64], depth: int, node: int) -> bool:
    found = False
    for step in range(depth + 1):
        found |= work[_NODE + step] == node
    return found


@inline
def _name(
    store: Store, work: NDArray[np.int64], depth: int, named: NDArray[np.int64], own: int
) -> None:
    """Write the references of a path's transfers, newest first: the current one, then back."""
    named[0] = min(depth + 1, EVIDENCE_MAX)
    named[1] = own
    for step in range(1, named[0]):
        record = record_of(store, work[_EDGE + step])
        named[1 + step] = store.arena[record + E_REFERENCE]


@outline
def find_path(
    store: Store,
    plan: Plan,
    feature: int,
    source: int,
    target: int,
    entry: NDArray[np.int64],
    own_amount: int,
    work: NDArray[np.int64],
    named: NDArray[np.int64],
) -> int:
    """Transfers of the shortest cycle that the current one closes, or of the longest chain it ends.

    0 for no cycle. A depth-first walk from the payer to his payers, newest transfers first; no
    account comes twice. In a cycle all amounts are like the current one, in a chain each is like
    the next.
    """
    closes = plan.features[feature, G_READ] == _CYCLE
    hops, tolerance = plan.features[feature, G_HOPS], plan.features[feature, G_TOLERANCE]
    time, arena, rows = entry[ENTRY_TIME], store.arena, store.rows
    best, depth, visits = 0 if closes else 1, 0, 0
    named[0], named[1] = 0 if closes else 1, entry[ENTRY_REFERENCE]
    if source < 0 or (closes and target < 0):
        return best
    work[_NODE], work[_CURSOR], work[_TRIED] = source, rows[source, NEWEST_IN], 0
    while depth >= 0:
        edge = work[_CURSOR + depth] - 1
        spent = work[_TRIED + depth] >= DEGREE_MAX or visits >= VISITS_MAX
        if edge < store.counters[EDGE_TAIL] or spent:
            depth -= 1
            continue
        record = record_of(store, edge)
        work[_CURSOR + depth] = arena[record + E_NEXT_IN]
        work[_TRIED + depth] += 1
        visits += 1
        if not is_in(store, plan, feature, record, time):
            continue
        after, after_edge, amount = time, 1 << 62, own_amount
        if depth > 0:
            next_record = record_of(store, work[_EDGE + depth])
            after, after_edge = arena[next_record + E_TIME], work[_EDGE + depth]
            amount = own_amount if closes else arena[next_record + E_AMOUNT]
        if not alike(arena[record + E_AMOUNT], amount, tolerance):
            continue
        if not _follows(store, plan, feature, record, edge, after, after_edge):
            continue
        payer = arena[record + E_SOURCE]
        if payer == target:
            length = depth + 2
            if closes and _SHORTEST <= length <= hops and (best == 0 or length < best):
                best = length
                work[_EDGE + depth + 1] = edge
                _name(store, work, depth + 1, named, entry[ENTRY_REFERENCE])
            continue
        # one more transfer leads to this payer; in a cycle another one must close it
        most = hops - 2 if closes else hops - 1
        if best and closes:
            most = best - 3
        if depth + 1 > most or _on_path(work, depth, payer):
            continue
        depth += 1
        work[_NODE + depth], work[_EDGE + depth] = payer, edge
        work[_CURSOR + depth], work[_TRIED + depth] = rows[payer, NEWEST_IN], 0
        if not closes and depth + 1 > best:
            best = depth + 1
            _name(store, work, depth, named, entry[ENTRY_REFERENCE])
    return best
