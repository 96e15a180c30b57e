"""Kernels that find where a window begins: by its span, its calendar, or its own events."""

from models.bisection import first_above
from models.compiled import inline, outline
from models.features.cells import passes
from models.features.layout import (
    BASE,
    CALENDAR,
    CUT,
    END,
    FIRST,
    NEVER,
    S_STRIDE,
    SPAN,
    TIME,
    Plan,
    Store,
)
from models.features.table import slot_after

_SPAN, _SESSION, _SINCE, _WHOLE = range(4)
_KIND, _WHAT = range(2)


@inline
def _later_start(plan: Plan, calendar: int, time: int) -> int:
    """Place of the first period that starts after `time`; the end of the calendar for none."""
    first, end = plan.calendar_at[calendar], plan.calendar_at[calendar + 1]
    return first_above(plan.calendar_starts, first, end, time)


@inline
def first_time(plan: Plan, window: int, until: int) -> int:
    """The earliest event time of a window that ends at `until`, by its span or its calendar."""
    calendar = plan.windows[window, CALENDAR]
    if calendar < 0:
        return until - plan.windows[window, SPAN] + 1
    # a calendar's span counts the periods before the current one
    place = _later_start(plan, calendar, until) - 1 - plan.windows[window, SPAN]
    return plan.calendar_starts[max(place, plan.calendar_at[calendar])]


@inline
def window_until(plan: Plan, window: int, until: int) -> int:
    """The last event time of a window that is read at `until`, by an event behind later ones."""
    if plan.starts.shape[0] == 0 or plan.starts[window, _KIND] != _WHOLE:
        return until
    calendar = plan.windows[window, CALENDAR]
    place = _later_start(plan, calendar, until)
    return plan.calendar_starts[place] - 1 if place < plan.calendar_at[calendar + 1] else NEVER


@inline
def begins_itself(plan: Plan, window: int) -> bool:
    """Whether a window's own events say where it begins."""
    if plan.starts.shape[0] == 0:
        return False
    return plan.starts[window, _KIND] == _SESSION or plan.starts[window, _KIND] == _SINCE


@outline
def _walk_back(store: Store, plan: Plan, row: int, window: int, until: int) -> int:
    """When the session began, or the latest event that meets the condition happened."""
    base, stride, first = store.rows[row, BASE], plan.sizes[S_STRIDE], store.rows[row, FIRST]
    what, slot = plan.starts[window, _WHAT], slot_after(store, plan, row, until) - 1
    if plan.starts[window, _KIND] == _SESSION:
        start = until
        while slot >= first and start - store.arena[base + slot * stride + TIME] < what:
            start = store.arena[base + slot * stride + TIME]
            slot -= 1
        return start
    while slot >= first:
        if passes(store, base, stride, slot, what):
            return store.arena[base + slot * stride + TIME]
        slot -= 1
    return -NEVER


@inline
def window_since(store: Store, plan: Plan, row: int, window: int, until: int) -> int:
    """The earliest event time of an entity's window that ends at `until`."""
    since = first_time(plan, window, until)
    if begins_itself(plan, window):
        return max(since, _walk_back(store, plan, row, window, until))
    return since


@inline
def closed_since(store: Store, plan: Plan, row: int, window: int, until: int) -> int:
    """`until` where a session has ended before it, with windows that hold all events so far."""
    end = store.rows[row, END]
    if plan.starts[window, _KIND] != _SESSION or end == store.rows[row, FIRST]:
        return -NEVER
    last = store.arena[store.rows[row, BASE] + (end - 1) * plan.sizes[S_STRIDE] + TIME]
    return until if until - last >= plan.starts[window, _WHAT] else -NEVER


@inline
def begins_anew(plan: Plan, window: int, mask: int) -> bool:
    """Whether an event with this mask is one with which the window begins."""
    if plan.starts.shape[0] == 0 or plan.starts[window, _KIND] != _SINCE:
        return False
    wanted = plan.starts[window, _WHAT]
    return (mask & wanted) == wanted


@inline
def cut_reaches(store: Store, plan: Plan, row: int, window: int, until: int) -> bool:
    """Whether an event that the cap has pushed out belongs to a window that ends at `until`."""
    cut = store.rows[row, CUT]
    if not begins_itself(plan, window) or cut < first_time(plan, window, until):
        return bool(cut >= first_time(plan, window, until))
    start = _walk_back(store, plan, row, window, until)
    if plan.starts[window, _KIND] == _SESSION:
        start -= plan.starts[window, _WHAT] - 1
    return bool(cut >= start)
