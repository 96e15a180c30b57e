"""Kernels that read one wanted value: decimals exactly, times, flags.

Each returns (offset after the value, what it read), the offset negative where
`models.decoding.record` must decide.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline
from models.decoding.text import SLOW
from models.events import NULL_INT

_POWERS = 10.0 ** np.arange(23)
_DAYS_BEFORE_MONTH = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
_DAYS_IN_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@inline
def decimal(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int, int]:
    """Read a number up to its exponent: (offset after, mantissa, digits after the point).

    At most 18 digits, so the mantissa is exact; anything else is SLOW.
    """
    negative = at < end and buffer[at] == 45
    if negative:
        at += 1
    first = at
    mantissa = 0
    while at < end and 48 <= buffer[at] <= 57:
        mantissa = mantissa * 10 + (int(buffer[at]) - 48)
        at += 1
    digits = at - first
    if digits == 0 or (digits > 1 and buffer[first] == 48) or digits > 18:
        return SLOW, 0, 0
    decimals = 0
    if at < end and buffer[at] == 46:
        at += 1
        fraction = at
        while at < end and 48 <= buffer[at] <= 57:
            mantissa = mantissa * 10 + (int(buffer[at]) - 48)
            at += 1
            if at - fraction + digits > 18:
                return SLOW, 0, 0
        decimals = at - fraction
        if decimals == 0:
            return SLOW, 0, 0
    return at, -mantissa if negative else mantissa, decimals


@inline
def exponent(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Read an exponent if one stands here: (offset after, its value); three digits are SLOW."""
    if at >= end or (buffer[at] != 101 and buffer[at] != 69):
        return at, 0
    at += 1
    negative = at < end and buffer[at] == 45
    if at < end and (buffer[at] == 45 or buffer[at] == 43):
        at += 1
    first, value = at, 0
    while at < end and 48 <= buffer[at] <= 57 and at - first < 3:
        value = value * 10 + (int(buffer[at]) - 48)
        at += 1
    if at == first or at - first == 3:
        return SLOW, 0
    return at, -value if negative else value


@inline
def to_float(mantissa: int, decimals: int) -> float:
    """The nearest float64, or NaN where that needs more than one rounding (Clinger's fast path)."""
    if abs(mantissa) > 9_007_199_254_740_992 or abs(decimals) > 22:
        return np.nan
    return mantissa / _POWERS[decimals] if decimals >= 0 else mantissa * _POWERS[-decimals]


@inline
def _two_digits(buffer: NDArray[np.uint8], at: int) -> int:
    tens, ones = int(buffer[at]) - 48, int(buffer[at + 1]) - 48
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else -1


@inline
def _days_since_1970(year: int, month: int, day: int) -> int:
    """Proleptic Gregorian day number, or a huge negative where there is no such day."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if year < 1 or month < 1 or month > 12 or day < 1:
        return NULL_INT
    if day > _DAYS_IN_MONTH[month - 1] + (1 if leap and month == 2 else 0):
        return NULL_INT
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400
    days += _DAYS_BEFORE_MONTH[month - 1] + (1 if leap and month > 2 else 0) + day - 1
    return days - 719_162


@inline
def rfc3339(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Epoch milliseconds of a whole RFC 3339 text in [at, end), or NULL_INT.

    Digits past the millisecond are cut off. A leap second (:60) is NULL_INT.
    """
    if end - at < 20:
        return NULL_INT
    century, years = _two_digits(buffer, at), _two_digits(buffer, at + 2)
    month, day = _two_digits(buffer, at + 5), _two_digits(buffer, at + 8)
    hour, minute = _two_digits(buffer, at + 11), _two_digits(buffer, at + 14)
    second = _two_digits(buffer, at + 17)
    signs = buffer[at + 4] == 45 and buffer[at + 7] == 45
    signs = signs and buffer[at + 13] == 58 and buffer[at + 16] == 58
    letter = buffer[at + 10] | 32
    if not signs or (letter != 116 and buffer[at + 10] != 32):
        return NULL_INT
    if min(century, years, month, day, hour, minute, second) < 0:
        return NULL_INT
    if hour > 23 or minute > 59 or second > 59:
        return NULL_INT
    days = _days_since_1970(century * 100 + years, month, day)
    if days == NULL_INT:
        return NULL_INT
    ms = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000
    at += 19
    if buffer[at] == 46:
        at += 1
        first = at
        weight = 100
        while at < end and 48 <= buffer[at] <= 57:
            ms += (int(buffer[at]) - 48) * weight
            weight //= 10
            at += 1
        if at == first:
            return NULL_INT
    if at >= end:
        return NULL_INT
    if buffer[at] == 90 or buffer[at] == 122:
        return ms if at + 1 == end else NULL_INT
    sign = buffer[at]
    if (sign != 43 and sign != 45) or at + 6 != end or buffer[at + 3] != 58:
        return NULL_INT
    off_hour, off_minute = _two_digits(buffer, at + 1), _two_digits(buffer, at + 4)
    if off_hour < 0 or off_hour > 23 or off_minute < 0 or off_minute > 59:
        return NULL_INT
    offset = (off_hour * 60 + off_minute) * 60_000
    return ms - offset if sign == 43 else ms + offset
