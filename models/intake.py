"""Intake: what is a duplicate, what is late — decided once, here, in arrival order.

State is a ring of two tables of event hashes (the younger and the older half of the span that
duplicates are looked for in) and one watermark per partition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.compiled import inline, kernel, to_int
from models.errors import CapacityError
from models.events import KINDS
from models.hashing import sip_words
from models.rounds import NO_TIME

DUPLICATES_WITHIN_MS: Final = 10 * 60_000
EVENTS_REMEMBERED_MAX: Final = 1 << 27

_GOOD, _LATE, _DUPLICATE = range(3)
# the words of `marks`: newest event time, start of the younger table's span, how full the tables
_NEWEST, _TURNED, _YOUNGER, _OLDER = range(4)


@inline
def _known(table: NDArray[np.uint64], key: np.uint64) -> bool:
    mask = table.shape[0] - 1
    place = to_int(key & np.uint64(mask))
    while table[place] != np.uint64(0):
        if table[place] == key:
            return True
        place = (place + 1) & mask
    return False


@inline
def _remember(table: NDArray[np.uint64], key: np.uint64) -> None:
    mask = table.shape[0] - 1
    place = to_int(key & np.uint64(mask))
    while table[place] != np.uint64(0):
        place = (place + 1) & mask
    table[place] = key


@kernel
def sort_out(
    keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    start: int,
    lateness_ms: int,
    span_ms: int,
    younger: NDArray[np.uint64],
    older: NDArray[np.uint64],
    marks: NDArray[np.int64],
    verdicts: NDArray[np.int8],
) -> int:
    """Judge events in arrival order; return where it stopped, for a full or a turned table.

    A table is due to turn when the stream has moved on by `span_ms` since it was begun: then
    the caller makes it the older one.
    """
    for i in range(start, keys.shape[0]):
        time = times[i]
        if marks[_NEWEST] != NO_TIME and marks[_NEWEST] - marks[_TURNED] >= span_ms:
            return i
        if 2 * (marks[_YOUNGER] + 1) > younger.shape[0]:
            return i
        if marks[_NEWEST] == NO_TIME:
            marks[_TURNED] = time
        if _known(younger, keys[i]) or _known(older, keys[i]):
            verdicts[i] = _DUPLICATE
            continue
        _remember(younger, keys[i])
        marks[_YOUNGER] += 1
        verdicts[i] = (
            _LATE if time < marks[_NEWEST] - lateness_ms and (marks[_NEWEST] != NO_TIME) else _GOOD
        )
        marks[_NEWEST] = max(marks[_NEWEST], time)
    return keys.shape[0]


@kernel
def hash_events(
    ids: NDArray[np.uint64],
    kinds: NDArray[np.uint64],
    tenants: NDArray[np.uint64],
    key0: np.uint64,
    key1: np.uint64,
    out: NDArray[np.uint64],
) -> None:
    """Identity of events: hash of (tenant, kind, event_id)."""
    for i in range(ids.shape[0]):
        out[i] = sip_words(sip_words(ids[i], kinds[i], key0, key1), tenants[i], key0, key1)


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch without its duplicates; `late` of the batch is set.

    Attributes
    ----------
    dropped
        Places of the duplicates.
    """

    batch: Batch
    dropped: NDArray[np.int64]
    watermark_ms: int


_TICK: Final = KINDS.index("tick")


class Intake:
    """Duplicates and lateness of one partition.

    Parameters
    ----------
    lateness_ms
        The watermark is the newest event time less this.
    """

    def __init__(self, lateness_ms: int) -> None:
        self.lateness_ms = lateness_ms
        self._span = max(lateness_ms, DUPLICATES_WITHIN_MS)
        self._younger = np.zeros(1024, np.uint64)
        self._older = np.zeros(1024, np.uint64)
        self._marks = np.array([NO_TIME, NO_TIME, 0, 0], np.int64)
        self._log: list[NDArray[np.int64]] = []

    def judge(self, batch: Batch) -> Judged:
        """Drop duplicates, mark late events, move the watermark.

        Raises
        ------
        CapacityError
            When more events than `EVENTS_REMEMBERED_MAX` fall into the span of duplicates.
        """
        schema = batch.schema
        keys = np.empty(len(batch), np.uint64)
        hash_events(
            batch.hashes("event_id"), batch.hashes("kind"), batch.hashes("tenant"),
            schema.secret.key0, schema.secret.key1, keys,
        )  # fmt: skip
        verdicts = self._apply(keys, batch.times)
        self._log.append(np.stack([keys.view(np.int64), batch.times]))
        # a tick says what time it is, and nothing that could come too late
        batch.late[:] = (verdicts == _LATE) & (batch.kind != _TICK)
        twice = verdicts == _DUPLICATE
        dropped = batch.places[twice]
        if dropped.size:
            batch = batch.take(np.flatnonzero(~twice))
        return Judged(batch, dropped, self.watermark_ms)

    @property
    def newest_ms(self) -> int:
        """Newest event time; `NO_TIME` before the first event."""
        return int(self._marks[_NEWEST])

    @property
    def watermark_ms(self) -> int:
        """Events earlier than this are late; `NO_TIME` before the first event."""
        newest = int(self._marks[_NEWEST])
        return newest - self.lateness_ms if newest != NO_TIME else NO_TIME

    def _apply(self, keys: NDArray[np.uint64], times: NDArray[np.int64]) -> NDArray[np.int8]:
        verdicts = np.zeros(keys.shape[0], np.int8)
        at = 0
        while True:
            at = sort_out(
                keys, times, at, self.lateness_ms, self._span,
                self._younger, self._older, self._marks, verdicts,
            )  # fmt: skip
            if at == keys.shape[0]:
                return verdicts
            if self._marks[_NEWEST] - self._marks[_TURNED] >= self._span:
                self._older = self._younger
                self._younger = np.zeros(max(1024, self._older.shape[0] // 2), np.uint64)
                self._marks[_TURNED] = self._marks[_NEWEST]
                self._marks[_YOUNGER] = 0
            else:
                self._younger = self._grown(self._younger)

    def _grown(self, table: NDArray[np.uint64]) -> NDArray[np.uint64]:
        if table.shape[0] > EVENTS_REMEMBERED_MAX:
            raise CapacityError(
                f"over {EVENTS_REMEMBERED_MAX // 2} events within {self._span // 1000} s",
                hint="use more partitions",
            )
        grown = np.zeros(2 * table.shape[0], np.uint64)
        _refill(table, grown)
        return grown

    def take_log(self) -> list[NDArray[np.int64]]:
        """What was judged since the last call, in one piece: (2, n) hashes and times."""
        log, self._log = self._log, []
        return [np.concatenate(log, axis=1)] if log else []

    def replay(self, log: Sequence[NDArray[np.int64]]) -> None:
        """Judge again what an earlier run judged after it was saved."""
        for chunk in log:
            keys, times = chunk.reshape(2, -1)
            self._apply(keys.view(np.uint64), times)

    def save(self) -> dict[str, NDArray[np.int64]]:
        """The whole state, copied."""
        return {
            "younger": self._younger.view(np.int64).copy(),
            "older": self._older.view(np.int64).copy(),
            "marks": self._marks.copy(),
        }

    def load(self, saved: dict[str, NDArray[np.int64]]) -> None:
        """Take over what `save` gave."""
        self._younger = saved["younger"].view(np.uint64).copy()
        self._older = saved["older"].view(np.uint64).copy()
        self._marks = saved["marks"].copy()


@kernel
def _refill(table: NDArray[np.uint64], grown: NDArray[np.uint64]) -> None:
    for place in range(table.shape[0]):
        if table[place] != np.uint64(0):
            _remember(grown, table[place])
