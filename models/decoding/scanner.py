"""The compiled scanner: one pass over the bytes of flat JSON records.

It expects the keys of the previous record in their order (any order works, the usual one is
fast), leaves text where it stands as offset, length and hash, and reads money as integers. A
record that is in any way unusual or wrong is left to `models.decoding.record`, alone.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel
from models.decoding.keys import look_up, read_key
from models.decoding.schema import FLAG, NUMBER, TEXT, TIME, Tables
from models.decoding.text import (
    ALSE,
    RUE,
    SLOW,
    ULL,
    needed_string,
    skip_space,
    skip_value,
    word_is,
)
from models.decoding.values import decimal, exponent, rfc3339, to_float
from models.events import MONEY_DECIMALS, NULL_INT
from models.hashing import sip_text

MONEY_MAX: Final = 9_007_199_254_740_992
"""Largest amount, in 10⁻⁴ major units: exact as float64."""

EARLIEST_MS: Final = 946_684_800_000
"""2000-01-01; earlier times are nearly always seconds or microseconds sent as milliseconds."""

RECORD_BYTES_MAX: Final = 1 << 20
_TENS = 10 ** np.arange(19)


class Columns(NamedTuple):
    """Where the scanner writes; every matrix is (columns, records)."""

    kind: NDArray[np.int8]
    text_at: NDArray[np.int32]
    text_length: NDArray[np.int32]
    text_hash: NDArray[np.uint64]
    integers: NDArray[np.int64]
    numbers: NDArray[np.float64]


@inline
def _read_number(buffer: NDArray[np.uint8], at: int, end: int, kind: int) -> tuple[int, int, int]:
    """A decimal, bare or in quotes; only a plain number may have an exponent."""
    quoted = buffer[at] == 34
    at, mantissa, decimals = decimal(buffer, at + 1 if quoted else at, end)
    if at < 0:
        return SLOW, 0, 0
    after, power = exponent(buffer, at, end)
    if after < 0 or (after != at and kind != NUMBER):
        return SLOW, 0, 0
    at = after
    if quoted:
        if at >= end or buffer[at] != 34:
            return SLOW, 0, 0
        at += 1
    return at, mantissa, decimals - power


@inline
def _read_wanted(
    buffer: NDArray[np.uint8],
    at: int,
    end: int,
    row: int,
    kind: int,
    index: int,
    tables: Tables,
    columns: Columns,
) -> int:
    """Read the value of a wanted column into its matrix; the offset after it, or SLOW."""
    if kind == TEXT:
        if buffer[at] != 34:
            return SLOW
        close = needed_string(buffer, at + 1, end)
        if close < 0:
            return SLOW
        length = close - at - 1
        # an empty text names nobody: as NULL it cannot join strangers into one entity
        if length:
            columns.text_at[index, row] = at + 1
            columns.text_length[index, row] = length
            found = sip_text(buffer, at + 1, length, tables.key[0], tables.key[1])
            columns.text_hash[index, row] = found
        return close + 1
    if kind == FLAG:
        if word_is(buffer, at, end, 116, RUE, 4):
            columns.numbers[index, row] = 1.0
            return at + 4
        if word_is(buffer, at, end, 102, ALSE, 5):
            columns.numbers[index, row] = 0.0
            return at + 5
        return SLOW
    if kind == TIME and buffer[at] == 34:
        close = needed_string(buffer, at + 1, end)
        if close < 0:
            return SLOW
        time = rfc3339(buffer, at + 1, close)
        columns.integers[index, row] = time
        return SLOW if time == NULL_INT else close + 1
    after, mantissa, decimals = _read_number(buffer, at, end, kind)
    if after < 0:
        return SLOW
    if kind == TIME:
        columns.integers[index, row] = mantissa
        return SLOW if decimals else after
    if kind == NUMBER:
        value = to_float(mantissa, decimals)
        columns.numbers[index, row] = value
        return SLOW if np.isnan(value) else after
    # money: the digits now, its decimals checked when the currency is known
    if decimals > MONEY_DECIMALS:
        if mantissa % _TENS[decimals - MONEY_DECIMALS] != 0:
            return SLOW
        mantissa //= _TENS[decimals - MONEY_DECIMALS]
    else:
        if abs(mantissa) > MONEY_MAX // _TENS[MONEY_DECIMALS - decimals]:
            return SLOW
        mantissa *= _TENS[MONEY_DECIMALS - decimals]
    columns.integers[index, row] = mantissa
    return after if abs(mantissa) <= MONEY_MAX else SLOW


@inline
def _fields(
    buffer: NDArray[np.uint8],
    at: int,
    end: int,
    row: int,
    seen: NDArray[np.int64],
    stamp: NDArray[np.int64],
    stack: NDArray[np.uint8],
    tables: Tables,
    columns: Columns,
) -> bool:
    """Read one record's members; False where `models.decoding.record` must decide."""
    at = skip_space(buffer, at, end)
    if at >= end or buffer[at] != 123:
        return False
    at = skip_space(buffer, at + 1, end)
    position = 0
    while True:
        if at >= end or buffer[at] != 34:
            return False
        at, slot = read_key(buffer, at, end, position, seen, tables)
        if at < 0:
            return False
        position += 1
        at = skip_space(buffer, at, end)
        if at >= end or buffer[at] != 58:
            return False
        at = skip_space(buffer, at + 1, end)
        if at >= end:
            return False
        if slot < 0:
            at = skip_value(buffer, at, end, stack)
        elif stamp[slot] == row:
            # a second value of one column, by a repeated key or another alias: decided slowly
            return False
        elif word_is(buffer, at, end, 110, ULL, 4):
            at += 4
        else:
            stamp[slot] = row
            kind, index = tables.slot_type[slot], tables.slot_index[slot]
            at = _read_wanted(buffer, at, end, row, kind, index, tables, columns)
        if at < 0:
            return False
        at = skip_space(buffer, at, end)
        if at >= end:
            return False
        if buffer[at] == 125:
            return skip_space(buffer, at + 1, end) == end
        if buffer[at] != 44:
            return False
        at = skip_space(buffer, at + 1, end)


@inline
def _acceptable(row: int, latest_ms: int, tables: Tables, columns: Columns) -> bool:
    """Check what a good event must have: kind, columns, time, currency, decimals."""
    if columns.text_hash[0, row] == np.uint64(0):
        return False
    time = columns.integers[0, row]
    if time < EARLIEST_MS or time > latest_ms:
        return False
    kind = -1
    for candidate in range(tables.kind_hash.shape[0]):
        if tables.kind_hash[candidate] == columns.text_hash[1, row]:
            kind = candidate
            break
    if kind < 0:
        return False
    columns.kind[row] = kind
    for place in range(tables.required.shape[1]):
        slot = tables.required[kind, place]
        if slot < 0:
            break
        index, column_type = tables.slot_index[slot], tables.slot_type[slot]
        if column_type == TEXT:
            absent = columns.text_hash[index, row] == np.uint64(0)
        elif column_type in (NUMBER, FLAG):
            absent = np.isnan(columns.numbers[index, row])
        else:
            absent = columns.integers[index, row] == NULL_INT
        if absent:
            return False
    decimals = tables.money[tables.money.shape[0] - 1]
    currency = columns.text_hash[3, row]
    if currency != np.uint64(0):
        decimals = look_up(tables.currency_hash, tables.currency_decimals, currency)
        if decimals < 0:
            return False
    unit = _TENS[MONEY_DECIMALS - decimals]
    for place in range(tables.money.shape[0] - 1):
        amount = columns.integers[tables.money[place], row]
        if amount != NULL_INT and amount % unit != 0:
            return False
    return True


@kernel
def scan(
    buffer: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    latest_ms: NDArray[np.int64],
    tables: Tables,
    columns: Columns,
    seen: NDArray[np.int64],
    stamp: NDArray[np.int64],
    stack: NDArray[np.uint8],
    slow: NDArray[np.int64],
) -> int:
    """Decode records into columns that hold NULL everywhere; return how many were not decoded.

    Parameters
    ----------
    buffer
        The records' bytes, padded by `models.hashing.PADDING`.
    starts, ends
        Shape (n,): where each record's bytes are.
    latest_ms
        Shape (n,): an event later than this is from the future.
    seen, stamp, stack
        Room to work in: shapes (`KEYS_REMEMBERED`, 3), (columns,), (`DEPTH_MAX`,).
    slow
        Shape (n,), out: the rows that are left to `models.decoding.record`, ascending.
    """
    seen[:] = 0
    stamp[:] = -1
    left = 0
    for row in range(starts.shape[0]):
        good = ends[row] - starts[row] <= RECORD_BYTES_MAX
        good = good and _fields(
            buffer, starts[row], ends[row], row, seen, stamp, stack, tables, columns
        )
        if not good or not _acceptable(row, latest_ms[row], tables, columns):
            slow[left] = row
            left += 1
    return left
