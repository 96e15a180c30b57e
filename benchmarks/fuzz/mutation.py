"""Ways to spoil a text, whatever its language: by bytes and by tokens."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeVar

T = TypeVar("T", str, bytes)

_BYTES: Final = b'"\\{}[],:0e-+. \t\r\n\x00\x01\x1f\x7f\x80\xbf\xc0\xc2\xe0\xed\xf0\xf4\xf5\xff'


def spoil_bytes(raw: bytes, chance: Random, other: bytes) -> bytes:
    """Flip, set, insert, delete, truncate, repeat or splice, once."""
    if not raw:
        return other
    size = len(raw)
    at = chance.randrange(size)
    match chance.randrange(8):
        case 0:
            return raw[:at] + bytes([raw[at] ^ 1 << chance.randrange(8)]) + raw[at + 1 :]
        case 1:
            return raw[:at] + bytes([chance.choice(_BYTES)]) + raw[at + 1 :]
        case 2:
            return raw[:at] + bytes([chance.choice(_BYTES)]) + raw[at:]
        case 3:
            return raw[:at] + raw[at + _length(chance) :]
        case 4:
            return raw[:at]
        case 5:
            return raw[: at + _length(chance)] + raw[at:]
        case 6:
            return raw[:at] + other[chance.randrange(len(other) + 1) :]
        case _:
            return raw[:at] + chance.randbytes(1 + chance.randrange(4)) + raw[at:]


def _length(chance: Random) -> int:
    return 1 if chance.random() < 0.5 else 1 + chance.randrange(40)


def spoil_tokens(
    tokens: list[T], chance: Random, other: Sequence[T], nasty: Callable[[Random], T]
) -> None:
    """Replace, insert, delete, repeat, swap or splice whole tokens, once, in place."""
    if not tokens:
        tokens.append(nasty(chance))
        return
    at = chance.randrange(len(tokens))
    match chance.randrange(10):
        case 0 | 1 | 2 | 3:
            tokens[at] = nasty(chance)
        case 4:
            tokens.insert(at, nasty(chance))
        case 5:
            del tokens[at : at + 1 + chance.randrange(4)]
        case 6:
            to = at + 1 + chance.randrange(12)
            tokens[to:to] = tokens[at:to]
        case 7:
            to = chance.randrange(len(tokens))
            tokens[at], tokens[to] = tokens[to], tokens[at]
        case 8:
            tokens[at] = chance.choice(other)
        case _:
            begin = chance.randrange(len(other))
            tokens[at : at + chance.randrange(5)] = other[begin : begin + chance.randrange(1, 9)]


def times(chance: Random, untouched: float) -> int:
    """How often to spoil: never with probability `untouched`, else once or a few times."""
    if chance.random() < untouched:
        return 0
    return 1 if chance.random() < 0.55 else chance.randrange(2, 7)


def shrink(data: bytes, fails: Callable[[bytes], bool], tries: int = 600) -> bytes:
    """Take away lines, then ever smaller parts, while what is left still fails in the same way."""
    lines = data.splitlines(keepends=True)
    for at in range(len(lines) - 1, -1, -1):
        fewer = lines[:at] + lines[at + 1 :]
        tries -= 1
        if tries > 0 and fails(b"".join(fewer)):
            lines = fewer
    data = b"".join(lines)
    step = max(len(data) // 2, 1)
    while tries > 0:
        at, shorter = 0, False
        while at < len(data) and tries > 0:
            tries -= 1
            rest = data[:at] + data[at + step :]
            if fails(rest):
                data, shorter = rest, True
            else:
                at += step
        if step == 1 and not shorter:
            break
        step = max(step // 2, 1)
    return data
