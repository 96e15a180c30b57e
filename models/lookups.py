"""Reference data joined to events as of their own time: countries, merchants, customers, lists.

A table maps keys to values that hold from one moment to another; the newest entry that has begun
counts, and when it has ended nothing does. What was true at an event's time stays true for it,
however often the file has grown since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel
from models.errors import ConfigError, Place
from models.events import NULL_NUMBER, Column, ColumnType
from models.hashing import Secret

ALWAYS: Final = -(1 << 62)
NEVER: Final = 1 << 62
_FLAGS: Final = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a table: what holds for a key in [since_ms, until_ms).

    Attributes
    ----------
    values
        Column → text as written; empty ones are absent.
    """

    key: str
    since_ms: int
    until_ms: int
    values: Mapping[str, str]
    place: Place


@dataclass(frozen=True, slots=True)
class LookupTable:
    """One file of reference data.

    Attributes
    ----------
    columns
        Names of its value columns.
    entries
        Sorted by (key, since_ms); no two of them agree in both.
    """

    columns: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class LookupSpec:
    """A column that a pack joins to its events.

    Attributes
    ----------
    column
        As expressions name it, with the type that its values have.
    table, value
        Which table of the deployment, and which of its columns; an empty one asks whether the key
        is listed at all, which is a flag.
    by
        Text column of the event: the key.
    """

    column: Column
    table: str
    value: str
    by: str
    place: Place


class Joined(NamedTuple):
    """A lookup as arrays, sorted by (key, since).

    Attributes
    ----------
    keys, since, until
        (n,): hash of the key, and when the entry holds.
    bits
        (n,): the value: bits of a float64, or a text's hash.
    otherwise
        [bits where no entry holds].
    """

    keys: NDArray[np.uint64]
    since: NDArray[np.int64]
    until: NDArray[np.int64]
    bits: NDArray[np.uint64]
    otherwise: NDArray[np.uint64]


def arrays_of(spec: LookupSpec, table: LookupTable, secret: Secret) -> Joined:
    """Read a table's values as what the pack says they are.

    Raises
    ------
    ConfigError
        A value is not of that type, with its place in the table's file.
    """
    found = [(secret.text(e.key), e.since_ms, e.until_ms, _bits(spec, e, secret))
             for e in table.entries]  # fmt: skip
    found.sort(key=lambda entry: entry[:2])
    keys, since, until, bits = zip(*found, strict=True) if found else ((), (), (), ())
    return Joined(
        np.array(keys, np.uint64), np.array(since, np.int64), np.array(until, np.int64),
        np.array(bits, np.uint64), np.array([_absent(spec)], np.uint64),
    )  # fmt: skip


def words_of(spec: LookupSpec, table: LookupTable, secret: Secret) -> dict[int, str]:
    """Hash → text of the values of a text column."""
    if spec.column.type is not ColumnType.TEXT:
        return {}
    texts = {entry.values[spec.value] for entry in table.entries if spec.value in entry.values}
    return {secret.text(text): text for text in texts}


def _absent(spec: LookupSpec) -> int:
    if not spec.value:
        return _float_bits(0.0)
    return 0 if spec.column.type is ColumnType.TEXT else NULL_NUMBER


def _bits(spec: LookupSpec, entry: Entry, secret: Secret) -> int:
    if not spec.value:
        return _float_bits(1.0)
    text, kind = entry.values.get(spec.value), spec.column.type
    if kind is ColumnType.TEXT:
        return secret.text(text) if text is not None else 0
    if text is None:
        return NULL_NUMBER
    if kind is ColumnType.FLAG:
        if text not in _FLAGS:
            raise _wrong(spec, entry, text, "write true or false")
        return _float_bits(_FLAGS[text])
    try:
        number = float(text)
    except ValueError:
        raise _wrong(spec, entry, text, "write digits, or leave it empty") from None
    if not np.isfinite(number):
        raise _wrong(spec, entry, text, "write digits, or leave it empty")
    return _float_bits(number)


def _float_bits(number: float) -> int:
    return int(np.float64(number).view(np.uint64))


def _wrong(spec: LookupSpec, entry: Entry, text: str, hint: str) -> ConfigError:
    message = f"{spec.value} of {entry.key} is {text!r}, but {spec.column.name} reads it as a "
    return ConfigError(message + spec.column.type, hint=hint, place=entry.place)


@inline
def _entry_at(table: Joined, key: np.uint64, time: int) -> int:
    """The last entry of a key that has begun, or −1."""
    low, high = 0, table.keys.shape[0]
    while low < high:
        middle = (low + high) >> 1
        found = table.keys[middle]
        if found < key or (found == key and table.since[middle] <= time):
            low = middle + 1
        else:
            high = middle
    return low - 1 if low > 0 and table.keys[low - 1] == key else -1


@kernel
def join(
    table: Joined, keys: NDArray[np.uint64], times: NDArray[np.int64], out: NDArray[np.uint64]
) -> None:
    """Write what holds for each key at its time; where the key is NULL the column stays NULL."""
    for i in range(keys.shape[0]):
        if keys[i] == np.uint64(0):
            continue
        at = _entry_at(table, keys[i], times[i])
        holds = at >= 0 and times[i] < table.until[at]
        out[i] = table.bits[at] if holds else table.otherwise[0]


def check_same(specs: Sequence[LookupSpec]) -> dict[str, LookupSpec]:
    """Column name → lookup; packs that run together agree on what a name joins.

    Raises
    ------
    ConfigError
        Two packs join different data under one name.
    """
    found: dict[str, LookupSpec] = {}
    for spec in specs:
        other = found.setdefault(spec.column.name, spec)
        same = (other.column, other.table, other.value, other.by)
        if same != (spec.column, spec.table, spec.value, spec.by):
            raise ConfigError(
                f"another pack joins other data as {spec.column.name}",
                hint="rename one of them",
                place=spec.place,
            )
    return found
