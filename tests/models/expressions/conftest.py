"""Rows as dicts to what the machine takes, and back; shared by the tests of expressions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from models.events import MONEY_SCALE, NULL_INT
from models.expressions.machine import CHUNK, Inputs, run_program
from models.expressions.parsing import Parser
from models.expressions.program import Root, compile_program
from models.expressions.tree import Name, Node, Source
from models.hashing import PADDING, Secret
from models.reference.expressions import Value

Row = Mapping[str, Value]

SOURCES = {
    "price": Source.NUMBER,
    "quantity": Source.NUMBER,
    "amount": Source.MONEY,
    "limit": Source.MONEY,
    "event_time": Source.TIME,
    "cash": Source.FLAG,
    "cross_border": Source.FLAG,
    "channel": Source.TEXT,
    "country": Source.TEXT,
    "pack.paid_1h": Source.FEATURE,
    "pack.payees_8h": Source.FEATURE,
    "pack.last_device": Source.FEATURE_TEXT,
}
_SAME_MATRIX = (
    (Source.NUMBER, Source.FLAG),
    (Source.MONEY, Source.TIME),
    (Source.TEXT,),
    (Source.FEATURE, Source.FEATURE_TEXT),
)


def _matrix(source: Source) -> tuple[Source, ...]:
    return next(group for group in _SAME_MATRIX if source in group)


@dataclass(frozen=True)
class Ran:
    """What the machine wrote: (rules, n), (n,), (numbers, n)."""

    outcomes: NDArray[np.int8]
    touched: NDArray[np.bool_]
    numbers: NDArray[np.float64]


class Harness:
    """Runs trees over rows with the compiled machine."""

    secret = Secret(b"expression tests")

    def __init__(self) -> None:
        self.names = {name: Name(name, source) for name, source in SOURCES.items()}
        # a pack's own features also go by their short names
        short = {name.rpartition(".")[2]: found for name, found in self.names.items()}
        parameters = {
            "ceiling_amount": 100.0,
            "watch": ("CN", "US"),
            "steps": (1.0, 2.5),
            "home": "CN",
        }
        self.parser = Parser({**short, **self.names}, parameters)

    def locate(self, name: Name) -> int:
        group = _matrix(name.source)
        return [n for n, source in SOURCES.items() if source in group].index(name.name)

    def inputs(self, kinds: NDArray[np.int8], rows: Sequence[Row]) -> Inputs:
        shapes = [
            (sum(1 for s in SOURCES.values() if s in group), len(rows)) for group in _SAME_MATRIX
        ]
        numbers, integers = np.full(shapes[0], np.nan), np.full(shapes[1], NULL_INT)
        at, length = np.zeros(shapes[2], np.int32), np.zeros(shapes[2], np.int32)
        hashes, features = np.zeros(shapes[2], np.uint64), np.full(shapes[3], np.nan)
        bits = features.view(np.uint64)
        buffer = bytearray()
        places = [
            (name, self.locate(name), i) for name in self.names.values() for i in range(len(rows))
        ]
        for name, index, i in places:
            value = rows[i][name.name]
            if value is None:
                continue
            match name.source:
                case Source.NUMBER | Source.FLAG:
                    numbers[index, i] = value
                case Source.MONEY:
                    integers[index, i] = round(value * MONEY_SCALE)
                case Source.TIME:
                    integers[index, i] = int(value)
                case Source.TEXT:
                    raw = str(value).encode()
                    at[index, i], length[index, i] = len(buffer), len(raw)
                    hashes[index, i] = self.secret.text(raw)
                    buffer += raw
                case Source.FEATURE:
                    features[index, i] = value
                case Source.FEATURE_TEXT:
                    bits[index, i] = self.secret.text(str(value))
        data = np.frombuffer(bytes(buffer) + bytes(PADDING), np.uint8)
        return Inputs(data, kinds, at, length, hashes, integers, numbers, features, bits)

    def run(
        self, roots: Sequence[Root], rows: Sequence[Row], kinds: NDArray[np.int8] | None = None
    ) -> Ran:
        if kinds is None:
            kinds = np.zeros(len(rows), np.int8)
        program = compile_program(roots, self.secret, self.locate)
        # nothing may depend on what an earlier batch left in the room
        registers = np.full((program.registers[0], CHUNK), 7.25)
        depth = program.registers[1]
        n, height = len(rows), max((root.output for root in roots), default=-1) + 1
        outcomes, touched = np.zeros((height, n), np.int8), np.zeros(n, np.bool_)
        numbers = np.full((height, n), np.nan)
        selections, counts = np.full((depth, CHUNK), 3, np.int64), np.full(depth, 5, np.int64)
        run_program(
            program, self.inputs(kinds, rows), registers, registers.view(np.uint64),
            selections, counts, outcomes, touched, numbers,
        )  # fmt: skip
        return Ran(outcomes, touched, numbers)

    def number(self, node: Node, rows: Sequence[Row]) -> NDArray[np.float64]:
        """One expression's numbers on rows of one kind."""
        return self.run([Root(node, 0, 1, is_rule=False)], rows).numbers[0]


@pytest.fixture(scope="session")
def harness():
    return Harness()


@pytest.fixture(scope="session")
def row():
    """Make a row of NULLs with the given values in it."""

    def make(**values: Value) -> Row:
        short = {name.rpartition(".")[2]: name for name in SOURCES}
        return dict.fromkeys(SOURCES) | {short[name]: value for name, value in values.items()}

    return make
