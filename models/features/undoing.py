"""The kernel that takes an event back, as if it had never been."""

from models.compiled import inline, outline
from models.features.index import index_size
from models.features.layout import (
    BASE,
    CAPACITY,
    END,
    FIRST,
    S_COLUMNS,
    S_INDEXES,
    S_STRIDE,
    Plan,
    Store,
)
from models.features.linking import link_event
from models.features.links import address
from models.features.windows import refill_window


@inline
def _close_slot(store: Store, plan: Plan, row: int, slot: int) -> None:
    """Move later events down by one."""
    arena, stride, end = store.arena, plan.sizes[S_STRIDE], store.rows[row, END]
    base, capacity = store.rows[row, BASE], store.rows[row, CAPACITY]
    for word in range(slot * stride, (end - 1) * stride):
        arena[base + word] = arena[base + word + stride]
    for column in range(stride, plan.sizes[S_COLUMNS]):
        start = base + column * capacity
        for at in range(slot, end - 1):
            arena[start + at] = arena[start + at + 1]
    store.rows[row, END] = end - 1


@inline
def _link_anew(store: Store, plan: Plan, row: int) -> None:
    """Join all events to their neighbours, from the first on."""
    rows, end = store.rows, store.rows[row, END]
    base, capacity = rows[row, BASE], rows[row, CAPACITY]
    indexes = base + plan.sizes[S_COLUMNS] * capacity
    for word in range(plan.sizes[S_INDEXES] * index_size(capacity)):
        store.arena[indexes + word] = 0
    for slot in range(rows[row, FIRST], end):
        rows[row, END] = slot + 1
        link_event(store, plan, row, slot)
    rows[row, END] = end


@outline
def take_back(store: Store, plan: Plan, row: int, event_id: int) -> None:
    """Take the newest event of this id out of an entity's windows; there may be none."""
    rows, stride = store.rows, plan.sizes[S_STRIDE]
    column, slot = plan.columns[plan.undo[0]], rows[row, END] - 1
    base, capacity = rows[row, BASE], rows[row, CAPACITY]
    while slot >= rows[row, FIRST]:
        if store.arena[address(base, capacity, stride, column, slot)] == event_id:
            break
        slot -= 1
    if slot < rows[row, FIRST] or event_id == 0:
        return
    _close_slot(store, plan, row, slot)
    _link_anew(store, plan, row)
    for window in range(plan.windows.shape[0]):
        refill_window(store, plan, row, window)
