"""Kernels that step over JSON text: white space, strings, and values that nobody asked for.

Every function takes a buffer that is padded by `models.hashing.PADDING` bytes and returns the
offset after what it read, or a negative number where `models.decoding.record` must decide.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline
from models.hashing import load_u64

DEPTH_MAX: Final = 256
"""Deepest nesting of an ignored value; deeper records are dead letters."""

SLOW: Final = -1

_LOW_BITS = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)
_QUOTES = np.uint64(0x2222222222222222)
_SLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
_CONTROL = np.uint64(0x2020202020202020)
_ZERO = np.uint64(0)


@inline
def skip_space(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Step over blanks, tabs, carriage returns and newlines."""
    while at < end and (buffer[at] == 32 or 9 <= buffer[at] <= 10 or buffer[at] == 13):
        at += 1
    return at


@inline
def _unusual(word: np.uint64) -> np.uint64:
    """Mark the bytes that end a plain run: quote, backslash, control or not ASCII."""
    quote = word ^ _QUOTES
    slash = word ^ _SLASHES
    found = (quote - _LOW_BITS) & ~quote
    found |= (slash - _LOW_BITS) & ~slash
    found |= (word - _CONTROL) & ~word
    return (found | word) & _HIGH_BITS


@inline
def plain_run(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Offset of the next byte that is a quote, a backslash, a control or not ASCII."""
    while at < end:
        marks = _unusual(load_u64(buffer, at))
        if marks == _ZERO:
            at += 8
            continue
        while at < end:
            byte = buffer[at]
            if byte == 34 or byte == 92 or byte < 32 or byte >= 128:
                return at
            at += 1
    return end


@inline
def utf8_step(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Step over one well-formed multi-byte character (RFC 3629), or SLOW."""
    lead = buffer[at]
    if 0xC2 <= lead <= 0xDF:
        more = 1
    elif 0xE0 <= lead <= 0xEF:
        more = 2
    elif 0xF0 <= lead <= 0xF4:
        more = 3
    else:
        return SLOW
    if at + more >= end:
        return SLOW
    second = buffer[at + 1]
    if lead == 0xE0 and second < 0xA0:
        return SLOW
    if lead == 0xED and second > 0x9F:
        return SLOW
    if lead == 0xF0 and second < 0x90:
        return SLOW
    if lead == 0xF4 and second > 0x8F:
        return SLOW
    for i in range(1, more + 1):
        if buffer[at + i] & 0xC0 != 0x80:
            return SLOW
    return at + more + 1


@inline
def needed_string(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Offset of the closing quote of a string without escapes that starts at `at`, or SLOW."""
    while at < end:
        at = plain_run(buffer, at, end)
        if at >= end:
            return SLOW
        if buffer[at] == 34:
            return at
        if buffer[at] < 128:
            return SLOW
        at = utf8_step(buffer, at, end)
        if at < 0:
            return SLOW
    return SLOW


@inline
def _hex4(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    if at + 4 > end:
        return SLOW
    value = 0
    for i in range(at, at + 4):
        byte = int(buffer[i])
        if 48 <= byte <= 57:
            digit = byte - 48
        elif 65 <= byte <= 70:
            digit = byte - 55
        elif 97 <= byte <= 102:
            digit = byte - 87
        else:
            return SLOW
        value = value * 16 + digit
    return value


@inline
def _skip_escape(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Step over one escape; `at` is the backslash. Lone surrogates are not text."""
    if at + 1 >= end:
        return SLOW
    byte = buffer[at + 1]
    if byte != 117:
        simple = byte in (34, 92, 47, 98, 102, 110, 114, 116)
        return at + 2 if simple else SLOW
    unit = _hex4(buffer, at + 2, end)
    if unit < 0 or 0xDC00 <= unit <= 0xDFFF:
        return SLOW
    if unit < 0xD800 or unit > 0xDBFF:
        return at + 6
    if at + 8 >= end or buffer[at + 6] != 92 or buffer[at + 7] != 117:
        return SLOW
    low = _hex4(buffer, at + 8, end)
    return at + 12 if 0xDC00 <= low <= 0xDFFF else SLOW


@inline
def skip_string(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Offset after the closing quote of any valid string that starts at `at`, or SLOW."""
    while at < end:
        at = plain_run(buffer, at, end)
        if at >= end:
            return SLOW
        if buffer[at] == 34:
            return at + 1
        if buffer[at] == 92:
            at = _skip_escape(buffer, at, end)
        elif buffer[at] >= 128:
            at = utf8_step(buffer, at, end)
        else:
            return SLOW
        if at < 0:
            return SLOW
    return SLOW


@inline
def _skip_digits(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    while at < end and 48 <= buffer[at] <= 57:
        at += 1
    return at


@inline
def skip_number(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Offset after a number by JSON's grammar, or SLOW; an exponent is SLOW (it may overflow)."""
    if at < end and buffer[at] == 45:
        at += 1
    after = _skip_digits(buffer, at, end)
    if after == at or (after - at > 1 and buffer[at] == 48) or after - at > 300:
        return SLOW
    if after < end and buffer[after] == 46:
        fraction = after + 1
        after = _skip_digits(buffer, fraction, end)
        if after == fraction:
            return SLOW
    if after < end and (buffer[after] == 101 or buffer[after] == 69):
        return SLOW
    return after


@inline
def word_is(
    buffer: NDArray[np.uint8], at: int, end: int, first: int, rest: int, length: int
) -> bool:
    """Whether a word of `length` 4 or 5 stands here: `first` its first byte, `rest` the others."""
    if at + length > end or buffer[at] != first:
        return False
    mask = (np.uint64(1) << np.uint64(8 * (length - 1))) - np.uint64(1)
    return (load_u64(buffer, at + 1) & mask) == np.uint64(rest)


RUE: Final = int.from_bytes(b"rue", "little")
ALSE: Final = int.from_bytes(b"alse", "little")
ULL: Final = int.from_bytes(b"ull", "little")


@inline
def skip_scalar(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Offset after a string, number, boolean or null, or SLOW."""
    byte = buffer[at]
    if byte == 34:
        return skip_string(buffer, at + 1, end)
    if byte == 45 or 48 <= byte <= 57:
        return skip_number(buffer, at, end)
    if word_is(buffer, at, end, 116, RUE, 4) or word_is(buffer, at, end, 110, ULL, 4):
        return at + 4
    if word_is(buffer, at, end, 102, ALSE, 5):
        return at + 5
    return SLOW


@inline
def skip_value(buffer: NDArray[np.uint8], at: int, end: int, stack: NDArray[np.uint8]) -> int:
    """Offset after any JSON value, nested to `DEPTH_MAX`, or SLOW.

    `stack` remembers the closing bracket of every open level.
    """
    depth = 0
    while True:
        at = skip_space(buffer, at, end)
        if at >= end:
            return SLOW
        byte = buffer[at]
        opened = byte == 123 or byte == 91
        if opened:
            # the record's own braces are the first level
            if depth >= DEPTH_MAX - 1:
                return SLOW
            stack[depth] = byte + 2
            depth += 1
            at = skip_space(buffer, at + 1, end)
            if at >= end:
                return SLOW
            if buffer[at] == byte + 2:
                opened = False
                depth -= 1
                at += 1
            elif byte == 91:
                continue
        else:
            at = skip_scalar(buffer, at, end)
            if at < 0:
                return SLOW
        if not opened:
            while True:
                if depth == 0:
                    return at
                at = skip_space(buffer, at, end)
                if at >= end:
                    return SLOW
                if buffer[at] != stack[depth - 1]:
                    break
                depth -= 1
                at += 1
            if buffer[at] != 44:
                return SLOW
            at = skip_space(buffer, at + 1, end)
            if at >= end:
                return SLOW
        if stack[depth - 1] == 125:
            if buffer[at] != 34:
                return SLOW
            at = skip_string(buffer, at + 1, end)
            if at < 0:
                return SLOW
            at = skip_space(buffer, at, end)
            if at >= end or buffer[at] != 58:
                return SLOW
            at += 1
