"""Checked trees to one program for the expression machine.

Terms of a conjunction that read only the event itself run first, and each term runs only on the
rows that the earlier ones left undecided. Sub-expressions that occur more than once run once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.expressions import codes
from models.expressions.tree import Call, Constant, Name, Node, Source, Type, names_in
from models.features.calendar import zone_offsets
from models.hashing import Secret

_LOADS: Final = {
    Source.NUMBER: codes.LOAD_NUMBER,
    Source.FLAG: codes.LOAD_NUMBER,
    Source.MONEY: codes.LOAD_MONEY,
    Source.TIME: codes.LOAD_TIME,
    Source.TEXT: codes.LOAD_TEXT,
    Source.FEATURE: codes.LOAD_FEATURE,
    Source.FEATURE_TEXT: codes.LOAD_FEATURE_TEXT,
}


@dataclass(frozen=True, slots=True)
class Root:
    """An expression to run: where its result goes and on which kinds of events.

    Attributes
    ----------
    node
        The checked expression.
    output
        Row of the outcome matrix (`is_rule`) or of the number matrix.
    kinds
        Bit mask of `models.events.KINDS`.
    is_rule
        Whether the result is an outcome (hit, clean, insufficient) or a number.
    """

    node: Node
    output: int
    kinds: int
    is_rule: bool


class Program(NamedTuple):
    """Instructions and constants, as the machine takes them.

    Attributes
    ----------
    instructions
        (n, 5) int64.
    numbers, texts
        Constants; `texts` are hashes, lists sorted.
    patterns, pattern_at
        Bytes of LIKE patterns, and where each begins.
    registers
        How many registers and how deep the selections go.
    """

    instructions: NDArray[np.int64]
    numbers: NDArray[np.float64]
    texts: NDArray[np.uint64]
    patterns: NDArray[np.uint8]
    pattern_at: NDArray[np.int64]
    registers: NDArray[np.int64]


def compile_program(
    roots: Sequence[Root], secret: Secret, locate: Callable[[Name], int]
) -> Program:
    """Compile all roots; those of the same kinds share a selection and sub-expressions.

    `locate` gives the row of a column or feature in the matrix of its source.
    """
    compiler = _Compiler(secret, locate)
    for kinds in sorted({root.kinds for root in roots}):
        compiler.group(kinds, [root for root in roots if root.kinds == kinds])
    return compiler.finish()


def _sharable(node: Node) -> Iterator[Node]:
    """Parts worth computing once for every row: columns of the event, and what is built of them.

    Features are left where they stand: most rows are decided before one is needed.
    """
    if isinstance(node, Name) and node.of_event:
        yield node
    if isinstance(node, Call):
        if node.operator not in ("and", "or"):
            yield node
        if node.operator == "in" and isinstance(node.arguments[0], Call):
            # compared with each number of the list, so worth a register of its own
            yield node.arguments[0]
        for argument in node.arguments:
            yield from _sharable(argument)


def _cost(node: Node) -> int:
    """Terms over the event alone come first: they need no window and decide most rows."""
    return 0 if all(name.of_event for name in names_in(node)) else 1


class _Compiler:
    def __init__(self, secret: Secret, locate: Callable[[Name], int]) -> None:
        self.secret = secret
        self.locate = locate
        self.code: list[list[int]] = []
        self.numbers: list[float] = []
        self.texts: list[int] = []
        self.patterns: list[bytes] = []
        self.zones: dict[Node, tuple[int, int]] = {}
        self.shared: dict[Node, int] = {}
        self.deepest = 0
        self.most_registers = 1

    def group(self, kinds: int, roots: Sequence[Root]) -> None:
        self.shared = {}
        head = self._emit(codes.KINDS, 0, kinds)
        counted = Counter(part for root in roots for part in _sharable(root.node))
        repeated = [part for part, times in counted.items() if times > 1]
        # inner ones first, so that outer ones find them
        for part in sorted(repeated, key=lambda p: sum(1 for _ in _sharable(p))):
            register = len(self.shared)
            found = self._node(part, register, 0)
            if found == register:
                self.shared[part] = register
        for root in roots:
            self._root(root)
        self.code[head][3] = len(self.code)

    def _root(self, root: Root) -> None:
        base = len(self.shared)
        out = codes.OUT_RULE if root.is_rule else codes.OUT_NUMBER
        node = root.node
        if root.is_rule and isinstance(node, Call) and node.operator == "and":
            # the outcome is written while only undecided rows are selected: the rest is clean
            self._logic(node, base, 0, finish=(out, root.output))
        else:
            self._emit(out, 0, self._node(node, base, 0), root.output)

    def _emit(self, code: int, target: int, a: int = 0, b: int = 0, c: int = 0) -> int:
        self.most_registers = max(self.most_registers, target + 1)
        self.code.append([code, target, a, b, c])
        return len(self.code) - 1

    def _node(self, node: Node, free: int, depth: int) -> int:
        """Emit code that leaves the node's value in the register returned."""
        if node in self.shared:
            return self.shared[node]
        if isinstance(node, Name):
            self._emit(_LOADS[node.source], free, self.locate(node))
            return free
        if isinstance(node, Constant):
            return self._constant(node, free)
        if node.operator in ("and", "or"):
            return self._logic(node, free, depth)
        return self._call(node, free, depth)

    def _constant(self, node: Constant, free: int) -> int:
        if node.type is Type.TEXT:
            self.texts.append(self.secret.text(str(node.value)) if node.value is not None else 0)
            self._emit(codes.CONSTANT_TEXT, free, len(self.texts) - 1)
        else:
            self.numbers.append(np.nan if node.value is None else float(node.value))
            self._emit(codes.CONSTANT, free, len(self.numbers) - 1)
        return free

    def _logic(
        self, node: Call, free: int, depth: int, finish: tuple[int, int] | None = None
    ) -> int:
        is_and = node.operator == "and"
        self.deepest = max(self.deepest, depth + 1)
        step, steps = codes.FIRST_AND if is_and else codes.FIRST_OR, []
        inside = depth
        for term in sorted(node.arguments, key=_cost):
            register = self._node(term, free + 1, inside)
            steps.append(self._emit(step, free, register, 0, depth + 1))
            step, inside = codes.STEP_AND if is_and else codes.STEP_OR, depth + 1
        if finish:
            self._emit(finish[0], 0, free, finish[1])
        end = self._emit(codes.END_LOGIC, free, depth)
        for step in steps:
            self.code[step][3] = end
        return free

    def _call(self, node: Call, free: int, depth: int) -> int:
        arguments, operator = node.arguments, node.operator
        if operator == "in":
            return self._in(node, free, depth)
        if operator == "like":
            found = self._node(arguments[0], free, depth)
            name, pattern = arguments
            assert isinstance(name, Name) and isinstance(pattern, Constant)  # noqa: PT018
            self.patterns.append(str(pattern.value).encode())
            self._emit(codes.LIKE, free, found, self.locate(name), len(self.patterns) - 1)
            return free
        if operator == "case":
            return self._case(node, free, depth)
        if operator == "km":
            for place, argument in enumerate(arguments):
                found = self._node(argument, free + place, depth)
                if found != free + place:
                    self._emit(codes.COALESCE, free + place, found, found)
            self._emit(codes.KM, free, free)
            return free
        if operator in codes.LOCAL:
            found = self._node(arguments[0], free, depth)
            start, count = self._offsets(arguments[1])
            self._emit(codes.LOCAL[operator], free, found, start, count)
            return free
        first = self._typed(arguments[0], node.type, free, depth)
        if operator == "is_null":
            is_text = arguments[0].type is Type.TEXT
            self._emit(codes.IS_NULL_TEXT if is_text else codes.IS_NULL, free, first)
            return free
        if operator in codes.UNARY:
            self._emit(codes.UNARY[operator], free, first)
            return free
        for argument in arguments[1:]:
            second = self._typed(argument, node.type, free + 1, depth)
            self._emit(self._binary(node, arguments[0]), free, first, second)
            first = free
        return first

    def _offsets(self, zone: Node) -> tuple[int, int]:
        """Where a zone's changes stand among the numbers, first when and then what; how many."""
        assert isinstance(zone, Constant)
        if zone not in self.zones:
            times, offsets = zone_offsets(str(zone.value))
            self.zones[zone] = len(self.numbers), len(times)
            self.numbers.extend([*times, *offsets])
        return self.zones[zone]

    def _typed(self, node: Node, wanted: Type, free: int, depth: int) -> int:
        """A NULL constant among texts is a text."""
        if isinstance(node, Constant) and node.value is None and wanted is Type.TEXT:
            node = Constant(None, Type.TEXT)
        return self._node(node, free, depth)

    def _binary(self, node: Call, first: Node) -> int:
        text = first.type is Type.TEXT
        match node.operator:
            case "=" if text:
                return codes.TEXT_EQUAL
            case "<>" if text:
                return codes.TEXT_NOT_EQUAL
            case "coalesce":
                return codes.COALESCE_TEXT if node.type is Type.TEXT else codes.COALESCE
            case "least":
                return codes.LEAST
            case "greatest":
                return codes.GREATEST
        return codes.BINARY[node.operator]

    def _in(self, node: Call, free: int, depth: int) -> int:
        needle, values = node.arguments[0], node.arguments[1:]
        if needle.type is Type.TEXT:
            found = self._node(needle, free, depth)
            hashes = sorted(
                self.secret.text(str(value.value))
                for value in values
                if isinstance(value, Constant)
            )
            start = len(self.texts)
            self.texts.extend(hashes)
            self._emit(codes.TEXT_IN, free, found, start, len(self.texts))
            return free
        terms = tuple(Call("=", (needle, value), Type.FLAG) for value in values)
        return self._logic(Call("or", terms, Type.FLAG), free, depth)

    def _case(self, node: Call, free: int, depth: int) -> int:
        *branches, otherwise = node.arguments
        found = self._typed(otherwise, node.type, free, depth)
        for at in range(len(branches) - 2, -1, -2):
            condition = self._node(branches[at], free + 1, depth)
            value = self._typed(branches[at + 1], node.type, free + 2, depth)
            self._emit(codes.CHOOSE, free, condition, value, found)
            found = free
        return found

    def finish(self) -> Program:
        lengths = [len(pattern) for pattern in self.patterns]
        return Program(
            np.array(self.code, np.int64).reshape(-1, 5),
            np.array([*self.numbers, 0.0]),
            np.array([*self.texts, 0], np.uint64),
            np.frombuffer(b"".join(self.patterns) + b"\0", np.uint8),
            np.cumsum([0, *lengths]),
            np.array([self.most_registers + 1, self.deepest + 1]),
        )
