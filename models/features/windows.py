"""Kernels that put events into an entity's windows and take them out, in or out of order."""

import numpy as np

from models.compiled import inline, outline
from models.events import NULL_INT
from models.features.cells import clear_cells, count_event
from models.features.index import rebuild_indexes
from models.features.layout import (
    BASE,
    C_KIND,
    C_WORD,
    CAPACITY,
    CLOCK,
    CUT,
    D_LINK,
    DELAY,
    END,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_TIME,
    ENTRY_VALUES,
    FIRST,
    MASK,
    NEVER,
    REFERENCE,
    S_CAP,
    S_COLUMNS,
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
from models.features.linking import link_event
from models.features.links import address, earlier, later, make_link
from models.features.starts import (
    begins_anew,
    begins_itself,
    closed_since,
    first_time,
    window_since,
)
from models.features.table import slot_after

_SLOT_KINDS = (4, 5, 7)  # MAX, MIN and LAST hold a slot


@inline
def note_times(store: Store, plan: Plan, row: int, window: int) -> None:
    """Remember when a window's oldest event and the next one to enter happened."""
    rows, stride = store.rows, plan.sizes[S_STRIDE]
    first = WINDOWS + WINDOW_WORDS * window
    tail, head = rows[row, first + W_TAIL], rows[row, first + W_HEAD]
    times = rows[row, BASE] + TIME
    rows[row, first + W_TAIL_TIME] = store.arena[times + tail * stride] if tail < head else NEVER
    waits = head < rows[row, END]
    rows[row, first + W_HEAD_TIME] = store.arena[times + head * stride] if waits else NEVER


@outline
def _move_window(store: Store, plan: Plan, row: int, window: int, since: int, until: int) -> None:
    """Let delayed events up to `until` enter a window and those before `since` leave it."""
    rows, arena, stride = store.rows, store.arena, plan.sizes[S_STRIDE]
    first, times = WINDOWS + WINDOW_WORDS * window, rows[row, BASE] + TIME
    while rows[row, first + W_HEAD] < rows[row, END]:
        head = rows[row, first + W_HEAD]
        if arena[times + head * stride] > until:
            break
        rows[row, first + W_HEAD] = head + 1
        count_event(store, plan, row, window, head, 1)
    while rows[row, first + W_TAIL] < rows[row, first + W_HEAD]:
        tail = rows[row, first + W_TAIL]
        if arena[times + tail * stride] >= since:
            break
        rows[row, first + W_TAIL] = tail + 1
        count_event(store, plan, row, window, tail, -1)
    note_times(store, plan, row, window)


@inline
def advance(store: Store, plan: Plan, row: int, time: int) -> None:
    """Move a row's windows forward to `time`: delayed events enter, old ones leave."""
    rows = store.rows
    for window in range(plan.windows.shape[0]):
        first = WINDOWS + WINDOW_WORDS * window
        until = time - plan.windows[window, DELAY]
        since = first_time(plan, window, until)
        if begins_itself(plan, window):
            since = max(since, closed_since(store, plan, row, window, until))
        if rows[row, first + W_TAIL_TIME] < since or rows[row, first + W_HEAD_TIME] <= until:
            _move_window(store, plan, row, window, since, until)
    rows[row, CLOCK] = time


@outline
def fill_window(store: Store, plan: Plan, row: int, window: int, low: int, high: int) -> None:
    """Make a window of the events in [low, high), whatever was in it."""
    rows, first = store.rows, WINDOWS + WINDOW_WORDS * window
    rows[row, first + W_TAIL] = low
    rows[row, first + W_HEAD] = low
    clear_cells(store, plan, row, window)
    for slot in range(low, high):
        rows[row, first + W_HEAD] = slot + 1
        count_event(store, plan, row, window, slot, 1)
    note_times(store, plan, row, window)


@outline
def refill_window(store: Store, plan: Plan, row: int, window: int) -> None:
    """Make a window of the events that belong to it as of the row's clock."""
    until = store.rows[row, CLOCK] - plan.windows[window, DELAY]
    low = slot_after(store, plan, row, window_since(store, plan, row, window, until) - 1)
    fill_window(store, plan, row, window, low, slot_after(store, plan, row, until))


@outline
def _evict_oldest(store: Store, plan: Plan, row: int) -> None:
    """Over the cap the oldest event leaves every window, and the row remembers its time."""
    rows = store.rows
    slot = rows[row, FIRST]
    for window in range(plan.windows.shape[0]):
        first = WINDOWS + WINDOW_WORDS * window
        if rows[row, first + W_TAIL] == slot:
            rows[row, first + W_TAIL] = slot + 1
            if rows[row, first + W_HEAD] > slot:
                count_event(store, plan, row, window, slot, -1)
            else:
                # a delayed window that it has not reached yet
                rows[row, first + W_HEAD] = slot + 1
            note_times(store, plan, row, window)
    rows[row, FIRST] = slot + 1
    rows[row, CUT] = store.arena[rows[row, BASE] + slot * plan.sizes[S_STRIDE] + TIME]


@inline
def _write(store: Store, plan: Plan, row: int, slot: int, entry: np.ndarray) -> None:
    base, capacity, stride = store.rows[row, BASE], store.rows[row, CAPACITY], plan.sizes[S_STRIDE]
    record = base + slot * stride
    store.arena[record + TIME] = entry[ENTRY_TIME]
    store.arena[record + REFERENCE] = entry[ENTRY_REFERENCE]
    store.arena[record + MASK] = entry[ENTRY_MASK]
    for value in range(plan.columns.shape[0]):
        at = address(base, capacity, stride, plan.columns[value], slot)
        store.arena[at] = entry[ENTRY_VALUES + value]


@inline
def append(store: Store, plan: Plan, row: int, entry: np.ndarray) -> None:
    """Store an event that is not older than any other; the row has room and has advanced."""
    rows = store.rows
    slot, time = rows[row, END], entry[ENTRY_TIME]
    if slot - rows[row, FIRST] >= plan.sizes[S_CAP]:
        _evict_oldest(store, plan, row)
    rows[row, END] = slot + 1
    _write(store, plan, row, slot, entry)
    link_event(store, plan, row, slot)
    for window in range(plan.windows.shape[0]):
        first = WINDOWS + WINDOW_WORDS * window
        if begins_anew(plan, window, entry[ENTRY_MASK]):
            _move_window(store, plan, row, window, time, -NEVER)
        if plan.windows[window, DELAY] == 0:
            rows[row, first + W_HEAD] = slot + 1
            rows[row, first + W_TAIL_TIME] = min(rows[row, first + W_TAIL_TIME], time)
            count_event(store, plan, row, window, slot, 1)
        else:
            rows[row, first + W_HEAD_TIME] = min(rows[row, first + W_HEAD_TIME], time)


@inline
def _open_slot(store: Store, plan: Plan, row: int, slot: int) -> None:
    """Move later events up by one, and every slot number with them."""
    rows, arena, stride = store.rows, store.arena, plan.sizes[S_STRIDE]
    base, capacity, end = rows[row, BASE], rows[row, CAPACITY], rows[row, END]
    for word in range((end + 1) * stride - 1, (slot + 1) * stride - 1, -1):
        arena[base + word] = arena[base + word - stride]
    for column in range(stride, plan.sizes[S_COLUMNS]):
        start = base + column * capacity
        for at in range(end, slot, -1):
            arena[start + at] = arena[start + at - 1]
    for counted in range(plan.distincts.shape[0]):
        links = base + plan.distincts[counted, D_LINK]
        for at in range(rows[row, FIRST], end + 1):
            link = arena[links + at * stride]
            before, after = earlier(link), later(link)
            arena[links + at * stride] = make_link(
                before + 1 if before >= slot else before, after + 1 if after >= slot else after
            )
    for cell in range(plan.cells.shape[0]):
        if plan.cells[cell, C_KIND] in _SLOT_KINDS and rows[row, plan.cells[cell, C_WORD]] >= slot:
            rows[row, plan.cells[cell, C_WORD]] += 1


@outline
def insert(store: Store, plan: Plan, row: int, entry: np.ndarray) -> None:
    """Store an event at its place among later ones, or among windows that have moved past it."""
    rows = store.rows
    time = entry[ENTRY_TIME]
    if rows[row, END] - rows[row, FIRST] >= plan.sizes[S_CAP]:
        oldest = rows[row, BASE] + rows[row, FIRST] * plan.sizes[S_STRIDE] + TIME
        if time < store.arena[oldest]:
            # older than everything that is kept: it would be the one to go
            rows[row, CUT] = max(rows[row, CUT], time)
            return
        _evict_oldest(store, plan, row)
    slot = slot_after(store, plan, row, time)
    _open_slot(store, plan, row, slot)
    rows[row, END] += 1
    _write(store, plan, row, slot, entry)
    link_event(store, plan, row, slot)
    rebuild_indexes(store, plan, row)
    for window in range(plan.windows.shape[0]):
        first = WINDOWS + WINDOW_WORDS * window
        until = rows[row, CLOCK] - plan.windows[window, DELAY]
        if begins_itself(plan, window):
            refill_window(store, plan, row, window)
            continue
        inside = first_time(plan, window, until) <= time <= until
        tail = rows[row, first + W_TAIL]
        if slot < tail or (slot == tail and not inside and time <= until):
            rows[row, first + W_TAIL] += 1
            rows[row, first + W_HEAD] += 1
        elif inside:
            rows[row, first + W_HEAD] += 1
            count_event(store, plan, row, window, slot, 1)
        note_times(store, plan, row, window)


@inline
def is_behind(store: Store, row: int, time: int) -> bool:
    """Whether the row's windows have already moved past `time`."""
    return store.rows[row, CLOCK] != NULL_INT and time < store.rows[row, CLOCK]
