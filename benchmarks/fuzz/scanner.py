"""The decoder against `decode_record`, the definition, on blocks of spoiled records."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import numpy as np

from benchmarks.fuzz.agreement import Agreement, Disagreement, Framed
from benchmarks.fuzz.mutation import shrink
from benchmarks.fuzz.records import ARRIVAL_MS, EXTRA, Records, records_of
from benchmarks.fuzz.tally import Finding, Tally, sort_of, spoken
from models.batch import Batch
from models.decoding.decoder import Decoder
from models.decoding.scanner import RECORD_BYTES_MAX
from models.decoding.schema import Schema
from models.events import COLUMNS, KINDS
from models.hashing import Secret
from models.records import DeadLetter, RawBlock

BLOCK: Final = 500
"""Records per block."""

_ALONE_EVERY: Final = 8
"""So often the good records of a block are also decoded without their bad neighbours."""

Decode = Callable[[RawBlock], tuple[Batch, list[DeadLetter]]]


def schemas(secret: Secret) -> list[Schema]:
    """Everything wanted; names mapped and columns added; almost nothing; other currencies."""
    every = frozenset(KINDS)
    names = {"amt": "amount", "acct": "account", "ts": "event_time", "id": "event_id"}
    constants = {"kind": "payment", "currency": "JPY", "tenant": "銀行"}
    return [
        Schema(frozenset(COLUMNS), every, secret),
        Schema(frozenset({*COLUMNS, *EXTRA}), every, secret, "EUR", names, constants, EXTRA),
        Schema(frozenset({"account"}), frozenset({"payment"}), secret),
        Schema(
            frozenset({"amount", "income"}), every, secret, "XBT",
            {"ccy": "currency"}, {}, {}, {"XBT": 4, "JPY": 0, "EUR": 2, "CNY": 3},
        ),
    ]  # fmt: skip


@dataclass
class ScannerTarget:
    """Blocks of records through the decoder.

    Attributes
    ----------
    seed
        Of the records and of how they are spoiled.
    decode
        Schema → what decodes its blocks; another one in the tests of this oracle.
    """

    seed: int
    decode: Callable[[Schema], Decode] = lambda schema: Decoder(schema).decode
    warm_up: int = 6 * BLOCK
    _tally: Tally = field(default_factory=Tally)
    _block: int = 0

    def __post_init__(self) -> None:
        secret = Secret(hashlib.sha256(f"secret {self.seed}".encode()).digest()[:16])
        self._ways = []
        for schema in schemas(secret):
            made = records_of(self.seed, tuple(schema.keys.items()))
            self._ways.append((Agreement(schema), self.decode(schema), made))

    def reset(self) -> None:
        """Begin again with the first block."""
        self._tally, self._block = Tally(), 0

    def run(self, inputs: int, beat: Callable[[str], None]) -> Tally:
        """Decode so many more records, in blocks."""
        while inputs > 0:
            beat(f"scanner, seed {self.seed}, block {self._block}")
            inputs -= self._one(min(BLOCK, inputs))
            self._block += 1
        return self._tally

    def _one(self, size: int) -> int:
        chance = Random(f"block {self.seed} {self._block}")
        agreement, decode, made = self._ways[self._block % len(self._ways)]
        framed = self._frame(chance, made, size)
        tally = self._tally
        tally.inputs += len(framed.records)
        begun = time.process_time()
        try:
            batch, dead = decode(framed.block)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            tally.add(self._blamed(framed, decode, error))
            return len(framed.records)
        tally.slowest_ms = max(tally.slowest_ms, (time.process_time() - begun) * 1000)
        try:
            good = agreement.check(framed, batch, dead)
            if self._block % _ALONE_EVERY < len(self._ways):
                agreement.check_alone(framed, good, batch, decode)
        except Disagreement as found:
            tally.add(self._smallest(found, agreement, decode))
            return len(framed.records)
        except Exception as error:  # noqa: BLE001 - the definition itself may not raise
            tally.add(Finding(f"definition: {sort_of(error)}", spoken(error), framed.block.data))
            return len(framed.records)
        tally.accepted += len(good)
        tally.rejected += len(framed.records) - len(good)
        return len(framed.records)

    def _frame(self, chance: Random, made: Records, size: int) -> Framed:
        """Make a block: as lines or with explicit ends, with or without offsets and arrivals."""
        records = [made.make(chance) for _ in range(size)]
        if chance.random() < 0.02:
            records[chance.randrange(size)] = _huge(chance, records[0])
        first, arrival = chance.randrange(10**6), ARRIVAL_MS - chance.randrange(3) * 10**10
        if chance.random() < 0.4:
            lines = [raw.replace(b"\n", b" ") for raw in records]
            lines = [raw for raw in lines if raw.strip(b" \t\r")] or [b"{}"]
            ends = [b"\n", b"\n", b"\n\n", b"\n \t\r\n"]
            data = b"".join(raw + chance.choice(ends) for raw in lines)
            block = RawBlock(3, data, first, arrival)
            return Framed(
                lines, block, [first + i for i in range(len(lines))], [arrival] * len(lines)
            )
        total = np.cumsum([len(raw) for raw in records]).astype(np.int64)
        offsets = list(range(first, first + size))
        arrivals = [arrival] * size
        more: dict[str, Any] = {}
        if chance.random() < 0.5:
            offsets = sorted(chance.sample(range(first, first + 3 * size), size))
            arrivals = [arrival + chance.randrange(-(10**9), 10**9) for _ in range(size)]
            more["offsets"], more["arrivals"] = np.array(offsets), np.array(arrivals)
            more["headers"] = {o: (("trace", b"\xff" * (o % 9)),) for o in offsets[::7]}
        block = RawBlock(5, b"".join(records), first, arrival, total, **more)
        return Framed(records, block, offsets, arrivals)

    def _blamed(self, framed: Framed, decode: Decode, error: Exception) -> Finding:
        """Find a record that fails alone in the same way; else the whole block is the input."""
        sort = sort_of(error)

        def fails(raw: bytes) -> bool:
            try:
                decode(single(raw).block)
            except Exception as again:  # noqa: BLE001 - compared below
                return sort_of(again) == sort
            return False

        raw = next((raw for raw in framed.records if fails(raw)), None)
        data = framed.block.data if raw is None else shrink(raw, fails)
        return Finding(sort, spoken(error), data)

    def _smallest(self, found: Disagreement, agreement: Agreement, decode: Decode) -> Finding:
        def fails(raw: bytes) -> bool:
            one = single(raw)
            try:
                agreement.check(one, *decode(one.block))
            except Disagreement as again:
                return again.sort == found.sort
            return False

        data = shrink(found.raw, fails) if fails(found.raw) else found.raw
        return Finding(found.sort, f"{found} (block {self._block})", data)


def single(raw: bytes) -> Framed:
    """Frame one record alone."""
    block = RawBlock(0, raw, 0, ARRIVAL_MS, np.array([len(raw)]))
    return Framed([raw], block, [0], [ARRIVAL_MS])


def _huge(chance: Random, raw: bytes) -> bytes:
    """Make a record at the edge of the largest that is accepted, or far beyond it."""
    size = RECORD_BYTES_MAX + chance.choice((-1, 0, 1, 2, RECORD_BYTES_MAX))
    filler = chance.choice((b"x", b"\\n", b"\xe9\x93\xb6", b"[", b" "))
    head = raw[:-1] + b',"filler":"'
    body = (filler * size)[: max(size - len(head) - 2, 0)]
    return (head + body + b'"}')[:size]
