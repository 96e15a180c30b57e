"""Kernels that join an event to its neighbours of the same value: each value counts once."""

from models.compiled import inline
from models.features.cells import passes
from models.features.index import find_latest
from models.features.layout import (
    BASE,
    CAPACITY,
    D_COLUMN,
    D_FILTER,
    D_INDEX,
    D_LINK,
    END,
    FIRST,
    INDEX_FROM,
    NO_SLOT,
    S_STRIDE,
    TIME,
    Plan,
    Store,
)
from models.features.links import earlier, later, make_link


@inline
def _same_before(
    store: Store, plan: Plan, row: int, column: int, mask: int, key: int, slot: int
) -> int:
    """The nearest earlier slot whose value equals `key`, or −1; eight compares at a time."""
    base, capacity = store.rows[row, BASE], store.rows[row, CAPACITY]
    first, stride = store.rows[row, FIRST], plan.sizes[S_STRIDE]
    values = base + column * capacity
    at = slot
    while at - 8 >= first:
        same = False
        for i in range(1, 9):
            same |= store.arena[values + at - i] == key
        if same:
            break
        at -= 8
    while at > first:
        at -= 1
        if store.arena[values + at] == key:
            if passes(store, base, stride, at, mask):
                return at
    return NO_SLOT


@inline
def _same_time_before(store: Store, plan: Plan, row: int, mask: int, slot: int) -> int:
    """The nearest earlier slot of the same event time, or −1; events stand in time order."""
    base, stride = store.rows[row, BASE], plan.sizes[S_STRIDE]
    time = store.arena[base + slot * stride + TIME]
    at = slot - 1
    while at >= store.rows[row, FIRST] and store.arena[base + at * stride + TIME] == time:
        if passes(store, base, stride, at, mask):
            return at
        at -= 1
    return NO_SLOT


@inline
def link_event(store: Store, plan: Plan, row: int, slot: int) -> None:
    """Join an event to its neighbours of the same value."""
    arena = store.arena
    base, capacity, stride = store.rows[row, BASE], store.rows[row, CAPACITY], plan.sizes[S_STRIDE]
    for counted in range(plan.distincts.shape[0]):
        column, mask = plan.distincts[counted, D_COLUMN], plan.distincts[counted, D_FILTER]
        links = base + plan.distincts[counted, D_LINK]
        arena[links + slot * stride] = 0
        key = arena[base + column * capacity + slot]
        if key == 0 or not passes(store, base, stride, slot, mask):
            continue
        index = plan.distincts[counted, D_INDEX]
        if index < 0:
            before = _same_time_before(store, plan, row, mask, slot)
        elif capacity >= INDEX_FROM and slot + 1 == store.rows[row, END]:
            before = find_latest(store, plan, row, index, column, key, slot)
        else:
            before = _same_before(store, plan, row, column, mask, key, slot)
        after = NO_SLOT
        if before >= 0:
            at = links + before * stride
            after = later(arena[at])
            arena[at] = make_link(earlier(arena[at]), slot)
        else:
            # out of order and the first of its value: the old first is somewhere behind
            for candidate in range(slot + 1, store.rows[row, END]):
                if arena[base + column * capacity + candidate] == key:
                    if passes(store, base, stride, candidate, mask):
                        after = candidate
                        break
        if after >= 0:
            arena[links + after * stride] = make_link(slot, later(arena[links + after * stride]))
        arena[links + slot * stride] = make_link(before, after)
