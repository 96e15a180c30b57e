"""The compiled scanner: one pass over the bytes of flat JSON records.

It expects the keys of the previous record in their order (any order works, the usual one is
fast), leaves text where it stands as offset, length and hash, and reads money as integers. A
record that is in any way unusual or wrong is left to `models.decoding.record`, alone.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel
from models.decoding.schema import FLAG, MONEY, NUMBER, TEXT, TIME, Tables
from models.decoding.text import (
    ALSE,
    DEPTH_MAX,
    RUE,
    SLOW,
    ULL,
    needed_string,
    skip_space,
    skip_value,
    word_is,
)
from models.decoding.values import decimal, rfc3339, to_float
from models.events import FUTURE_TOLERANCE_MS, MONEY_DECIMALS, NULL_INT
from models.hashing import load_u64, sip_text

MONEY_MAX: Final = 9_007_199_254_740_992
"""Largest amount, in 10⁻⁴ major units: exact as float64."""

EARLIEST_MS: Final = 946_684_800_000
"""2000-01-01; earlier times are nearly always seconds or microseconds sent as milliseconds."""

KEYS_REMEMBERED: Final = 128
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
def _find(hashes: NDArray[np.uint64], values: NDArray[np.int64], key: np.uint64) -> int:
    """Look a hash up in an open-addressing table; −1 where it is absent."""
    mask = hashes.shape[0] - 1
    place = np.int64(key & np.uint64(mask))
    while hashes[place] != np.uint64(0):
        if hashes[place] == key:
            return values[place]
        place = (place + 1) & mask
    return -1


@inline
def _same_bytes(buffer: NDArray[np.uint8], one: int, other: int, length: int) -> bool:
    done = 0
    while done < length:
        left = min(length - done, 8)
        differ = load_u64(buffer, one + done) ^ load_u64(buffer, other + done)
        if left < 8:
            differ &= (np.uint64(1) << np.uint64(8 * left)) - np.uint64(1)
        if differ != np.uint64(0):
            return False
        done += 8
    return True


@inline
def _read_number(
    buffer: NDArray[np.uint8], at: int, end: int
) -> tuple[int, int, int]:
    """A decimal, bare or in quotes."""
    if buffer[at] != 34:
        return decimal(buffer, at, end)
    at, mantissa, decimals = decimal(buffer, at + 1, end)
    if at < 0 or at >= end or buffer[at] != 34:
        return SLOW, 0, 0
    return at + 1, mantissa, decimals


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
        columns.text_at[index, row] = at + 1
        columns.text_length[index, row] = length
        found = sip_text(buffer, at + 1, length, tables.key[0], tables.key[1])
        # an empty text names nobody: as NULL it cannot join strangers into one entity
        columns.text_hash[index, row] = found if length else np.uint64(0)
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
    after, mantissa, decimals = _read_number(buffer, at, end)
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
def _key(
    buffer: NDArray[np.uint8],
    at: int,
    end: int,
    position: int,
    seen: NDArray[np.int64],
    tables: Tables,
) -> tuple[int, int]:
    """Read a key at its opening quote: (offset after the closing quote, slot or −1), or SLOW.

    `seen` holds, per position, the previous record's key: offset, length, slot.
    """
    start = at + 1
    if position < KEYS_REMEMBERED:
        length = seen[position, 1]
        fits = length > 0 and start + length < end and buffer[start + length] == 34
        if fits and _same_bytes(buffer, start, seen[position, 0], length):
            return start + length + 1, seen[position, 2]
    close = needed_string(buffer, start, end)
    if close < 0:
        return SLOW, -1
    name = sip_text(buffer, start, close - start, tables.key[0], tables.key[1])
    slot = _find(tables.name_hash, tables.name_slot, name)
    if position < KEYS_REMEMBERED:
        seen[position, 0] = start
        seen[position, 1] = close - start
        seen[position, 2] = slot
    return close + 1, slot


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
        at, slot = _key(buffer, at, end, position, seen, tables)
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
        elif word_is(buffer, at, end, 110, ULL, 4):
            # a null after a value of the same key: the last wins, so take the value back slowly
            at = SLOW if stamp[slot] == row else at + 4
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
        decimals = _find(tables.currency_hash, tables.currency_decimals, currency)
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
    latest_ms: int,
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
        Events later than this are from the future.
    seen, stamp, stack
        Room to work in: shapes (`KEYS_REMEMBERED`, 3), (columns,), (`DEPTH_MAX`,).
    slow
        Shape (n,), out: the rows that are left to `models.decoding.record`, ascending.
    """
    seen[:] = 0
    stamp[:] = -1
    left = 0
    for row in range(starts.shape[0]):
        good = _fields(buffer, starts[row], ends[row], row, seen, stamp, stack, tables, columns)
        if not good or not _acceptable(row, latest_ms, tables, columns):
            slow[left] = row
            left += 1
    return left


@kernel
def split_lines(
    buffer: NDArray[np.uint8], end: int, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> int:
    """Find the lines of buffer[:end] that are not blank; return how many there are."""
    lines = 0
    at = 0
    while at < end:
        start = at
        while at < end:
            # eight bytes at a time; a borrow can only mark a byte after a real newline
            word = load_u64(buffer, at) ^ np.uint64(0x0A0A0A0A0A0A0A0A)
            marks = (word - np.uint64(0x0101010101010101)) & ~word
            if marks & np.uint64(0x8080808080808080) == np.uint64(0):
                at += 8
                continue
            while buffer[at] != 10:
                at += 1
            break
        at = min(at, end)
        if skip_space(buffer, start, at) < at:
            starts[lines] = start
            ends[lines] = at
            lines += 1
        at += 1
    return lines
