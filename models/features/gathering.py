"""Kernels that look one or two transfers around the current one: scattered and gathered money."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, outline, to_int
from models.features.graph_layout import (
    DEGREE_MAX,
    E_AMOUNT,
    E_NEXT_IN,
    E_NEXT_OUT,
    E_REFERENCE,
    E_SOURCE,
    E_TARGET,
    E_TIME,
    EDGE_TAIL,
    G_TOLERANCE,
    HOPS_MAX,
    NEWEST_IN,
    NEWEST_OUT,
    PAIRS,
    SCRATCH,
)
from models.features.layout import EVIDENCE_MAX, Plan, Store
from models.features.paths import alike, is_in, record_of

_PAIRS = 8 * HOPS_MAX
_SOURCES, _COUNTS, _USED = _PAIRS + PAIRS, _PAIRS + 2 * PAIRS, _PAIRS + 3 * PAIRS
_MIX = np.uint64(0x9E3779B97F4A7C15)
_NEIGHBOURS_MAX = 32
"""Most payees of one account that are told apart by a bit each."""


@inline
def _place(work: NDArray[np.int64], table: int, key: int) -> int:
    """Where a key stands in a table of `PAIRS` places, or where it would."""
    mixed = np.uint64(key) * _MIX
    place = to_int(mixed >> np.uint64(51))
    while work[table + place] != 0 and work[table + place] != key:
        place = (place + 1) & (PAIRS - 1)
    return place


@inline
def _note_pair(work: NDArray[np.int64], used: int, payer: int, between: int) -> int:
    """Count an account between a payer and the payee once; how many places are used."""
    place = _place(work, _PAIRS, ((payer + 1) << 32) | (between + 1))
    if work[_PAIRS + place] != 0:
        return used
    work[_PAIRS + place] = ((payer + 1) << 32) | (between + 1)
    work[_USED + used] = place
    place = _place(work, _SOURCES, payer + 1)
    work[_SOURCES + place] = payer + 1
    work[_COUNTS + place] += 1
    return used + 1


@inline
def _empty(work: NDArray[np.int64], used: int) -> None:
    """Leave the tables as they were found: all zero."""
    # keys go last: a gap would hide those behind it
    for i in range(used):
        payer = work[_PAIRS + work[_USED + i]] >> 32
        work[_USED + PAIRS // 2 + i] = _place(work, _SOURCES, payer)
    for i in range(used):
        work[_PAIRS + work[_USED + i]] = 0
        place = work[_USED + PAIRS // 2 + i]
        work[_SOURCES + place], work[_COUNTS + place] = 0, 0


@inline
def _comes_through(
    store: Store, plan: Plan, feature: int, earlier: int, edge: int, payee: int, time: int
) -> bool:
    """Whether money of one edge can be that of a later one: in order, and alike."""
    arena, first, last = store.arena, record_of(store, earlier), record_of(store, edge)
    if not is_in(store, plan, feature, first, time) or arena[first + E_SOURCE] == payee:
        return False
    at, then = arena[first + E_TIME], arena[last + E_TIME]
    if at > then or (at == then and earlier > edge):
        return False
    tolerance = plan.features[feature, G_TOLERANCE]
    return alike(arena[first + E_AMOUNT], arena[last + E_AMOUNT], tolerance)


@outline
def find_scatter(
    store: Store,
    plan: Plan,
    feature: int,
    payee: int,
    time: int,
    work: NDArray[np.int64],
    named: NDArray[np.int64],
) -> int:
    """The most accounts through which the payee got money of one and the same payer."""
    if payee < 0:
        return 0
    arena, rows, tail = store.arena, store.rows, store.counters[EDGE_TAIL]
    used, best, best_payer = 0, 0, -1
    edge, tried = rows[payee, NEWEST_IN] - 1, 0
    while edge >= tail and tried < DEGREE_MAX:
        record, tried = record_of(store, edge), tried + 1
        between = arena[record + E_SOURCE]
        if is_in(store, plan, feature, record, time):
            earlier, seen = rows[between, NEWEST_IN] - 1, 0
            while earlier >= tail and seen < DEGREE_MAX and used < PAIRS // 2:
                first, seen = record_of(store, earlier), seen + 1
                if _comes_through(store, plan, feature, earlier, edge, payee, time):
                    payer = arena[first + E_SOURCE]
                    used = _note_pair(work, used, payer, between)
                    count = work[_COUNTS + _place(work, _SOURCES, payer + 1)]
                    if count > best:
                        best, best_payer = count, payer
                earlier = arena[first + E_NEXT_IN] - 1
        edge = arena[record + E_NEXT_IN] - 1
    _empty(work, used)
    if best_payer >= 0:
        _name_scatter(store, plan, feature, payee, best_payer, time, named)
    return best


@inline
def _name_scatter(
    store: Store,
    plan: Plan,
    feature: int,
    payee: int,
    payer: int,
    time: int,
    named: NDArray[np.int64],
) -> None:
    """The references of the transfers that a payer's money took, pair by pair."""
    arena, rows, tail, found = store.arena, store.rows, store.counters[EDGE_TAIL], 0
    edge, tried = rows[payee, NEWEST_IN] - 1, 0
    while edge >= tail and tried < DEGREE_MAX:
        record, tried = record_of(store, edge), tried + 1
        if is_in(store, plan, feature, record, time):
            earlier, seen = rows[arena[record + E_SOURCE], NEWEST_IN] - 1, 0
            while earlier >= tail and seen < DEGREE_MAX and found + 2 <= EVIDENCE_MAX:
                first, seen = record_of(store, earlier), seen + 1
                if arena[first + E_SOURCE] == payer and _comes_through(
                    store, plan, feature, earlier, edge, payee, time
                ):
                    named[1 + found] = arena[record + E_REFERENCE]
                    named[2 + found] = arena[first + E_REFERENCE]
                    found += 2
                    break
                earlier = arena[first + E_NEXT_IN] - 1
        edge = arena[record + E_NEXT_IN] - 1
    named[0] = found


@inline
def _payees(
    store: Store,
    plan: Plan,
    feature: int,
    payer: int,
    time: int,
    work: NDArray[np.int64],
    most: int,
) -> int:
    """Write an account's different payees to `work`; how many, at most `most`."""
    found, tried = 0, 0
    edge = store.rows[payer, NEWEST_OUT] - 1
    while edge >= store.counters[EDGE_TAIL] and tried < DEGREE_MAX and found < most:
        record, tried = record_of(store, edge), tried + 1
        if is_in(store, plan, feature, record, time):
            payee, known = store.arena[record + E_TARGET], False
            for i in range(found):
                known = known or work[i] == payee
            if not known:
                work[found] = payee
                found += 1
        edge = store.arena[record + E_NEXT_OUT] - 1
    return found


@inline
def _shared_payees(
    store: Store, plan: Plan, feature: int, payer: int, time: int, payees: NDArray[np.int64], n: int
) -> int:
    """Which of some payees an account pays too, a bit each."""
    bits, tried = 0, 0
    edge = store.rows[payer, NEWEST_OUT] - 1
    while edge >= store.counters[EDGE_TAIL] and tried < DEGREE_MAX:
        record, tried = record_of(store, edge), tried + 1
        if is_in(store, plan, feature, record, time):
            for i in range(n):
                if payees[i] == store.arena[record + E_TARGET]:
                    bits |= 1 << i
        edge = store.arena[record + E_NEXT_OUT] - 1
    return bits


@inline
def _count_bits(bits: int) -> int:
    n = 0
    while bits:
        bits &= bits - 1
        n += 1
    return n


@outline
def common_payees(
    store: Store,
    plan: Plan,
    feature: int,
    payer: int,
    payee: int,
    time: int,
    work: NDArray[np.int64],
) -> int:
    """The most payees that the payer and two other payers of this payee all paid; 0 for none."""
    if payer < 0 or payee < 0:
        return 0
    payees, others = work[SCRATCH:], work[SCRATCH + DEGREE_MAX :]
    masks = work[SCRATCH + 2 * DEGREE_MAX :]
    n = _payees(store, plan, feature, payer, time, payees, _NEIGHBOURS_MAX)
    found, tried, best = 0, 0, 0
    edge = store.rows[payee, NEWEST_IN] - 1
    while edge >= store.counters[EDGE_TAIL] and tried < DEGREE_MAX and found < _NEIGHBOURS_MAX:
        record, tried = record_of(store, edge), tried + 1
        other = store.arena[record + E_SOURCE]
        known = other == payer or not is_in(store, plan, feature, record, time)
        for i in range(found):
            known = known or others[i] == other
        if not known:
            others[found] = other
            masks[found] = _shared_payees(store, plan, feature, other, time, payees, n)
            for i in range(found):
                best = max(best, _count_bits(masks[i] & masks[found]))
            found += 1
        edge = store.arena[record + E_NEXT_IN] - 1
    return best


@outline
def spread_upstream(
    store: Store, plan: Plan, feature: int, payer: int, time: int, work: NDArray[np.int64]
) -> int:
    """The most payees that one of the payer's own payers paid; 0 for none."""
    if payer < 0:
        return 0
    payees, best, tried = work[SCRATCH:], 0, 0
    edge = store.rows[payer, NEWEST_IN] - 1
    while edge >= store.counters[EDGE_TAIL] and tried < DEGREE_MAX:
        record, tried = record_of(store, edge), tried + 1
        if is_in(store, plan, feature, record, time):
            upstream = store.arena[record + E_SOURCE]
            n = _payees(store, plan, feature, upstream, time, payees, DEGREE_MAX)
            best = max(best, n)
        edge = store.arena[record + E_NEXT_IN] - 1
    return best
