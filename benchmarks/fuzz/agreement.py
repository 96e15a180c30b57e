"""The scanner's oracle: what a block must become, by the definition of each of its records."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.decoding.decoder import RAW_BYTES_KEPT
from models.decoding.record import Rejection, Value, decode_record
from models.decoding.scanner import RECORD_BYTES_MAX
from models.decoding.schema import Schema
from models.events import FUTURE_TOLERANCE_MS, KINDS, NULL_INT, ColumnType
from models.places import place_of
from models.records import DeadLetter, RawBlock

_HASHES_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Framed:
    """A block and what it was made of: each record's bytes, offset and arrival."""

    records: list[bytes]
    block: RawBlock
    offsets: list[int]
    arrivals: list[int]


class Disagreement(Exception):  # noqa: N818 - it is a result, not an error of this program
    """The decoder and the definition say different things of a record."""

    def __init__(self, sort: str, text: str, raw: bytes) -> None:
        super().__init__(text)
        self.sort = sort
        self.raw = raw


class Agreement:
    """Holds decoded blocks of one schema to the definition."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._columns = {
            column.name: (column.type, schema.index(column)) for column in schema.columns
        }
        self._hashes: dict[bytes, int] = {}

    def check(self, framed: Framed, batch: Batch, dead: list[DeadLetter]) -> list[int]:
        """Compare everything that came out; gives the good records' numbers.

        Raises
        ------
        Disagreement
            For the first record that differs.
        """
        good: list[int] = []
        events: list[dict[str, Value]] = []
        bad: list[tuple[int, Rejection]] = []
        for i, (raw, arrival) in enumerate(zip(framed.records, framed.arrivals, strict=True)):
            wanted = self._defined(raw, arrival + FUTURE_TOLERANCE_MS)
            if isinstance(wanted, Rejection):
                bad.append((i, wanted))
            else:
                good.append(i)
                events.append(wanted)
        self._letters(framed, bad, dead)
        self._rows(framed, good, batch)
        self._values(framed, good, events, batch)
        return good

    def _defined(self, raw: bytes, latest_ms: int) -> dict[str, Value] | Rejection:
        if len(raw) > RECORD_BYTES_MAX:
            words = f"a record has at most {RECORD_BYTES_MAX} bytes, was {len(raw)}"
            return Rejection("too_large", words)
        return decode_record(raw, self._schema, latest_ms)

    def _letters(
        self, framed: Framed, bad: list[tuple[int, Rejection]], dead: list[DeadLetter]
    ) -> None:
        found = {letter.offset: letter for letter in dead}
        for i, why in bad:
            raw, offset = framed.records[i], framed.offsets[i]
            kept = raw if len(raw) <= RECORD_BYTES_MAX else raw[:RAW_BYTES_KEPT]
            wanted = DeadLetter(
                framed.block.partition, offset, why.code, why.reason, kept, len(raw),
                hashlib.sha256(raw).hexdigest(), framed.block.headers.get(offset, ()),
            )  # fmt: skip
            letter = found.pop(offset, None)
            if letter is None:
                raise Disagreement("accepted", f"accepted what is {why.code}: {why.reason}", raw)
            if letter != wanted:
                raise Disagreement("letter", f"was {letter.code}, is {why.code}", raw)
        for letter in found.values():
            raise Disagreement("refused", f"refused as {letter.code}: {letter.reason}", letter.raw)
        if len(dead) != len(bad) or [letter.offset for letter in dead] != sorted(
            letter.offset for letter in dead
        ):
            raise Disagreement("letters", "dead letters twice or out of order", dead[0].raw)

    def _rows(self, framed: Framed, good: list[int], batch: Batch) -> None:
        places = [place_of(framed.block.partition, framed.offsets[i]) for i in good]
        if batch.places.tolist() != places:
            lost = set(places) - set(batch.places.tolist())
            at = next((i for i, p in zip(good, places, strict=True) if p in lost), 0)
            raise Disagreement("rows", "good events lost, repeated or moved", framed.records[at])
        for row, i in enumerate(good):
            if batch.raw(row) != framed.records[i]:
                raise Disagreement("raw", "a row does not hold its record", framed.records[i])

    def _values(
        self, framed: Framed, good: list[int], events: list[dict[str, Value]], batch: Batch
    ) -> None:
        schema, n = self._schema, len(events)
        hashes = np.zeros((len(schema.texts), n), np.uint64)
        integers = np.full((len(schema.integers), n), NULL_INT)
        numbers = np.full((len(schema.numbers), n), np.nan)
        buffer = batch.buffer.tobytes()
        at, length = batch.text_at.tolist(), batch.text_length.tolist()
        for row, event in enumerate(events):
            for name, value in event.items():
                kind, index = self._columns[name]
                if kind is ColumnType.TEXT:
                    text = str(value).encode()
                    hashes[index, row] = self._hash(text)
                    begin = at[index][row]
                    if buffer[begin : begin + length[index][row]] != text:
                        raise Disagreement("text", f"{name} differs", framed.records[good[row]])
                elif kind in (ColumnType.TIME, ColumnType.MONEY):
                    integers[index, row] = value
                else:
                    numbers[index, row] = value
        kinds = np.array([KINDS.index(str(event["kind"])) for event in events], np.int8)
        for what, wanted, found in (
            ("kind", kinds[None], batch.kind[None]),
            ("hash", hashes, batch.text_hash),
            ("integer", integers, batch.integers),
            ("number", numbers, batch.numbers),
        ):
            self._same(what, wanted, found, framed, good)

    def _same(
        self,
        what: str,
        wanted: NDArray[np.generic],
        found: NDArray[np.generic],
        framed: Framed,
        good: list[int],
    ) -> None:
        """Compare bits: the sign of zero counts, and there is one NaN."""
        if wanted.tobytes() == np.ascontiguousarray(found).tobytes():
            return
        whole = np.ascontiguousarray(found).view(np.uint8).reshape(*wanted.shape, -1)
        differs = (wanted.view(np.uint8).reshape(*wanted.shape, -1) != whole).any(axis=2)
        column, row = (int(part[0]) for part in np.nonzero(differs))
        text = f"{what} {column}: was {found[column, row]!r}, is {wanted[column, row]!r}"
        raise Disagreement(what, text, framed.records[good[row]])

    def _hash(self, text: bytes) -> int:
        found = self._hashes.get(text)
        if found is None:
            if len(self._hashes) >= _HASHES_KEPT:
                self._hashes.clear()
            found = self._hashes[text] = self._schema.secret.text(text)
        return found

    def check_alone(
        self,
        framed: Framed,
        good: list[int],
        batch: Batch,
        decode: Callable[[RawBlock], tuple[Batch, list[DeadLetter]]],
    ) -> None:
        """Decode the good records without their bad neighbours: nothing may change.

        Raises
        ------
        Disagreement
            Where something does.
        """
        records = [framed.records[i] for i in good]
        block = RawBlock(
            framed.block.partition, b"".join(records), 0, framed.block.arrival_ms,
            np.cumsum([len(raw) for raw in records]).astype(np.int64),
            np.array([framed.offsets[i] for i in good], np.int64),
            np.array([framed.arrivals[i] for i in good], np.int64),
        )  # fmt: skip
        alone, dead = decode(block)
        same = not dead and all(
            np.array_equal(a.view(np.uint8), b.view(np.uint8))
            for a, b in (
                (np.ascontiguousarray(getattr(x, name)) for x in (batch, alone))
                for name in ("places", "kind", "text_hash", "text_length", "integers", "numbers")
            )
        )
        if not same:
            raise Disagreement("neighbours", "differs without bad neighbours", block.data[:2000])
