"""A hash index in a large block: the latest event with a given value, found in one step.

An entry is a slot + 1; entries of events that have left the block's live part are dead and are
swept when the block is next moved, which happens before the index can fill.
"""

import numpy as np

from models.compiled import inline, outline, to_int
from models.features.layout import (
    BASE,
    CAPACITY,
    D_COLUMN,
    D_FILTER,
    D_INDEX,
    END,
    FIRST,
    INDEX_FROM,
    MASK,
    NO_SLOT,
    S_COLUMNS,
    S_INDEXES,
    S_STRIDE,
    Plan,
    Store,
)

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@inline
def index_size(capacity: int) -> int:
    """Places of the index of a block: a power of two, at most half full; 0 for small blocks."""
    if capacity < INDEX_FROM:
        return 0
    size = 2 * INDEX_FROM
    while size < 2 * capacity:
        size *= 2
    return size


@inline
def block_words(plan: Plan, capacity: int) -> int:
    """Words of a block: columns and indexes."""
    return plan.sizes[S_COLUMNS] * capacity + plan.sizes[S_INDEXES] * index_size(capacity)


@inline
def _first_place(key: int, size: int) -> int:
    mixed = np.uint64(key) * _MULTIPLIER
    return to_int((mixed ^ (mixed >> np.uint64(29))) & np.uint64(size - 1))


@inline
def find_latest(
    store: Store, plan: Plan, row: int, index: int, column: int, key: int, slot: int
) -> int:
    """The latest live event with this value, or −1; `slot` then takes its place."""
    base, capacity = store.rows[row, BASE], store.rows[row, CAPACITY]
    size = index_size(capacity)
    start = base + plan.sizes[S_COLUMNS] * capacity + index * size
    values = base + column * capacity
    place = _first_place(key, size)
    while store.arena[start + place] != 0:
        found = store.arena[start + place] - 1
        if store.arena[values + found] == key:
            store.arena[start + place] = slot + 1
            return found if found >= store.rows[row, FIRST] else NO_SLOT
        place = (place + 1) & (size - 1)
    store.arena[start + place] = slot + 1
    return NO_SLOT


@outline
def rebuild_indexes(store: Store, plan: Plan, row: int) -> None:
    """Enter every live event anew, after slots have moved."""
    arena, rows = store.arena, store.rows
    base, capacity, stride = rows[row, BASE], rows[row, CAPACITY], plan.sizes[S_STRIDE]
    size = index_size(capacity)
    if size == 0:
        return
    for counted in range(plan.distincts.shape[0]):
        index = plan.distincts[counted, D_INDEX]
        if index < 0:
            continue
        start = base + plan.sizes[S_COLUMNS] * capacity + index * size
        for place in range(size):
            arena[start + place] = 0
        column, mask = plan.distincts[counted, D_COLUMN], plan.distincts[counted, D_FILTER]
        for slot in range(rows[row, FIRST], rows[row, END]):
            key = arena[base + column * capacity + slot]
            passes = mask == 0 or (arena[base + slot * stride + MASK] & mask) == mask
            if key != 0 and passes:
                find_latest(store, plan, row, index, column, key, slot)
