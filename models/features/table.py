"""Kernels that find and make room: key → row, rows, and blocks of the arena."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel, outline, to_int
from models.events import NULL_INT
from models.features.cells import clear_cells, is_null, passes
from models.features.index import block_words, rebuild_indexes
from models.features.layout import (
    ARENA_USED,
    BASE,
    BLOCK_SIZES,
    C_COLUMN,
    C_FILTER,
    C_HOLDS,
    C_KIND,
    C_WORD,
    CAPACITY,
    CELLS_FROM,
    CELLS_TO,
    CLOCK,
    CUT,
    D_LINK,
    DELAY,
    END,
    FIRST,
    FREE_BLOCKS,
    KEY,
    NEVER,
    ROWS_FREE,
    ROWS_USED,
    S_CAP,
    S_COLUMNS,
    S_HORIZON,
    S_LATENESS,
    S_STRIDE,
    TIME,
    W_HEAD,
    W_HEAD_TIME,
    W_TAIL,
    W_TAIL_TIME,
    WINDOW_WORDS,
    WINDOWS,
    Plan,
    Store,
)
from models.features.links import address, moved_link

_LAST = 7
_SLOT_KINDS = (4, 5, 7)  # MAX, MIN and LAST hold a slot


_HIGH = np.uint64(0xFFFF_FFFF_0000_0000)
_LOW = np.uint64(0xFFFF_FFFF)
_EMPTY = np.uint64(0)


@inline
def find_row(store: Store, key: np.uint64) -> int:
    """The row of a key, or −1."""
    mask = store.table.shape[0] - 1
    place = to_int(key & np.uint64(mask))
    while store.table[place] != _EMPTY:
        found = store.table[place]
        if (found ^ key) & _HIGH == _EMPTY:
            row = to_int(found & _LOW) - 1
            if np.uint64(store.rows[row, KEY]) == key:
                return row
        place = (place + 1) & mask
    return -1


@outline
def make_row(store: Store, plan: Plan, key: np.uint64) -> int:
    """A fresh row for a key that has none, or −1 when the rows are full.

    The last row is spare: `models.features.reading.look_back` works in it.
    """
    counters = store.counters
    size = store.table.shape[0]
    recycled = counters[ROWS_FREE] - 1
    if recycled >= 0:
        row = recycled
        counters[ROWS_FREE] = store.rows[row, BASE]
    elif counters[ROWS_USED] >= store.rows.shape[0] - 1:
        return -1
    else:
        row = counters[ROWS_USED]
        counters[ROWS_USED] += 1
    store.rows[row, :] = 0
    store.rows[row, KEY] = to_int(key)
    store.rows[row, CLOCK] = NULL_INT
    store.rows[row, CUT] = NULL_INT
    for window in range(plan.windows.shape[0]):
        store.rows[row, WINDOWS + WINDOW_WORDS * window + W_TAIL_TIME] = NEVER
        store.rows[row, WINDOWS + WINDOW_WORDS * window + W_HEAD_TIME] = NEVER
        clear_cells(store, plan, row, window)
    place = to_int(key & np.uint64(size - 1))
    while store.table[place] != _EMPTY:
        place = (place + 1) & (size - 1)
    store.table[place] = (key & _HIGH) | np.uint64(row + 1)
    return row


@inline
def _size_class(events: int) -> int:
    found = 0
    while BLOCK_SIZES[found] < events:
        found += 1
    return found


@inline
def _free_block(store: Store, base: int, capacity: int) -> None:
    if capacity > 0:
        head = FREE_BLOCKS + _size_class(capacity)
        store.arena[base] = store.counters[head]
        store.counters[head] = base + 1


@inline
def _take_block(store: Store, plan: Plan, size: int) -> int:
    """Base of a block of a size class, or −1 when the arena is full."""
    head = FREE_BLOCKS + size
    base = store.counters[head] - 1
    if base >= 0:
        store.counters[head] = store.arena[base]
        return base
    base = store.counters[ARENA_USED]
    words = block_words(plan, BLOCK_SIZES[size])
    if base + words > store.arena.shape[0]:
        return -1
    store.counters[ARENA_USED] = base + words
    return base


@inline
def slot_after(store: Store, plan: Plan, row: int, time: int) -> int:
    """The first slot whose event is later than `time`."""
    base, stride = store.rows[row, BASE], plan.sizes[S_STRIDE]
    low, high = store.rows[row, FIRST], store.rows[row, END]
    while low < high:
        middle = (low + high) >> 1
        if store.arena[base + middle * stride + TIME] <= time:
            low = middle + 1
        else:
            high = middle
    return low


@inline
def _last_kept(store: Store, plan: Plan, row: int, window: int) -> int:
    """Oldest slot that a window of LAST cells needs: one event behind the allowed lateness."""
    base, capacity = store.rows[row, BASE], store.rows[row, CAPACITY]
    stride = plan.sizes[S_STRIDE]
    settled = store.rows[row, CLOCK] - plan.windows[window, DELAY] - plan.sizes[S_LATENESS]
    after = slot_after(store, plan, row, settled)
    kept = after
    for cell in range(plan.windows[window, CELLS_FROM], plan.windows[window, CELLS_TO]):
        column, slot = plan.cells[cell, C_COLUMN], after - 1
        while slot >= store.rows[row, FIRST]:
            at = address(base, capacity, stride, column, slot)
            if passes(store, base, stride, slot, plan.cells[cell, C_FILTER]) and not is_null(
                store, at, plan.cells[cell, C_HOLDS]
            ):
                kept = min(kept, slot)
                break
            slot -= 1
    return kept


@inline
def _only_last(plan: Plan, window: int) -> bool:
    for cell in range(plan.windows[window, CELLS_FROM], plan.windows[window, CELLS_TO]):
        if plan.cells[cell, C_KIND] != _LAST:
            return False
    return True


@inline
def first_kept(store: Store, plan: Plan, row: int) -> int:
    """The oldest slot that a window may still need, late events included."""
    if store.rows[row, CLOCK] == NULL_INT:
        return store.rows[row, FIRST]
    kept = slot_after(store, plan, row, store.rows[row, CLOCK] - plan.sizes[S_HORIZON])
    for window in range(plan.windows.shape[0]):
        if _only_last(plan, window):
            kept = min(kept, _last_kept(store, plan, row, window))
        else:
            kept = min(kept, store.rows[row, WINDOWS + WINDOW_WORDS * window + W_TAIL])
    return kept


@inline
def _shift_slots(store: Store, plan: Plan, row: int, by: int) -> None:
    """Renumber a row's slots after its events moved down by `by`."""
    rows = store.rows
    rows[row, FIRST] = 0
    rows[row, END] -= by
    for window in range(plan.windows.shape[0]):
        first = WINDOWS + WINDOW_WORDS * window
        rows[row, first + W_TAIL] = max(rows[row, first + W_TAIL] - by, 0)
        rows[row, first + W_HEAD] = max(rows[row, first + W_HEAD] - by, 0)
    for cell in range(plan.cells.shape[0]):
        if plan.cells[cell, C_KIND] in _SLOT_KINDS and rows[row, plan.cells[cell, C_WORD]] >= 0:
            rows[row, plan.cells[cell, C_WORD]] -= by


@outline
def ensure_room(store: Store, plan: Plan, row: int) -> bool:
    """Make a free slot at the end of a row's block; False when the arena must grow first."""
    rows, arena = store.rows, store.arena
    if rows[row, END] < rows[row, CAPACITY]:
        return True
    columns = plan.sizes[S_COLUMNS]
    base, capacity = rows[row, BASE], rows[row, CAPACITY]
    keep = first_kept(store, plan, row)
    live = rows[row, END] - keep
    size = _size_class(live + max(live >> 3, 1))
    full = _size_class(plan.sizes[S_CAP] + (plan.sizes[S_CAP] >> 2) + 1)
    size = min(size, full)
    target, room = base, BLOCK_SIZES[size]
    if room != capacity:
        # a much smaller block saves memory, a slightly smaller one only work
        if capacity // 4 < room < capacity:
            room = capacity
        else:
            target = _take_block(store, plan, size)
            if target < 0:
                return False
    stride = plan.sizes[S_STRIDE]
    for word in range(live * stride):
        arena[target + word] = arena[base + keep * stride + word]
    for column in range(stride, columns):
        source, goal = base + column * capacity + keep, target + column * room
        for slot in range(live):
            arena[goal + slot] = arena[source + slot]
    for counted in range(plan.distincts.shape[0]):
        links = target + plan.distincts[counted, D_LINK]
        for slot in range(live):
            arena[links + slot * stride] = moved_link(arena[links + slot * stride], keep)
    if target != base:
        _free_block(store, base, capacity)
    rows[row, BASE], rows[row, CAPACITY] = target, room
    _shift_slots(store, plan, row, keep)
    rebuild_indexes(store, plan, row)
    return True


@outline
def drop_row(store: Store, row: int) -> None:
    """Forget an entity: free its row and its block, close the gap in the table."""
    size = store.table.shape[0]
    key = np.uint64(store.rows[row, KEY])
    gap = to_int(key & np.uint64(size - 1))
    while to_int(store.table[gap] & _LOW) != row + 1:
        gap = (gap + 1) & (size - 1)
    place = (gap + 1) & (size - 1)
    while store.table[place] != _EMPTY:
        owner = np.uint64(store.rows[to_int(store.table[place] & _LOW) - 1, KEY])
        home = to_int(owner & np.uint64(size - 1))
        if ((place - home) & (size - 1)) >= ((place - gap) & (size - 1)):
            store.table[gap] = store.table[place]
            gap = place
        place = (place + 1) & (size - 1)
    store.table[gap] = _EMPTY
    _free_block(store, store.rows[row, BASE], store.rows[row, CAPACITY])
    store.rows[row, KEY] = 0
    store.rows[row, BASE] = store.counters[ROWS_FREE]
    store.counters[ROWS_FREE] = row + 1


@kernel
def fill_table(rows: NDArray[np.int64], used: int, table: NDArray[np.uint64]) -> None:
    """Enter every live row into an empty table."""
    mask = table.shape[0] - 1
    for row in range(used):
        key = np.uint64(rows[row, KEY])
        if key == _EMPTY:
            continue
        place = to_int(key & np.uint64(mask))
        while table[place] != _EMPTY:
            place = (place + 1) & mask
        table[place] = (key & _HIGH) | np.uint64(row + 1)
