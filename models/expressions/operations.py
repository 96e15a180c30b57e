"""Kernels of single instructions over the selected rows of a chunk.

Where every row is selected the common ones loop over the columns directly, which the compiler
turns into vector instructions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline
from models.events import MONEY_SCALE, NULL_INT, NULL_NUMBER
from models.expressions import codes
from models.expressions.local import hour_of, kilometres, local_ms, weekday_of

_NAN = np.nan
_NAN_BITS = np.uint64(NULL_NUMBER)
_ZERO = np.uint64(0)
Row = NDArray[np.float64]


@inline
def combine(target: Row, term: Row, settled: float, rows: NDArray[np.int64], count: int) -> None:
    """Three-valued AND (settled 0) or OR (settled 1) of a term into the target."""
    for place in range(count):
        i = rows[place]
        if term[i] == settled:
            target[i] = settled
        elif np.isnan(term[i]):
            target[i] = _NAN


@inline
def load(
    code: int,
    index: int,
    start: int,
    target: Row,
    bits: NDArray[np.uint64],
    rows: NDArray[np.int64],
    count: int,
    length: int,
    program: Any,
    inputs: Any,
) -> None:
    """Fill a register from a column, a feature or a constant."""
    if code == codes.LOAD_FEATURE and count == length:
        for i in range(length):
            target[i] = inputs.features[index, start + i]
        return
    if code == codes.LOAD_MONEY and count == length:
        for i in range(length):
            money = inputs.integers[index, start + i]
            target[i] = _NAN if money == NULL_INT else money / MONEY_SCALE
        return
    for place in range(count):
        i = rows[place]
        if code == codes.LOAD_FEATURE:
            target[i] = inputs.features[index, start + i]
        elif code == codes.LOAD_NUMBER:
            target[i] = inputs.numbers[index, start + i]
        elif code == codes.LOAD_MONEY or code == codes.LOAD_TIME:
            value = inputs.integers[index, start + i]
            scale = MONEY_SCALE if code == codes.LOAD_MONEY else 1
            target[i] = _NAN if value == NULL_INT else value / scale
        elif code == codes.LOAD_TEXT:
            bits[i] = inputs.text_hash[index, start + i]
        elif code == codes.LOAD_FEATURE_TEXT:
            found = inputs.feature_bits[index, start + i]
            bits[i] = _ZERO if found == _NAN_BITS else found
        elif code == codes.CONSTANT:
            target[i] = program.numbers[index]
        else:
            bits[i] = program.texts[index]


@inline
def _arithmetic(code: int, x: float, y: float) -> float:
    if code == codes.ADD:
        result = x + y
    elif code == codes.SUBTRACT:
        result = x - y
    elif code == codes.MULTIPLY:
        result = x * y
    elif code == codes.DIVIDE:
        result = x / y if y != 0.0 else _NAN
    elif code == codes.MODULO:
        result = np.fmod(x, y) if y != 0.0 else _NAN
    elif code == codes.POWER:
        # pow(NaN, 0) and pow(1, NaN) are 1 in C
        result = _NAN if np.isnan(x) or np.isnan(y) else np.power(x, y)
    elif code == codes.LEAST:
        # as SQL has it, LEAST and GREATEST skip NULLs
        result = y if np.isnan(x) or y < x else x
    else:
        result = y if np.isnan(x) or y > x else x
    return result if np.isfinite(result) else _NAN


@inline
def _compare(code: int, x: float, y: float) -> float:
    if np.isnan(x) or np.isnan(y):
        return _NAN
    if code == codes.EQUAL:
        return 1.0 if x == y else 0.0
    if code == codes.NOT_EQUAL:
        return 1.0 if x != y else 0.0
    if code == codes.LESS:
        return 1.0 if x < y else 0.0
    if code == codes.LESS_EQUAL:
        return 1.0 if x <= y else 0.0
    if code == codes.GREATER:
        return 1.0 if x > y else 0.0
    return 1.0 if x >= y else 0.0


@inline
def binary(
    code: int, target: Row, left: Row, right: Row, rows: NDArray[np.int64], count: int, length: int
) -> None:
    """Arithmetic and comparison; NULL in, NULL out; what is not finite is NULL."""
    if count == length:
        if code == codes.GREATER:
            for i in range(length):
                target[i] = _compare(codes.GREATER, left[i], right[i])
            return
        if code == codes.GREATER_EQUAL:
            for i in range(length):
                target[i] = _compare(codes.GREATER_EQUAL, left[i], right[i])
            return
        if code == codes.LESS_EQUAL:
            for i in range(length):
                target[i] = _compare(codes.LESS_EQUAL, left[i], right[i])
            return
    for place in range(count):
        i = rows[place]
        if code >= codes.EQUAL:
            target[i] = _compare(code, left[i], right[i])
        else:
            target[i] = _arithmetic(code, left[i], right[i])


@inline
def unary(code: int, target: Row, value: Row, rows: NDArray[np.int64], count: int) -> None:
    """Functions of one number, and NOT."""
    for place in range(count):
        i = rows[place]
        x = value[i]
        if code == codes.NEGATE:
            result = -x
        elif code == codes.NOT:
            result = 1.0 - x
        elif code == codes.ABS:
            result = abs(x)
        elif code == codes.CEIL:
            result = np.ceil(x)
        elif code == codes.FLOOR:
            result = np.floor(x)
        elif code == codes.ROUND:
            # half away from zero, as SQL rounds
            whole = np.floor(abs(x))
            result = np.copysign(whole + (1.0 if abs(x) - whole >= 0.5 else 0.0), x)
        elif code == codes.SIGN:
            result = np.sign(x)
        elif code == codes.EXP:
            result = np.exp(x)
        elif code == codes.LN:
            result = np.log(x) if x > 0.0 else _NAN
        elif code == codes.LOG10:
            result = np.log10(x) if x > 0.0 else _NAN
        else:
            result = np.sqrt(x) if x >= 0.0 else _NAN
        target[i] = result if np.isfinite(result) else _NAN


@inline
def _is_listed(texts: NDArray[np.uint64], low: int, high: int, key: np.uint64) -> bool:
    while low < high:
        middle = (low + high) >> 1
        if texts[middle] == key:
            return True
        if texts[middle] < key:
            low = middle + 1
        else:
            high = middle
    return False


@inline
def _step(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """The offset after one UTF-8 character."""
    at += 1
    while at < end and buffer[at] & 0xC0 == 0x80:
        at += 1
    return at


@inline
def _like(
    buffer: NDArray[np.uint8], at: int, end: int, pattern: NDArray[np.uint8], p: int, stop: int
) -> bool:
    """SQL LIKE: % is any run of characters, _ is one; greedy with one point to return to."""
    retry_at, retry_p = -1, -1
    while at < end:
        if p < stop and pattern[p] == 37:
            retry_at, retry_p = at, p + 1
            p += 1
        elif p < stop and pattern[p] == 95:
            at = _step(buffer, at, end)
            p += 1
        elif p < stop and pattern[p] == buffer[at]:
            at += 1
            p += 1
        elif retry_p >= 0:
            retry_at = _step(buffer, retry_at, end)
            at, p = retry_at, retry_p
        else:
            return False
    while p < stop and pattern[p] == 37:
        p += 1
    return p == stop


@inline
def other(
    code: int,
    target: int,
    a: int,
    b: int,
    c: int,
    start: int,
    registers: NDArray[np.float64],
    bits: NDArray[np.uint64],
    rows: NDArray[np.int64],
    count: int,
    program: Any,
    inputs: Any,
) -> None:
    """NULL tests, text comparison, choice, where and when."""
    for place in range(count):
        i = rows[place]
        if code == codes.IS_NULL:
            registers[target, i] = 1.0 if np.isnan(registers[a, i]) else 0.0
        elif code == codes.IS_NULL_TEXT:
            registers[target, i] = 1.0 if bits[a, i] == _ZERO else 0.0
        elif code == codes.TEXT_EQUAL or code == codes.TEXT_NOT_EQUAL:
            if bits[a, i] == _ZERO or bits[b, i] == _ZERO:
                registers[target, i] = _NAN
            else:
                same = bits[a, i] == bits[b, i]
                registers[target, i] = 1.0 if same == (code == codes.TEXT_EQUAL) else 0.0
        elif code == codes.TEXT_IN:
            if bits[a, i] == _ZERO:
                registers[target, i] = _NAN
            else:
                registers[target, i] = 1.0 if _is_listed(program.texts, b, c, bits[a, i]) else 0.0
        elif code == codes.LIKE:
            if inputs.text_hash[b, start + i] == _ZERO:
                registers[target, i] = _NAN
            else:
                at = inputs.text_at[b, start + i]
                end = at + inputs.text_length[b, start + i]
                begin, stop = program.pattern_at[c], program.pattern_at[c + 1]
                found = _like(inputs.buffer, at, end, program.patterns, begin, stop)
                registers[target, i] = 1.0 if found else 0.0
        elif code == codes.CHOOSE:
            bits[target, i] = bits[b, i] if registers[a, i] == 1.0 else bits[c, i]
        elif code == codes.COALESCE:
            registers[target, i] = registers[b, i] if np.isnan(registers[a, i]) else registers[a, i]
        elif code == codes.COALESCE_TEXT:
            bits[target, i] = bits[b, i] if bits[a, i] == _ZERO else bits[a, i]
        elif code == codes.KM:
            registers[target, i] = kilometres(
                registers[a, i], registers[a + 1, i], registers[a + 2, i], registers[a + 3, i]
            )
        elif np.isnan(registers[a, i]):
            registers[target, i] = _NAN
        else:
            local = local_ms(registers[a, i], program.numbers, b, c)
            is_hour = code == codes.LOCAL_HOUR
            registers[target, i] = hour_of(local) if is_hour else weekday_of(local)
