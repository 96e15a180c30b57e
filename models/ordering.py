"""Release events in event-time order, whatever the order in which they came.

Events wait until the watermark has passed them and leave in the order of (event_time, labels
first, event_id). Late events do not wait. Input that is already in order is never copied.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.events import KINDS
from models.hashing import PADDING

_LABEL: Final = KINDS.index("label")


class EventTimeOrder:
    """Holds the events that a later one may still precede."""

    def __init__(self) -> None:
        self._held: list[Batch] = []

    def add(self, batch: Batch, watermark_ms: int) -> list[Batch]:
        """Take a judged batch; return what the watermark has passed, in order."""
        out = []
        if batch.late.any():
            out.append(batch.take(np.flatnonzero(batch.late)))
            batch = batch.take(np.flatnonzero(~batch.late))
        if len(batch):
            self._hold(_sorted(batch))
        return out + self._release(watermark_ms)

    def finish(self) -> list[Batch]:
        """Release everything."""
        held, self._held = self._held, []
        return held

    def _hold(self, batch: Batch) -> None:
        overlapping = []
        # strictly: events of one time may have to be ordered by their ids
        while self._held and self._held[-1].times[-1] >= batch.times[0]:
            overlapping.append(self._held.pop())
        if not overlapping:
            self._held.append(batch)
            return
        earliest = overlapping[-1]
        keep = int(np.searchsorted(earliest.times, batch.times[0], side="left"))
        if keep:
            self._held.append(earliest.take(np.arange(keep)))
            overlapping[-1] = earliest.take(np.arange(keep, len(earliest)))
        self._held.append(_sorted(joined([*reversed(overlapping), batch])))

    def _release(self, watermark_ms: int) -> list[Batch]:
        out = []
        while self._held and self._held[0].times[0] < watermark_ms:
            first = self._held.pop(0)
            ready = int(np.searchsorted(first.times, watermark_ms, side="left"))
            if ready < len(first):
                out.append(first.take(np.arange(ready)))
                self._held.insert(0, first.take(np.arange(ready, len(first))))
                break
            out.append(first)
        return out


def _sorted(batch: Batch) -> Batch:
    times = batch.times
    ties = np.flatnonzero(times[1:] == times[:-1])
    if not ties.size and (times[1:] > times[:-1]).all():
        return batch
    order = np.argsort(times, kind="stable")
    batch = batch.take(order)
    times = batch.times
    tied = np.zeros(len(batch), np.bool_)
    same = np.flatnonzero(times[1:] == times[:-1])
    tied[same] = tied[same + 1] = True
    rows = np.flatnonzero(tied).tolist()
    if not rows:
        return batch
    keys = [
        (int(times[r]), batch.kind[r] != _LABEL, batch.text("event_id", r) or "", r) for r in rows
    ]
    final = np.arange(len(batch))
    final[rows] = [key[3] for key in sorted(keys)]
    return batch.take(final)


def joined(batches: list[Batch]) -> Batch:
    """Batches of one schema as one; every text moves with its buffer."""
    sizes = [batch.buffer.shape[0] for batch in batches]
    shifts = np.cumsum([0, *sizes[:-1]])
    buffer = np.concatenate([*(b.buffer for b in batches), np.zeros(PADDING, np.uint8)])
    buffer.flags.writeable = False

    def moved(name: str) -> NDArray[np.int64]:
        parts = zip(batches, shifts, strict=True)
        return np.concatenate([getattr(b, name) + shift for b, shift in parts])

    text_at = [b.text_at + np.int32(shift) for b, shift in zip(batches, shifts, strict=True)]
    return replace(
        batches[0],
        buffer=buffer,
        starts=moved("starts"),
        ends=moved("ends"),
        offsets=np.concatenate([b.offsets for b in batches]),
        kind=np.concatenate([b.kind for b in batches]),
        text_at=np.concatenate(text_at, axis=1),
        text_length=np.concatenate([b.text_length for b in batches], axis=1),
        text_hash=np.concatenate([b.text_hash for b in batches], axis=1),
        integers=np.concatenate([b.integers for b in batches], axis=1),
        numbers=np.concatenate([b.numbers for b in batches], axis=1),
        late=np.concatenate([b.late for b in batches]),
    )
