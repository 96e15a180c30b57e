"""Events in event-time order, whatever the order in which they came.

Events wait until the watermark has passed them and leave in the order of (event_time, labels
first, event_id). Input that is already in order is never copied.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.joining import identities, joined

ROWS_RELEASED_MAX: Final = 32_768
"""Most events in a released batch, where events were moved."""
SMALL: Final = 1024
SMALL_MAX: Final = 64
"""So many batches of fewer events are joined while they wait."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A batch that waits, with what decides whether to look into it."""

    batch: Batch
    first_ms: int
    last_ms: int


class EventTimeOrder:
    """Holds the events of one partition that a later one may still precede.

    Attributes
    ----------
    waiting
        How many.
    """

    def __init__(self) -> None:
        self._held: list[_Waiting] = []
        self._small: list[Batch] = []
        self.waiting = 0

    @property
    def first_place(self) -> int | None:
        """The lowest place of all that waits; None when nothing does."""
        batches = [waiting.batch for waiting in self._held] + self._small[:1]
        # events came, and were kept, in the order of their places
        return min((int(batch.places[0]) for batch in batches), default=None)

    def add(self, batch: Batch) -> None:
        """Take events whose places are behind all earlier ones."""
        if not len(batch):
            return
        self.waiting += len(batch)
        self._small.append(batch)
        if len(batch) >= SMALL or len(self._small) >= SMALL_MAX:
            self._keep_small()

    def _keep_small(self) -> None:
        """Many small batches become one: each costs a look at every release."""
        small, self._small = self._small, []
        if len(small) > 1:
            owners = np.repeat(np.arange(len(small)), [len(batch) for batch in small])
            rows = np.concatenate([np.arange(len(batch)) for batch in small])
            small = [joined(small, owners, rows)]
        for batch in small:
            times = batch.times
            self._held.append(_Waiting(batch, int(times.min()), int(times.max())))

    def take(self, before_ms: int) -> list[Batch]:
        """Let go of every event earlier than `before_ms`, in no particular order."""
        ready: list[Batch] = []
        kept: list[_Waiting] = []
        if self._small:
            self._keep_small()
        for waiting in self._held:
            if waiting.first_ms >= before_ms:
                kept.append(waiting)
            elif waiting.last_ms < before_ms:
                ready.append(waiting.batch)
            else:
                early = waiting.batch.times < before_ms
                ready.append(waiting.batch.take(np.flatnonzero(early)))
                rest = waiting.batch.take(np.flatnonzero(~early))
                kept.append(_Waiting(rest, int(rest.times.min()), waiting.last_ms))
        self._held = kept
        self.waiting -= sum(len(batch) for batch in ready)
        return ready


def in_order(batches: Sequence[Batch]) -> list[Batch]:
    """All events of some batches by (event_time, labels first, event_id)."""
    if not batches:
        return []
    times = np.concatenate([batch.times for batch in batches])
    if (times[1:] > times[:-1]).all():
        return list(batches)  # nothing is tied, so no text need be looked at
    ids = [identities(batch, np.arange(len(batch))) for batch in batches]
    order = order_of(times, np.concatenate(ids))
    if order is None:
        return list(batches)
    return gather(batches, order)


def gather(batches: Sequence[Batch], order: NDArray[np.int64]) -> list[Batch]:
    """The events of some batches, end to end, in an order; cut where they become many."""
    owners = np.repeat(np.arange(len(batches)), [len(batch) for batch in batches])
    rows = np.concatenate([np.arange(len(batch)) for batch in batches])
    if len(batches) == 1:
        return [batches[0].take(rows[order])]
    chunks = []
    for start in range(0, order.shape[0], ROWS_RELEASED_MAX):
        chosen = order[start : start + ROWS_RELEASED_MAX]
        named = np.unique(owners[chosen])
        few = [batches[number] for number in named.tolist()]
        chunks.append(joined(few, np.searchsorted(named, owners[chosen]), rows[chosen]))
    return chunks


def order_of(times: NDArray[np.int64], ids: NDArray[np.bytes_]) -> NDArray[np.int64] | None:
    """The order by (time, identity); None where things stand in it already."""
    later = times[1:] > times[:-1]
    tied = times[1:] == times[:-1]
    if (later | (tied & (ids[1:] >= ids[:-1]))).all():
        return None
    order = np.argsort(times, kind="stable")
    sorted_times = times[order]
    same = np.flatnonzero(sorted_times[1:] == sorted_times[:-1])
    if same.size:
        # only events of one time are compared by their texts
        in_tie = np.zeros(times.shape[0], np.bool_)
        in_tie[same] = in_tie[same + 1] = True
        at = np.flatnonzero(in_tie)
        tie = order[at]
        order[at] = tie[np.lexsort((ids[tie], times[tie]))]
    return order
