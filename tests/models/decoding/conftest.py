"""One schema that wants every column, and the slow path's answer for a block."""

import pytest

from models.decoding.decoder import Decoder
from models.decoding.record import Rejection, decode_record
from models.decoding.schema import Schema
from models.events import COLUMNS, FUTURE_TOLERANCE_MS, KINDS
from models.hashing import Secret
from models.places import offset_of
from models.records import RawBlock

ARRIVAL_MS = 1_800_000_000_000
SECRET = Secret(b"decodings-secret")


def make_schema(**changes):
    return Schema(frozenset(COLUMNS), frozenset(KINDS), SECRET, **changes)


def exact(value):
    """Equal only to the same value of the same type, down to the sign of zero."""
    return type(value).__name__, repr(value)


class Both:
    """Decodes records the fast way and by definition."""

    def __init__(self, **changes):
        self.schema = make_schema(**changes)
        self.decoder = Decoder(self.schema)

    def defined(self, raw):
        return decode_record(raw, self.schema, ARRIVAL_MS + FUTURE_TOLERANCE_MS)

    def decode(self, data, *, first=0, ends=None):
        return self.decoder.decode(RawBlock(2, data, first, ARRIVAL_MS, ends))

    def seen(self, data, *, first=0, ends=None):
        """Everything a block gives: events with their offsets, and dead letters."""
        batch, dead = self.decode(data, first=first, ends=ends)
        events = [
            (offset_of(int(batch.places[row])), batch.raw(row), self.event(batch, row))
            for row in range(len(batch))
        ]
        return events, dead

    def event(self, batch, row):
        """Return a row as `decode_record` would, checked in every column."""
        found = {}
        for column in self.schema.columns:
            index = self.schema.index(column)
            match column.type:
                case "text":
                    text = batch.text(column.name, row)
                    wanted = 0 if text is None else SECRET.text(text)
                    assert batch.text_hash[index, row] == wanted
                    found[column.name] = text
                case "number" | "flag":
                    found[column.name] = batch.value(column.name, row)
                case _:
                    integer = int(batch.integers[index, row])
                    is_null = batch.value(column.name, row) is None
                    found[column.name] = None if is_null else integer
        assert KINDS[batch.kind[row]] == found["kind"]
        return {name: exact(value) for name, value in found.items() if value is not None}

    def check(self, records, data=None, *, ends=None):
        """Hold a block to the definition of each of its records."""
        events, dead = self.seen(b"\n".join(records) if data is None else data, ends=ends)
        good, bad = [], []
        for offset, raw in enumerate(records):
            wanted = self.defined(raw)
            if isinstance(wanted, Rejection):
                bad.append((offset, raw, wanted.code, wanted.reason))
            else:
                good.append((offset, raw, {k: exact(v) for k, v in wanted.items()}))
        assert [(d.offset, d.raw, d.code, d.reason) for d in dead] == bad
        assert events == good
        return events, dead


@pytest.fixture(scope="session")
def both():
    return Both()


@pytest.fixture(scope="session")
def make_both():
    return Both


@pytest.fixture(scope="session")
def payment():
    """Write a payment's record as bytes; None takes a column away."""
    import orjson

    def make(**changes):
        event = {
            "event_id": "p1", "event_time": 1_799_999_999_000, "kind": "payment",
            "account": "a1", "amount": 12.5, "currency": "EUR",
        } | changes  # fmt: skip
        return orjson.dumps({k: v for k, v in event.items() if v is not None})

    return make
