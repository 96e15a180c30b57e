"""Kernels that put events into an entity's windows and take them out, in or out of order."""

import numpy as np

from models.compiled import inline, outline
from models.events import NULL_INT
from models.features.cells import count_event, passes
from models.features.index import find_latest, rebuild_indexes
from models.features.layout import (
    BASE,
    C_KIND,
    C_WORD,
    CALENDAR,
    CAPACITY,
    CLOCK,
    CUT,
    D_COLUMN,
    D_FILTER,
    D_INDEX,
    D_LINK,
    DELAY,
    END,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_TIME,
    ENTRY_VALUES,
    FIRST,
    INDEX_FROM,
    MASK,
    NEVER,
    NO_SLOT,
    REFERENCE,
    S_CAP,
    S_COLUMNS,
    S_STRIDE,
    SPAN,
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
from models.features.links import address, earlier, later, make_link
from models.features.table import slot_after

_SLOT_KINDS = (4, 5, 7)  # MAX, MIN and LAST hold a slot


@inline
def first_time(plan: Plan, window: int, until: int) -> int:
    """The earliest event time of a window that ends at `until`, both included."""
    calendar = plan.windows[window, CALENDAR]
    if calendar < 0:
        return until - plan.windows[window, SPAN] + 1
    low, high = plan.calendar_at[calendar], plan.calendar_at[calendar + 1]
    while high - low > 1:
        middle = (low + high) >> 1
        if plan.calendar_starts[middle] <= until:
            low = middle
        else:
            high = middle
    # a calendar's span counts the periods before the current one
    return plan.calendar_starts[max(low - plan.windows[window, SPAN], plan.calendar_at[calendar])]


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
        if rows[row, first + W_TAIL_TIME] < since or rows[row, first + W_HEAD_TIME] <= until:
            _move_window(store, plan, row, window, since, until)
    rows[row, CLOCK] = time


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
def _link(store: Store, plan: Plan, row: int, slot: int) -> None:
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
    _link(store, plan, row, slot)
    for window in range(plan.windows.shape[0]):
        first = WINDOWS + WINDOW_WORDS * window
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
    _link(store, plan, row, slot)
    rebuild_indexes(store, plan, row)
    for window in range(plan.windows.shape[0]):
        first = WINDOWS + WINDOW_WORDS * window
        until = rows[row, CLOCK] - plan.windows[window, DELAY]
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
