"""What the scanner must find in a record: wanted columns, their names on the wire, currencies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

import iso4217
import numpy as np
from numpy.typing import NDArray

from models.events import COLUMNS, KINDS, REQUIRED, REQUIRED_ALWAYS, Column, ColumnType
from models.hashing import Secret

TEXT, TIME, MONEY, NUMBER, FLAG = range(5)
_CODES: Final = {
    ColumnType.TEXT: TEXT,
    ColumnType.TIME: TIME,
    ColumnType.MONEY: MONEY,
    ColumnType.NUMBER: NUMBER,
    ColumnType.FLAG: FLAG,
}
_REQUIRED_MAX: Final = 8


def iso_currencies() -> dict[str, int]:
    """ISO 4217 currency code → decimals; codes without decimals (gold, test) are left out."""
    return {c.code: c.exponent for c in iso4217.Currency if c.exponent is not None}


class Tables(NamedTuple):
    """The schema as arrays, in the form that the scanner kernel takes."""

    name_hash: NDArray[np.uint64]
    name_slot: NDArray[np.int64]
    slot_type: NDArray[np.int64]
    slot_index: NDArray[np.int64]
    kind_hash: NDArray[np.uint64]
    required: NDArray[np.int64]
    currency_hash: NDArray[np.uint64]
    currency_decimals: NDArray[np.int64]
    money: NDArray[np.int64]
    key: NDArray[np.uint64]


@dataclass(frozen=True)
class Schema:
    """Wanted columns and how to read them.

    Attributes
    ----------
    wanted
        Canonical names that packs use; what their kinds require is added.
    kinds
        Event kinds that packs use; events of other known kinds decode and are then ignored.
    secret
        Key of all text hashes.
    base_currency
        ISO 4217 code of `amount_base`, and of money on events without `currency`.
    aliases
        Name on the wire → canonical name (a pack's ``map:``).
    constants
        Canonical text column → value where a record has none.
    extra
        Columns that a pack adds to the canonical ones.
    currencies
        Currency code → decimals (ISO 4217 plus settings).
    joined
        Column that comes from reference data → the text column that is its key.
    words
        Hash → text of what text columns of reference data hold.
    converted
        Money column that a pack adds → currency into which `amount` is converted.
    """

    wanted: frozenset[str]
    kinds: frozenset[str]
    secret: Secret
    base_currency: str = "CNY"
    aliases: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Column] = field(default_factory=dict)
    currencies: Mapping[str, int] = field(default_factory=iso_currencies)
    joined: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[int, str] = field(default_factory=dict)
    converted: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def conversions(self) -> dict[str, str]:
        """Wanted money column that is computed from `amount` → currency that it is in."""
        known = {"amount_base": self.base_currency, **self.converted}
        return {name: code for name, code in known.items() if name in self.wanted}

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Every column that is read, `event_id, event_time, kind, tenant, currency` first."""
        needed = set(self.wanted).union(*(REQUIRED[kind] for kind in self.kinds))
        if self.conversions:
            needed.add("amount")
        needed |= {self.joined[name] for name in needed & self.joined.keys()}
        head = [*REQUIRED_ALWAYS, "tenant", "currency"]
        known = {**COLUMNS, **self.extra}
        return tuple(known[name] for name in [*head, *sorted(needed.difference(head))])

    def _numbered(self, *kinds: ColumnType) -> dict[str, int]:
        chosen = [column.name for column in self.columns if column.type in kinds]
        return {name: i for i, name in enumerate(chosen)}

    @cached_property
    def texts(self) -> dict[str, int]:
        """Text column → its row in the text matrices."""
        return self._numbered(ColumnType.TEXT)

    @cached_property
    def integers(self) -> dict[str, int]:
        """Time or money column → its row in the int64 matrix."""
        return self._numbered(ColumnType.TIME, ColumnType.MONEY)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number or flag column → its row in the float64 matrix (a flag is 0 or 1)."""
        return self._numbered(ColumnType.NUMBER, ColumnType.FLAG)

    def index(self, column: Column) -> int:
        """Row of a column in the matrix of its type."""
        by_type = {ColumnType.TEXT: self.texts, ColumnType.TIME: self.integers}
        by_type[ColumnType.MONEY] = self.integers
        return by_type.get(column.type, self.numbers)[column.name]

    @cached_property
    def names(self) -> dict[str, Column]:
        """Name on the wire → column."""
        made = {*self.conversions, *self.joined}
        read = {c.name: c for c in self.columns if c.name not in made}
        renamed = {wire: read[name] for wire, name in self.aliases.items() if name in read}
        return {**{n: c for n, c in read.items() if n not in self.aliases.values()}, **renamed}

    @cached_property
    def keys(self) -> dict[str, str]:
        """Column → its name on the wire, where that is another."""
        return {name: wire for wire, name in self.aliases.items()}

    def required(self, kind: str) -> tuple[str, ...]:
        """Columns without which an event of this kind is a dead letter."""
        return REQUIRED[kind] if kind in self.kinds else ()

    @cached_property
    def tables(self) -> Tables:
        """The arrays for the kernel, built once."""
        slot = {column.name: i for i, column in enumerate(self.columns)}
        hashes, slots = _hash_table(
            {self.secret.text(wire): slot[column.name] for wire, column in self.names.items()}
        )
        required = np.full((len(KINDS), _REQUIRED_MAX), -1, np.int64)
        for row, kind in enumerate(KINDS):
            names = self.required(kind)
            required[row, : len(names)] = [slot[name] for name in names]
        currency_hash, currency_decimals = _hash_table(
            {self.secret.text(code): decimals for code, decimals in self.currencies.items()}
        )
        money = [self.index(c) for c in self.columns if c.type is ColumnType.MONEY]
        return Tables(
            hashes,
            slots,
            np.array([_CODES[c.type] for c in self.columns]),
            np.array([self.index(c) for c in self.columns]),
            np.array([self.secret.text(kind) for kind in KINDS], np.uint64),
            required,
            currency_hash,
            currency_decimals,
            np.array([*money, self.currencies[self.base_currency]], np.int64),
            np.array([self.secret.key0, self.secret.key1], np.uint64),
        )


def _hash_table(items: Mapping[int, int]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Open-addressing table, at most a quarter full; hash 0 is an empty place, value −1."""
    size = 16
    while size < 4 * len(items):
        size *= 2
    hashes, values = np.zeros(size, np.uint64), np.full(size, -1, np.int64)
    for key, value in items.items():
        place = key & (size - 1)
        while hashes[place]:
            place = (place + 1) & (size - 1)
        hashes[place], values[place] = key, value
    return hashes, values
