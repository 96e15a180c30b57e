"""The machine against its definition, `models.reference.expressions`, on random trees."""

import math
import struct
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.expressions.codes import CLEAN, HIT, INSUFFICIENT
from models.expressions.machine import CHUNK
from models.expressions.program import Root
from models.expressions.tree import SOURCE_TYPE, Call, Constant, Name, Source, Type
from models.reference.expressions import evaluate

KINDS_ALL = (1 << 13) - 1
ROWS = CHUNK + 30
WORDS = ["CN", "US", "card", "卡", "café", "a%b", "a_b", "x" * 40, "aab", "ab"]
PATTERNS = [
    "%",
    "_",
    "__",
    "",
    "a%b",
    "%a%",
    "_b",
    "卡",
    "%é",
    "caf_",
    "x%x",
    "%%b",
    "a_b",
    "%aab%",
]
AWKWARD = [
    0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 4503599627370497.0, 1e15 + 0.3,
    9007199254740992.0, 1e308, -1e308, 5e-324, 1.0, 2.0, -1.0, 3.0, 100.0, 0.1,
]  # fmt: skip
NUMBERS = st.sampled_from(AWKWARD) | st.floats(allow_nan=False, allow_infinity=False)
MONEY = st.sampled_from([0.0, 0.5, 1.0, -1.0, 100.0, 99.99]) | st.integers(
    -9_007_199_254_740_992, 9_007_199_254_740_992
).map(lambda minor: minor / 10_000)
VALUES = {
    Source.NUMBER: NUMBERS,
    Source.FEATURE: NUMBERS,
    Source.MONEY: MONEY,
    Source.TIME: st.integers(946_684_800_000, 4_000_000_000_000).map(float),
    Source.FLAG: st.booleans(),
    Source.TEXT: st.sampled_from(WORDS),
    Source.FEATURE_TEXT: st.sampled_from(WORDS),
}
ARITHMETIC = ["+", "-", "*", "/", "%", "least", "greatest"]
COMPARISONS = ["=", "<>", "<", "<=", ">", ">="]
UNARY = ["neg", "abs", "ceil", "floor", "round", "sign", "sqrt"]
CONSTANTS = [
    *(Constant(x, Type.NUMBER) for x in (*AWKWARD, None)),
    *(Constant(x, Type.FLAG) for x in (True, False)),
    *(Constant(x, Type.TEXT) for x in WORDS),
]


@st.composite
def rows_of(draw, names):
    columns = {name: st.none() | VALUES[found.source] for name, found in names.items()}
    return draw(st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=9))


def grown(draw, pool):
    """One more node over those of the pool, so that sub-expressions come to be shared."""

    def pick(wanted):
        # the newest half of the time, for depth
        found = [node for node in pool if node.type is wanted]
        return found[-1] if draw(st.booleans()) else draw(st.sampled_from(found))

    def some(wanted):
        return tuple(pick(wanted) for _ in range(draw(st.integers(2, 4))))

    number, flag, text = Type.NUMBER, Type.FLAG, Type.TEXT
    any_type = st.sampled_from([number, flag, text])
    match draw(st.integers(0, 13)):
        case 0 | 1:
            operator = draw(st.sampled_from(ARITHMETIC))
            return Call(operator, (pick(number), pick(number)), number)
        case 2:
            return Call(draw(st.sampled_from(UNARY)), (pick(number),), number)
        case 3 | 4:
            return Call(draw(st.sampled_from(COMPARISONS)), (pick(number), pick(number)), flag)
        case 5 | 6:
            return Call(draw(st.sampled_from(["and", "or"])), some(flag), flag)
        case 7:
            return Call("not", (pick(flag),), flag)
        case 8:
            wanted = draw(any_type)
            woven = [n for _ in range(draw(st.integers(1, 3))) for n in (pick(flag), pick(wanted))]
            return Call("case", (*woven, pick(wanted)), wanted)
        case 9:
            wanted = draw(any_type)
            return Call("coalesce", some(wanted), wanted)
        case 10:
            wanted = draw(any_type)
            listed = [c for c in CONSTANTS if c.type is wanted]
            values = draw(st.lists(st.sampled_from(listed), min_size=1, max_size=5))
            return Call("in", (pick(wanted), *values), flag)
        case 11:
            names = [n for n in pool if isinstance(n, Name) and n.source is Source.TEXT]
            pattern = Constant(draw(st.sampled_from(PATTERNS)), text)
            return Call("like", (draw(st.sampled_from(names)), pattern), flag)
        case 12:
            return Call(draw(st.sampled_from(["=", "<>"])), (pick(text), pick(text)), flag)
        case _:
            return Call("is_null", (pick(draw(any_type)),), flag)


@st.composite
def pools(draw, names, steps=14):
    pool = [*CONSTANTS, *names.values()]
    start = len(pool)
    for _ in range(draw(st.integers(1, steps))):
        pool.append(grown(draw, pool))
    return pool[start:]


def roots_of(nodes, masks):
    numbered = enumerate(zip(nodes, masks, strict=True))
    return [
        Root(node, i, mask, node.type is Type.FLAG)
        for i, (node, mask) in numbered
        if node.type is not Type.TEXT
    ]


def as_outcome(value):
    if value is None:
        return INSUFFICIENT
    return HIT if value else CLEAN


def bits(value):
    """Show what a number column holds, to the bit; every NULL is one."""
    return "NULL" if value is None or math.isnan(value) else struct.pack("<d", value)


def expected(root, row, kind):
    if not root.kinds >> kind & 1:
        return CLEAN if root.is_rule else None
    value = evaluate(root.node, row)
    return as_outcome(value) if root.is_rule else value


SIZES = st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2000]) | st.integers(2, 30)


@settings(max_examples=2 * settings.default.max_examples)
@given(n=SIZES, data=st.data())
def test_machine_is_the_reference(harness, n, data):
    distinct = data.draw(rows_of(harness.names), label="rows")
    pool = data.draw(pools(harness.names), label="pool")
    chosen = data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=6), label="chosen")
    masks = [data.draw(st.sampled_from([1, 2, 3, 6, KINDS_ALL])) for _ in chosen]
    roots = roots_of(chosen, masks)
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    order = random.integers(0, len(distinct), n)
    kinds = random.integers(0, 4, n).astype(np.int8)
    ran = harness.run(roots, [distinct[i] for i in order], kinds)
    touched = np.zeros(n, np.bool_)
    for root in roots:
        table = [[expected(root, row, kind) for row in distinct] for kind in range(4)]
        wanted = [table[kind][i] for kind, i in zip(kinds, order, strict=True)]
        if root.is_rule:
            assert ran.outcomes[root.output].tolist() == wanted
            touched |= np.array(wanted, np.int8) == HIT
        else:
            found = ran.numbers[root.output].tolist()
            assert [bits(x) for x in found] == [bits(x) for x in wanted]
    assert ran.touched.tolist() == touched.tolist()


@given(data=st.data())
def test_any_cut_of_the_rows_gives_the_same(harness, data):
    distinct = data.draw(rows_of(harness.names))
    pool = data.draw(pools(harness.names))
    roots = roots_of(pool, [KINDS_ALL] * len(pool))
    rows = [distinct[i % len(distinct)] for i in range(ROWS)]
    kinds = (np.arange(ROWS) % 3).astype(np.int8)
    whole = harness.run(roots, rows, kinds)
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, ROWS), max_size=3))), ROWS]
    spans = list(pairwise(cuts))
    parts = [harness.run(roots, rows[low:high], kinds[low:high]) for low, high in spans]
    joined = np.concatenate([part.outcomes for part in parts], axis=1)
    assert np.array_equal(joined, whole.outcomes)
    numbers = np.concatenate([part.numbers for part in parts], axis=1)
    assert np.array_equal(numbers.view(np.uint64), whole.numbers.view(np.uint64))


def as_sql(node):
    """Write a checked tree as an analyst could."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Constant):
        if node.value is None:
            return "NULL"
        quoted = str(node.value).replace("'", "''")
        return f"'{quoted}'" if node.type is Type.TEXT else str(node.value).upper()
    parts = [as_sql(argument) for argument in node.arguments]
    match node.operator:
        case "and" | "or":
            return "(" + f" {node.operator.upper()} ".join(parts) + ")"
        case "not":
            return f"(NOT {parts[0]})"
        case "neg":
            return f"(- {parts[0]})"
        case "in":
            return f"({parts[0]} IN ({', '.join(parts[1:])}))"
        case "like":
            return f"({parts[0]} LIKE {parts[1]})"
        case "is_null":
            return f"({parts[0]} IS NULL)"
        case "case":
            woven = zip(parts[:-1:2], parts[1::2], strict=True)
            branches = " ".join(f"WHEN {when} THEN {then}" for when, then in woven)
            return f"CASE {branches} ELSE {parts[-1]} END"
        case operator if operator.isalpha():
            return f"{operator}({', '.join(parts)})"
        case operator:
            return f"({parts[0]} {operator} {parts[1]})"


def compares_null(node):
    """Whether the parser refuses it: an analyst means IS NULL by that."""
    if not isinstance(node, Call):
        return False
    nulls = any(isinstance(a, Constant) and a.value is None for a in node.arguments)
    found = node.operator in COMPARISONS and nulls
    return found or any(compares_null(argument) for argument in node.arguments)


@given(data=st.data())
def test_a_tree_written_as_sql_means_the_same(harness, data):
    node = data.draw(pools(harness.names, steps=5))[-1]
    if compares_null(node):
        return
    parsed = harness.parser.parse(as_sql(node), node.type)
    for row in data.draw(rows_of(harness.names)):
        found, wanted = evaluate(parsed, row), evaluate(node, row)
        assert found == wanted
        if isinstance(wanted, float):
            assert bits(found) == bits(wanted)


def test_every_source_is_tried():
    assert set(SOURCE_TYPE) == set(Source) == set(VALUES)
