"""What YAML has that a loader stumbles over, and ways to spoil a text by lines and tokens."""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from benchmarks.fuzz.mutation import spoil_bytes, spoil_tokens, times

_TOKEN: Final = re.compile(
    r"'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"|[A-Za-z_][\w.]*|[0-9.]+[a-z]*|\n *|[ \t]+|.", re.DOTALL
)
_VALUE: Final = re.compile(r"[0-9]")
"""How numbers and durations begin."""
_WORDS: Final = tuple(
    r"""
    !!python/object/apply:os.system !!python/object/new:os.system !!python/name:os.system !!binary
    !!python/module:os !!int !!str !!set !!omap !!timestamp !x !<tag:x> !!map !!seq !!null ! !!
    &a *a &a* << ? ?x - : , [ ] { } | > |- >+ |9 >9 |+2 @ ` % # & * ! ~ null Null yes no on off true
    TRUE .inf -.inf .nan 0x1F 0o17 0b1 1_000 1e3 1e308 1e309 1e999 -1 0 00 0042 1.5 -0.0 +1 1:30
    12:30:45 2024-01-01 2024-01-01T00:00:00Z 999999999999999999 9999999999999999999999999999999999
    1000000 1000001 4294967296 0.000000000000000000000000000000000000001 '' "" ' " "\x00" "\ud800"
    "\U0010ffff" "\UFFFFFFFF" "\xg" "\u12" "\ " "\N" "\_" "\L" "\P" "\e" "\" '\' "a\
    =  -- --- ... %YAML %TAG __class__ __init__ __dict__ model_fields model_config pack on map
    params
    features detectors rules examples when where because severity count sum last previous since by
    of
    over distinct share account customer amount amount_base event_time kind card nope 银行 é 😀
    live draft shadow retired critical medium low payment login order label half_space_trees river
    river.anomaly.HalfSpaceTrees river.os.System river.anomaly.__class__ river...X os.system
    """.split()  # noqa: SIM905 - a list of quoted words reads worse
)
_DURATIONS: Final = tuple(
    """
    0s 1ms 1m 1h 90d 3660d 3661d 999999999999w 1h30m 1m1h 1.5h -1h 1 1y 1M all day(UTC) day() day
    month(UTC) month(Asia/Shanghai) day(../../../../etc/passwd) day(/etc/passwd) day(Asia) day(UTC
    day(America/New_York) day(localtime) day(posixrules) month(right/UTC) session(1h) since(x)
    day(Asia/Kathmandu) week(UTC) 1d1h1m1s1ms 60001d 00s
    """.split()  # noqa: SIM905
)
_TEMPLATES: Final = (
    '"{amount!r}"', '"{0}"', '"{}"', '"{amount.__class__}"', '"{amount:>99999999999}"', '"{{"',
    '"}"',
    '"{amount:{amount}}"', '"{amount[0]}"', '"{amount:%s}"', '"{amount:99.99f}"', '"{amount:,d}"',
    '"{amount:s}"', '"{amount:e}{amount:g}{amount:%}"', '"{account}"', '"{a.b.c}"', '"{amount:}"',
    '"{card}{event_time:,.2f}"', '"{amount:^+010,.3f}"', '"{amount"', '"{kind:d}"',
)  # fmt: skip
_PATHS: Final = (
    "../../../../../../etc/passwd", "/etc/passwd", "/dev/zero", "/dev/stdin", "/proc/self/mem", "~",
    "file:///etc/passwd", "http://169.254.169.254/", "$HOME/x", "C:\\x", "//host/share", ".",
    "..", "/",
    "a/../b", "x" * 5000, "/" * 3000, "'a\\0b'", "|id", "`id`", "$(id)", "*", "?", "\\\\x",
    "redis://",
    "redis://u:p@h:99999/0", "unix:///x", "none", "NONE", "localhost:9092,,", "h:1:2", "[::1]:9092",
)  # fmt: skip
_BLOCKS: Final = (
    (
        "\na: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
        "c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\n"
        "e: &e [*d, *d, *d, *d, *d, *d, *d, *d]\n"
    ),
    "\nx: &x\n  y: *x\n", "\n<<: *a\n", "\n<<: {pack: x}\n", "\n? [a, b]\n: c\n",
    "\n? {a: b}\n: c\n",
    "\n--- \nsecond: document\n", "\n...\n", "\n%YAML 1.1\n---\n",
    "\n%YAML 99999999999999999999.1\n---\n",
    "\n%TAG ! tag:x,2000:\n---\n", "\n!!python/object/apply:os.system [id]\n", "\n\t- x\n",
    "\n# comment\n",
    '\n"key": !!python/name:os.system\n', "\n- - - - - x\n", "\n? \n? \n", "\n: x\n",
    "\n'a': 1\n\"a\": 2\n",
    "\n  - id: F01\n", "\nparams: {a: [1, x]}\n", "\nparams: {limit: [1, 2, 3]}\n", "\non: []\n",
    "\non: {}\n",
    "\nfeatures: {}\n", "\nrules: []\n",
    "\ncolumns: {x: text, y: money, z: flag, event_time: text}\n",
    "\nmap: {amount: amt, kind: {constant: payment}}\n", "\nmap: {amount: {constant: x}}\n",
    "\nmap: {account: acct, counterparty: acct}\n", "\nmap: {kind: {constant: nope}}\n",
    "\nevent_cap: 4\n",
)  # fmt: skip


def nasty_yaml(chance: Random) -> str:
    """A token that means something else than it looks like, or nothing at all."""
    sort = chance.random()
    if sort < 0.5:
        word = chance.choice(_WORDS)
        return f" {word} " if chance.random() < 0.4 else word
    if sort < 0.65:
        return chance.choice(_DURATIONS)
    if sort < 0.73:
        return chance.choice(_TEMPLATES)
    if sort < 0.8:
        return chance.choice(_PATHS)
    if sort < 0.9:
        return chance.choice(_BLOCKS)
    if sort < 0.95:
        return str(chance.choice((-1, 1)) * chance.randrange(10 ** chance.randrange(1, 25)))
    return _large(chance)


def _large(chance: Random) -> str:
    """Deep, long or wide."""
    count = chance.choice((5, 31, 32, 33, 200, 2000))
    match chance.randrange(7):
        case 0:
            return "[" * count + "x" + "]" * count
        case 1:
            return "{a: " * count + "x" + "}" * count
        case 2:
            return "\n" + "".join(f"{'  ' * i}k:\n" for i in range(min(count, 200)))
        case 3:
            return "x" * count * 20
        case 4:
            return "[" + ", ".join(["x"] * count) + "]"
        case 5:
            return "\n- " + "- " * count + "x\n"
        case _:
            return "{" + ", ".join(f"k{i}: {i}" for i in range(count)) + "}"


def spoil_yaml(
    text: str, other: str, chance: Random, nasty: Callable[[Random], str], untouched: float
) -> bytes:
    """Spoil a file by its tokens, its lines and its bytes; or leave it as it is."""
    rounds = times(chance, untouched)
    if not rounds:
        return text.encode()
    tokens, others = _TOKEN.findall(text), _TOKEN.findall(other)
    in_bytes = 0
    for _ in range(rounds):
        sort = chance.random()
        if sort < 0.5:
            _spoil_value(tokens, chance, nasty)
        elif sort < 0.75:
            spoil_tokens(tokens, chance, others, nasty)
        elif sort < 0.94:
            tokens = _TOKEN.findall(_spoil_lines("".join(tokens), other, chance))
        else:
            in_bytes += 1
    raw = "".join(tokens).encode("utf-8", "surrogatepass")
    for _ in range(in_bytes):
        raw = spoil_bytes(raw, chance, other.encode())
    return raw


def _spoil_value(tokens: list[str], chance: Random, nasty: Callable[[Random], str]) -> None:
    """Put something else where a number, a duration or a quoted text stands."""
    places = [at for at, token in enumerate(tokens) if _VALUE.match(token) or token[0] in "'\""]
    if not places:
        tokens.append(nasty(chance))
        return
    at = chance.choice(places)
    if _VALUE.match(tokens[at]) and chance.random() < 0.6:
        number = chance.randrange(10 ** chance.randrange(1, 20))
        tokens[at] = chance.choice((str(number), chance.choice(_DURATIONS), "1e6", "-1", "0"))
    elif chance.random() < 0.5:
        tokens[at] = f"'{nasty(chance).strip().replace(chr(39), chr(39) * 2)}'"
    else:
        tokens[at] = nasty(chance)


def _spoil_lines(text: str, other: str, chance: Random) -> str:
    lines, others = text.split("\n"), other.split("\n")
    at = chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            lines.insert(chance.randrange(len(lines)), lines[at])
        case 1:
            del lines[at]
        case 2:
            lines[at] = " " * chance.randrange(8) + lines[at].lstrip()
        case 3:
            to = chance.randrange(len(lines))
            lines[at], lines[to] = lines[to], lines[at]
        case 4:
            lines.insert(at, chance.choice(others))
        case _:
            begin = chance.randrange(len(others))
            lines[at:at] = others[begin : begin + chance.randrange(1, 8)]
    return "\n".join(lines)


def pick(words: Sequence[str], chance: Random) -> str:
    """One of them, quoted as YAML wants it more often than not."""
    word = chance.choice(words)
    quoted = word.replace("'", "''")
    return f"'{quoted}'" if chance.random() < 0.7 else word
