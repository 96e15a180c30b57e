"""Raw blocks to batches and dead letters: the scanner for all, `record` for what it leaves."""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.batch import NUMBER_LIKE, Batch
from models.decoding.keys import KEYS_REMEMBERED
from models.decoding.lines import split_lines
from models.decoding.record import Rejection, Value, decode_record
from models.decoding.scanner import RECORD_BYTES_MAX, Columns, scan
from models.decoding.schema import Schema
from models.decoding.text import DEPTH_MAX
from models.events import FUTURE_TOLERANCE_MS, KINDS, NULL_INT, ColumnType
from models.hashing import PADDING
from models.places import offset_of, partition_of, place_of
from models.records import DeadLetter, RawBlock

RAW_BYTES_KEPT: Final = 64 << 10


def dead_letter(batch: Batch, row: int, raw: bytes, why: Rejection) -> DeadLetter:
    """Keep a record as evidence: whole up to 1 MiB, else its first 64 KiB."""
    place = int(batch.places[row])
    partition, offset = partition_of(place), offset_of(place)
    kept = raw if len(raw) <= RECORD_BYTES_MAX else raw[:RAW_BYTES_KEPT]
    digest = hashlib.sha256(raw).hexdigest()
    headers = batch.headers.get(place, ())
    return DeadLetter(partition, offset, why.code, why.reason, kept, len(raw), digest, headers)


class Decoder:
    r"""Decode blocks; holds no state between them, so any cut gives the same events.

    Examples
    --------
    >>> from models.hashing import Secret
    >>> schema = Schema(frozenset({"account"}), frozenset({"payment"}), Secret(bytes(16)))
    >>> line = b'{"event_id":"p1","event_time":1700000000000,"kind":"payment","account":"a",'
    >>> block = RawBlock(0, line + b'"amount":12.5,"currency":"EUR"}\n{oops', 0, 1700000000000)
    >>> batch, dead = Decoder(schema).decode(block)
    >>> batch.value("amount", 0), dead[0].code, dead[0].offset
    (12.5, 'bad_json', 1)
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        constants = [(schema.texts[name], text) for name, text in schema.constants.items()]
        self._constants = [
            (row, text.encode(), schema.secret.text(text)) for row, text in constants
        ]
        self._preamble = b"".join(raw for _row, raw, _hash in self._constants)
        self._room = (
            np.empty((KEYS_REMEMBERED, 3), np.int64),
            np.empty(len(schema.columns), np.int64),
            np.empty(DEPTH_MAX, np.uint8),
        )

    def decode(self, block: RawBlock) -> tuple[Batch, list[DeadLetter]]:
        """Decode every record of a block.

        Returns
        -------
        The good events in order, and a dead letter for every other record.
        """
        head = len(self._preamble)
        data = np.frombuffer(self._preamble + block.data + bytes(PADDING), np.uint8)
        starts, ends = self._bounds(data, head, block)
        columns = self._empty(starts.shape[0])
        arrivals = np.full(starts.shape[0], block.arrival_ms)
        if block.arrivals is not None:
            arrivals = block.arrivals
        latest = arrivals + FUTURE_TOLERANCE_MS
        slow = np.empty(starts.shape[0], np.int64)
        left = scan(data, starts, ends, latest, self.schema.tables, columns, *self._room, slow)
        offsets = block.offsets
        if offsets is None:
            offsets = block.first + np.arange(starts.shape[0])
        batch = Batch(
            self.schema, data, starts, ends, place_of(block.partition, offsets), *columns,
            late=np.zeros(starts.shape[0], np.bool_),
            headers={
                place_of(block.partition, offset): found
                for offset, found in block.headers.items()
            },
        )  # fmt: skip
        return self._settle(batch, columns, slow[:left], latest) if left else (batch, [])

    def _bounds(
        self, data: NDArray[np.uint8], head: int, block: RawBlock
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if block.ends is not None:
            ends = block.ends + head
            return np.concatenate([[head], ends[:-1]])[: ends.shape[0]], ends
        most = block.data.count(b"\n") + 1
        starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
        lines = split_lines(data[head:], len(block.data), starts, ends)
        return starts[:lines] + head, ends[:lines] + head

    def _empty(self, n: int) -> Columns:
        schema = self.schema
        columns = Columns(
            np.full(n, -1, np.int8),
            np.zeros((len(schema.texts), n), np.int32),
            np.zeros((len(schema.texts), n), np.int32),
            np.zeros((len(schema.texts), n), np.uint64),
            np.full((len(schema.integers), n), NULL_INT),
            np.full((len(schema.numbers), n), np.nan),
        )
        at = 0
        for row, raw, found in self._constants:
            columns.text_at[row], columns.text_length[row] = at, len(raw)
            columns.text_hash[row] = found
            at += len(raw)
        return columns

    def _settle(
        self, batch: Batch, columns: Columns, slow: NDArray[np.int64], latest: NDArray[np.int64]
    ) -> tuple[Batch, list[DeadLetter]]:
        """Decode the slow rows one by one; put new texts behind the buffer, drop the dead."""
        texts = bytearray()
        dead: list[DeadLetter] = []
        alive = np.ones(len(batch), np.bool_)
        base = batch.buffer.shape[0] - PADDING
        for row in slow.tolist():
            raw = batch.raw(row)
            event = self._decide(raw, int(latest[row]))
            if isinstance(event, Rejection):
                dead.append(dead_letter(batch, row, raw, event))
                alive[row] = False
            else:
                self._put(event, row, columns, texts, base)
        if texts:
            extended = np.concatenate(
                [batch.buffer[:base], np.frombuffer(bytes(texts) + bytes(PADDING), np.uint8)]
            )
            extended.flags.writeable = False  # as every decoded buffer, so kernels see one type
            batch = Batch(
                batch.schema, extended, batch.starts, batch.ends, batch.places, *columns,
                late=batch.late, headers=batch.headers,
            )  # fmt: skip
        return (batch if not dead else batch.take(np.flatnonzero(alive))), dead

    def _decide(self, raw: bytes, latest_ms: int) -> dict[str, Value] | Rejection:
        if len(raw) > RECORD_BYTES_MAX:
            return Rejection(
                "too_large", f"a record has at most {RECORD_BYTES_MAX} bytes, was {len(raw)}"
            )
        return decode_record(raw, self.schema, latest_ms)

    def _put(
        self, event: dict[str, Value], row: int, columns: Columns, texts: bytearray, base: int
    ) -> None:
        """Write one event's values over whatever the scanner left in its row."""
        columns.kind[row] = KINDS.index(str(event["kind"]))
        for column in self.schema.columns:
            index, value = self.schema.index(column), event.get(column.name)
            if column.type is ColumnType.TEXT:
                raw = b"" if value is None else str(value).encode()
                columns.text_at[index, row] = base + len(texts)
                columns.text_length[index, row] = len(raw)
                columns.text_hash[index, row] = self.schema.secret.text(raw) if raw else 0
                texts += raw
            elif column.type in NUMBER_LIKE:
                columns.numbers[index, row] = np.nan if value is None else float(value)
            else:
                columns.integers[index, row] = NULL_INT if value is None else int(value)
