"""YAML's traps stay shut, and hostile files end in a ConfigError, soon."""

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import expressions as sql

from config.packs import load_pack
from config.words import RESERVED
from config.yaml_nodes import Scalar
from config.yaml_reader import parse_document, read_document
from models.errors import ConfigError
from models.events import COLUMNS

PACK = """\
pack: p
on: [payment]
map: {kind: {constant: payment}}
params: {watch: [IR, NO], ceiling: 10}
features:
  n: {count: "*", by: account, over: 1m, where: "amount > 1"}
  z: {sum: amount, by: [account], over: "month(UTC)"}
detectors:
  o: {model: half_space_trees, features: [n], limits: {n: [0, 1]}}
rules:
  - id: A
    name: &name {en: a, zh: b}
    when: |
      n > 1
    subject: account
    severity: {high: TRUE}
    because: *name
    examples: [{fires: true, events: [{account: a, at: 1s}]}]
"""


def value(text: str) -> object:
    found = parse_document(f"a: {text}", "f").data()["a"]
    return found.value if isinstance(found, Scalar) else found


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "NO", "y", "n", "Yes", "OFF"])
def test_only_true_and_false_are_flags(word: str) -> None:
    assert value(word) == word
    assert list(parse_document(f"{word}: 1", "f").data()) == [word]


@pytest.mark.parametrize(
    "text",
    ["1:30", "2026-01-31", "2026-01-31T08:00:00Z", "0042", "0x1F", "0o17", "1_000", "1e", "e1", "+",
     ".", "-.", ".inf", ".nan", "1e999", "9" * 400, "1.2.3", "=", "<<", "12e03x"],
)  # fmt: skip
def test_stays_text(text: str) -> None:
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("FALSE", False), ("~", None), ("", None), ("null", None), ("0", 0),
     ("-12", -12), ("+3", 3), ("1.50", 1.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0),
     ("'true'", "true"), ('"1"', "1"), ("'~'", "~")],
)  # fmt: skip
def test_core_values(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a: x", 1, 4), ("a: 'x'", 1, 5), ('a: "x"', 1, 5), ("a: &b x", 1, 7), ("a: &b 'x'", 1, 8),
     ("a:\n  x", 2, 3), ("a: |\n  x", 2, 3), ("a: >-  # why\n\n    x", 3, 5), ("a: &b\n  x", 2, 3),
     ("a: &b |\n  x", 2, 3), ("\ufeffa: x", 1, 4), ("é: 高 # x", 1, 4), ("a: x\r\n", 1, 4),
     ('{"a": x}', 1, 7)],
)  # fmt: skip
def test_places(tmp_path: Path, text: str, line: int, column: int) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(text.encode())
    document = read_document(path)
    (key,) = document.data()
    place = document.place(key)
    assert (place.line, place.column) == (line, column)


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(12)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000))

HOSTILE = {
    "python object": ("pack: !!python/object/apply:os.system ['true']", "tags such as"),
    "python name": ("pack: !!python/name:os.system x", "tags such as"),
    "standard tag": ("pack: !!str x", "tags such as"),
    "own tag": ("pack: !secret x", "tags such as"),
    "binary": ("pack: !!binary aGVsbG8=", "tags such as"),
    "billion laughs": (LAUGHS, "over 100000 values"),
    "alias chain": (CHAIN, "nested more than"),
    "alias to itself": ("a: &a [*a]", "no anchor is called a"),
    "unknown alias": ("a: *b", "no anchor is called b"),
    "10 MB": ("# " + "x" * 10_000_000, "over 1048576 bytes"),
    "many values": ("a: [" + "x," * 200_000 + "]", "over 100000 values"),
    "deep lists": ("[" * 500_000, "nested more than 32 deep"),
    "deep mappings": ("{a: " * 200_000, "nested more than 32 deep"),
    "deep blocks": ("".join(" " * i + "a:\n" for i in range(1000)), "nested more than 32 deep"),
    "dashes": ("- " * 300_000, "nested more than 32 deep"),
    "NUL": ("pack: a\0b", "U+0000"),
    "escaped NUL": ('pack: "a\\0b"', "not readable"),
    "surrogate escape": ('pack: "\\ud800"', "not readable"),
    "impossible escape": ('pack: "\\UFFFFFFFF"', "bad escape"),
    "control character": ("pack: a\x1b[31m", "U+001B"),
    "line separator": ("pack: a\u2028b: c", "U+2028"),
    "invalid UTF-8": (b"pack: \xff\xfe", "byte 0xff is not UTF-8"),
    "UTF-16": ("pack: a".encode("utf-16"), "is not UTF-8"),
    "cut off": ("高".encode()[:2], "is not UTF-8"),
    "empty": ("", "empty"),
    "comment": ("# nothing\n", "empty"),
    "text": ("hello", "must be a mapping"),
    "list": ("[]", "must be a mapping"),
    "two documents": ("pack: a\n---\npack: b\n", "second document"),
    "huge version": (f"%YAML {'9' * 5000}.1\n---\npack: a\n", "bad escape"),
    "huge number": (f"pack: a\nevent_cap: {'9' * 100_000}", "is not a number"),
    "huge key": ("x" * 1000 + ": 1", "no key here"),
    "huge word": ("pack: a\non: " + "x" * 900_000, "no event kind"),
    "bracket key": ("{[a]: b}", "a key must be one word"),
    "empty key": ('"": b', "no key here"),
    "zone outside": (PACK.replace("month(UTC)", "day(../../etc/passwd)"), "no time zone"),
    "wide format": (PACK.replace("*name", "{en: '{n:>999999999}', zh: b}"), "number format"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(fault: Callable, name: str) -> None:
    text, message = HOSTILE[name]
    found = fault(text)
    assert message in found[2]
    assert len(found[2]) + len(found[3]) < 1000


def load_or_refuse(raw: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(raw)
        file.flush()
        with contextlib.suppress(ConfigError):
            load_pack(file.name)


PIECES = [": ", "{", "}", "[", "]", "*a", "&a ", "'", '"', "\n", "  ", "\t", "- ", "? ", "|", ">",
          "!!str ", "---", "~", "null", "1", "-1", "1e5", "true", "{x: y}", "[x]", "\\", "%", "#",
          "\r", "<<: ", "over", "on", "by", "of", "last: [lat]", "*name", "\u2029", "高", "\x00",
          "{constant: a}", "[[a]]", "[{}]", "{n}", "{{", "{}", "''", "0s"]  # fmt: skip
CUTS = st.tuples(st.integers(0, len(PACK)), st.integers(0, 12), st.sampled_from(PIECES))


@settings(max_examples=250)
@given(st.lists(CUTS, min_size=1, max_size=3))
def test_mutated_packs_load_or_are_refused(cuts: list[tuple[int, int, str]]) -> None:
    text = PACK
    for at, removed, piece in cuts:
        text = text[:at] + piece + text[at + removed :]
    load_or_refuse(text.encode())


TREES = st.recursive(
    st.sampled_from(["x", "1", "~", "'a b'", "true", "payment", "account", "1m", "'*'", "low"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda xs: f"[{', '.join(xs)}]"),
        st.dictionaries(
            st.sampled_from(["id", "en", "zh", "constant", "name", "count", "by", "model", "fires",
                             "events", "at", "repeat", "every", "account", "features", "limits",
                             "options", "low", "last", "self", "cls", "data"]), inner, max_size=4,
        ).map(lambda d: "{" + ", ".join(f"{k}: {v}" for k, v in d.items()) + "}"),
    ),
    max_leaves=8,
)  # fmt: skip
SPOTS = [line.split(": ", 1)[1] for line in PACK.splitlines() if ": " in line]


@settings(max_examples=250)
@given(st.sampled_from(SPOTS), TREES)
def test_any_value_anywhere_loads_or_is_refused(spot: str, tree: str) -> None:
    load_or_refuse(PACK.replace(spot, tree, 1).encode())


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(raw: bytes) -> None:
    load_or_refuse(raw)


def test_the_unmutated_pack_loads() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(PACK)
        file.flush()
        assert load_pack(file.name).rules[0].because == {"en": "a", "zh": "b"}


def test_canonical_columns_are_no_reserved_words() -> None:
    assert not RESERVED & set(COLUMNS)


@pytest.mark.parametrize("word", ["count", "limit", "share", "day", "first", "payments_1m"])
def test_ordinary_names_are_columns_to_the_parser(word: str) -> None:
    assert word not in RESERVED
    assert isinstance(sqlglot.parse_one(f"{word} > 1").this, sql.Column)
