"""Valid events to start from, and what JSON has that parsers stumble over."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from random import Random
from typing import Any, Final

import orjson

from benchmarks.fuzz.mutation import spoil_bytes, spoil_tokens, times
from models.events import COLUMNS, KINDS, REQUIRED, Column, ColumnType
from models.simulator.world import World, WorldConfig

ARRIVAL_MS: Final = 1_800_000_000_000
EXTRA: Final = {
    "memo": Column("memo", ColumnType.TEXT, "memo"),
    "points": Column("points", ColumnType.NUMBER, "points"),
    "fee": Column("fee", ColumnType.MONEY, "fee"),
    "seen_at": Column("seen_at", ColumnType.TIME, "seen_at"),
    "vip": Column("vip", ColumnType.FLAG, "vip"),
}
WIRES: Final = ("amt", "acct", "ts", "id", "ccy")
"""Names on the wire that one of the scanner's schemas maps to columns."""

UNTOUCHED: Final = 0.3
_NAMES: Final = (*sorted(COLUMNS), *EXTRA, *WIRES)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+0-9.eE]+|[a-z]+|\s+|.', re.DOTALL)

_NUMBERS: Final = b"""
    0 -0 -0.0 1 -1 12.5 00 01 -01 .5 5. 1e2 1E+2 -1e-2 1e-400 -1e-400 1e400 1.5e300 1e18 9e11 9e15
    900719925474.0992 900719925474.0993 900719925475 9007199254740993 123456789012345678
    1234567890123456789 9223372036854775807 9223372036854775808 -9223372036854775808
    -9223372036854775809 18446744073709551615 18446744073709551616 0.1234567890123456789
    0.30000000000000004 1e-99999999999999999999 1e99999999999999999999 0e99999999999999999999
    12.500000000000000000000000000000000000000001 2.2250738585072011e-308 5e-324 4.9e-325
    1.7976931348623157e308 1.7976931348623159e308 12.50000 12.505 12.5051 0.00010 0.00001 1e1 1.e1
    1e 1e+ -e1 + - NaN Infinity -Infinity 0x10 1_000 946684800000 946684799999 1800000300000
    1800000300001 1799999999 1799999999000000 1.8e12 1799999999000.0 100000000000000000000000000000
    0.0000000000000000000000000000001e31 1e-4 1e-5 10e-5 8e-1 1e17 1e19 99999999999999999
""".split()
_WORDS: Final = b"""
    null true false nul tru fals nulll True None undefined [] {} [[]] [{}] {"a":1} {"a":{"a":[1,2]}}
    [1,2] [1,] {"a":1,} {,} {"a"} {"a":} "" " " "a" "EUR" "JPY" "KWD" "CLF" "XAU" "eur" "payment"
    "login" "label" "trade" "\\u0000" "\\ud800" "\\udc00" "\\ud83d\\ude00" "\\ud83d\\u0041" "\\/"
    "\\n" "\\x41" "\\u12" "\\u" "\\" "\\\\" "\\\\\\" "\\u0061ccount" "\\"" "12.5" "-0.0" "1e2" "NaN"
    "1e400" "0x1" "\xef\xbc\x91" "\xff" "\xc0\x80" "\xed\xa0\x80" "\xf4\x90\x80\x80" "\xe2\x82"
    "\xc2"
    "\xf0\x9f\x98\x80" "\xe9\x93\xb6\xe8\xa1\x8c" "\xe2\x80\xa8" "\x00" "\x1f" "\x7f" "\xef\xbb\xbf"
    \xef\xbb\xbf /**/ // # ' ` : , ; { } [ ] " \\ \x00 \x0b \x0c \xc2\xa0 \xe2\x80\x83
    "2026-01-02T03:04:05Z" "2026-02-30T00:00:00Z" "2026-01-02t03:04:05.6789-00:30" "0000-00-00"
    "2024-02-29 00:00:00z" "2026-01-30T23:59:60Z" "9999-12-31T23:59:59.999999999+23:59"
    "1799999999000"
    "2026-01-30T00:00:00" "+02026-01-30T00:00:00Z" "2026-01-30T00:00:00.Z"
    "2026-01-30T00:00:00+24:00"
    "0001-01-01T00:00:00+23:59" "2026-1-3T00:00:00Z" "2000-01-01T00:00:00+00:01"
""".split()
_TEXTS: Final = tuple(word for word in _WORDS if word[:1] == b'"' and word[-1:] == b'"')
_DEPTHS: Final = (1, 2, 30, 253, 254, 255, 256, 257, 258, 1000, 3000)
_LENGTHS: Final = (7, 8, 9, 15, 16, 17, 63, 64, 65, 255, 1000, 5000)
_DIGITS: Final = "0123456789"


def nasty_value(chance: Random) -> bytes:
    """A token or a value that is wrong, huge, deep, or merely unusual."""
    match chance.randrange(20):
        case 0 | 1 | 2 | 3 | 4 | 5:
            return chance.choice(_NUMBERS)
        case 6:
            return b'"' + chance.choice(_NUMBERS) + b'"'
        case 7 | 8 | 9 | 10 | 11 | 12 | 13:
            return chance.choice(_WORDS)
        case 14:
            return _number(chance)
        case 15:
            return _deep(chance)
        case 16:
            return b'"' + chance.choice((b"x", b"\xe9\x93\xb6", b"\\n")) * _length(chance) + b'"'
        case 17:
            return b'"' + chance.randbytes(chance.randrange(12)) + b'"'
        case 18:
            return b'"' + chance.choice(_NAMES).encode() + b'"'
        case _:
            return _member(chance)


def _in_place_of(token: bytes, chance: Random) -> bytes:
    """Half the time something of the same type, so that more than the first check is met."""
    if chance.random() < 0.5:
        return nasty_value(chance)
    return chance.choice(_TEXTS if token.startswith(b'"') else _NUMBERS)


def _length(chance: Random) -> int:
    return 70_000 if chance.random() < 0.004 else chance.choice(_LENGTHS)


def _number(chance: Random) -> bytes:
    digits = "".join(chance.choices(_DIGITS, k=chance.randrange(1, 24)))
    point = chance.randrange(len(digits) + 1)
    text = chance.choice(("", "", "-")) + digits[:point]
    text += f".{digits[point:]}" if point < len(digits) and chance.random() < 0.7 else ""
    if chance.random() < 0.3:
        text += (
            f"e{chance.choice(('', '+', '-'))}{chance.choice((0, 1, 4, 17, 40, 308, 400, 10**25))}"
        )
    return f'"{text}"'.encode() if chance.random() < 0.3 else text.encode()


def _deep(chance: Random) -> bytes:
    depth = chance.choice(_DEPTHS[:9]) if chance.random() < 0.97 else chance.choice(_DEPTHS)
    opened, closed = chance.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"b":', b"}]")))
    cut = 1 if chance.random() < 0.15 else 0
    return opened * depth + b"1" + closed * (depth - cut)


def _member(chance: Random) -> bytes:
    """A whole member with its comma, so that keys come twice and unknown ones appear."""
    name = chance.choice(_NAMES) if chance.random() < 0.8 else "k" * _length(chance)
    value = chance.choice(_NUMBERS if chance.random() < 0.5 else _WORDS)
    comma = chance.choice((b",", b", ", b"\t,\r "))
    return b'"' + name.encode() + b'":' + value + comma


def _value(column: Column, chance: Random) -> Any:
    match column.type:
        case ColumnType.TEXT:
            words = (
                "a1",
                "acct-000123",
                "银行卡",
                "😀",
                'q"uote',
                "b\\ack",
                "tab\t",
                "CN",
                "x" * 40,
            )
            return chance.choice(words)
        case ColumnType.TIME:
            seconds = chance.randrange(946_684_800, 1_800_000_000)
            day = f"{2001 + seconds % 25}-{1 + seconds % 12:02}-{1 + seconds % 28:02}"
            zone = chance.choice(("Z", "+08:00", "-05:30", "z"))
            return seconds * 1000 if chance.random() < 0.7 else f"{day}T03:04:05.67{zone}"
        case ColumnType.FLAG:
            return chance.random() < 0.5
        case ColumnType.MONEY:
            cents = chance.randrange(10 ** chance.randrange(1, 10))
            return chance.choice((cents, cents / 100, f"{cents / 100:.2f}"))
        case _:
            return chance.choice((chance.random(), chance.randrange(-1000, 1000), 1e-9, "2.5"))


def make_event(chance: Random) -> bytes:
    """One valid event of any kind with any other columns, written in any of the usual ways."""
    kind = chance.choice(KINDS)
    names = [*REQUIRED[kind], *chance.sample(sorted(COLUMNS), chance.randrange(6))]
    if chance.random() < 0.2:
        names += chance.sample(sorted(EXTRA), 2)
    known = {**COLUMNS, **EXTRA}
    event = {name: _value(known[name], chance) for name in names}
    event |= {"event_id": f"e{chance.randrange(10**9)}", "kind": kind}
    event["event_time"] = _value(COLUMNS["event_time"], chance)
    event["currency"] = chance.choice(("EUR", "CNY", "EUR", "CNY", "JPY", "KWD"))
    if chance.random() < 0.3:
        event["note"] = chance.choice(("银行 😀", [1, {"a": None}], 'x"y\\z', 1.5, {}, None))
    items = list(event.items())
    if chance.random() < 0.4:
        chance.shuffle(items)
    return written(dict(items), chance)


def written(event: Mapping[str, Any], chance: Random) -> bytes:
    """An event as any of the usual encoders writes it."""
    if chance.random() < 0.5:
        return orjson.dumps(event)
    return json.dumps(event, ensure_ascii=chance.random() < 0.5).encode()


class Records:
    """Spoiled records of one seed: a pool of valid ones, and ways to spoil them.

    Parameters
    ----------
    seed
        Of the valid ones.
    wires
        Column → its name in most of the records.
    size
        How many valid ones.
    """

    def __init__(self, seed: int, wires: Mapping[str, str], size: int = 3000) -> None:
        chance = Random(f"records {seed}")
        batches = islice(World(WorldConfig(seed=seed, accounts=500)).batches(skip=60), 6)
        lines = [line for batch in batches for line in batch.lines.splitlines()]
        lines = chance.sample(lines, min(len(lines), size // 2))
        self.pool = lines + [make_event(chance) for _ in range(size - len(lines))]
        for at in range(size * 9 // 10 if wires else 0):
            event = orjson.loads(self.pool[at])
            named = {wires.get(name, name): value for name, value in event.items()}
            self.pool[at] = written(named, chance)
        self._tokens = [_TOKEN.findall(raw) for raw in self.pool]
        self._values = [_values_in(tokens) for tokens in self._tokens]

    def make(self, chance: Random) -> bytes:
        """Make one record, spoiled or not: in its values, its members, its tokens or its bytes."""
        at = chance.randrange(len(self.pool))
        rounds = times(chance, UNTOUCHED)
        if not rounds:
            return self.pool[at]
        other: Sequence[bytes] = self._tokens[chance.randrange(len(self.pool))]
        tokens = list(self._tokens[at])
        by_bytes = rounds if chance.random() < 0.2 else 0
        anywhere = 0
        for _ in range(rounds - by_bytes):
            if chance.random() < 0.65:
                place = chance.choice(self._values[at])
                tokens[place] = _in_place_of(tokens[place], chance)
            else:
                anywhere += 1
        if chance.random() < 0.25:
            tokens.insert(1, _member(chance))
        for _ in range(anywhere):
            spoil_tokens(tokens, chance, other, nasty_value)
        raw = b"".join(tokens)
        for _ in range(by_bytes):
            raw = spoil_bytes(raw, chance, b"".join(other))
        return raw


@lru_cache(maxsize=8)
def records_of(seed: int, wires: tuple[tuple[str, str], ...]) -> Records:
    """The records of a seed, made once."""
    return Records(seed, dict(wires))


def _values_in(tokens: Sequence[bytes]) -> list[int]:
    """Where values begin: the first token after each colon that is not white space."""
    found = []
    for at, token in enumerate(tokens[:-2]):
        if token == b":":
            found.append(at + 2 if tokens[at + 1].isspace() else at + 1)
    return found
