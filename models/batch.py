"""The batch: records' bytes in place, and the columns that were read from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.decoding.schema import Schema
from models.events import COLUMNS, MONEY_SCALE, NULL_INT, ColumnType
from models.records import Headers

_TENANT: Final = np.uint64(0x9E3779B97F4A7C15)
"""Odd: texts of several tenants get keys apart."""
NUMBER_LIKE = (ColumnType.NUMBER, ColumnType.FLAG)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one schema; n events.

    Attributes
    ----------
    schema
        Which column stands in which row of the matrices.
    buffer
        Bytes of the records (and of texts that had escapes), padded.
    starts, ends
        Shape (n,), int64: each record's bytes.
    places
        Shape (n,), int64: each record's partition and offset, see `models.places`.
    kind
        Shape (n,), int8: index into `models.events.KINDS`.
    text_at, text_length, text_hash
        Shape (texts, n): where each text stands, and its hash; hash 0 is NULL.
    integers
        Shape (integers, n), int64: times in ms, money in 10⁻⁴ major units; NULL_INT is NULL.
    numbers
        Shape (numbers, n), float64: numbers and flags; NaN is NULL.
    late
        Shape (n,), bool: set by intake for events behind the watermark.
    headers
        Place → what the producer sent beside the record, where it sent anything.
    """

    schema: Schema
    buffer: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    places: NDArray[np.int64]
    kind: NDArray[np.int8]
    text_at: NDArray[np.int32]
    text_length: NDArray[np.int32]
    text_hash: NDArray[np.uint64]
    integers: NDArray[np.int64]
    numbers: NDArray[np.float64]
    late: NDArray[np.bool_]
    headers: Mapping[int, Headers] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.kind.shape[0]

    @property
    def times(self) -> NDArray[np.int64]:
        """Event times, epoch ms."""
        return self.integers[self.schema.integers["event_time"]]

    def take(self, rows: NDArray[np.int64]) -> Self:
        """The chosen rows, in the order given; the buffer is shared."""
        return replace(
            self,
            starts=self.starts[rows],
            ends=self.ends[rows],
            places=self.places[rows],
            kind=self.kind[rows],
            text_at=np.ascontiguousarray(self.text_at[:, rows]),
            text_length=np.ascontiguousarray(self.text_length[:, rows]),
            text_hash=np.ascontiguousarray(self.text_hash[:, rows]),
            integers=np.ascontiguousarray(self.integers[:, rows]),
            numbers=np.ascontiguousarray(self.numbers[:, rows]),
            late=self.late[rows],
        )

    def raw(self, row: int) -> bytes:
        """The record as it came."""
        return self.buffer[self.starts[row] : self.ends[row]].tobytes()

    def text(self, name: str, row: int) -> str | None:
        """A text column of one row as a string."""
        index = self.schema.texts[name]
        if not self.text_hash[index, row]:
            return None
        if name in self.schema.joined:
            return self.schema.words[int(self.text_hash[index, row])]
        at = self.text_at[index, row]
        return self.buffer[at : at + self.text_length[index, row]].tobytes().decode()

    def hashes(self, name: str) -> NDArray[np.uint64]:
        """A text column's hashes."""
        return self.text_hash[self.schema.texts[name]]

    def keys(self, name: str) -> NDArray[np.int64]:
        """(n,): who each event is about, by its tenant and a text column; 0 where that is NULL.

        Equal for columns of one domain, if they name the same.
        """
        texts = self.hashes(name)
        mixed = self.hashes("tenant") * _TENANT ^ texts
        return np.where(texts == 0, np.uint64(0), mixed).view(np.int64)

    def value(self, name: str, row: int) -> str | int | float | bool | None:
        """Any column of one row as a person reads it: money in major units, times in ms."""
        column = self.schema.extra.get(name) or COLUMNS[name]
        if column.type is ColumnType.TEXT:
            return self.text(name, row)
        if column.type in NUMBER_LIKE:
            number = float(self.numbers[self.schema.numbers[name], row])
            if np.isnan(number):
                return None
            return bool(number) if column.type is ColumnType.FLAG else number
        integer = int(self.integers[self.schema.integers[name], row])
        if integer == NULL_INT:
            return None
        return integer / MONEY_SCALE if column.type is ColumnType.MONEY else integer

    def as_numbers(self, name: str) -> NDArray[np.float64]:
        """A number, flag, time or money column as float64, in the units of expressions."""
        column = self.schema.extra.get(name) or COLUMNS[name]
        if column.type in NUMBER_LIKE:
            return self.numbers[self.schema.numbers[name]]
        integers = self.integers[self.schema.integers[name]]
        scale = MONEY_SCALE if column.type is ColumnType.MONEY else 1
        return np.where(integers == NULL_INT, np.nan, integers / scale)
