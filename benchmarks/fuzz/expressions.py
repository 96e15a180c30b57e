"""Expressions: parsed or refused as a ConfigError; accepted ones mean what the reference says."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.fuzz.guard import HangError, guarded
from benchmarks.fuzz.mutation import shrink
from benchmarks.fuzz.records import ARRIVAL_MS, make_event
from benchmarks.fuzz.sentences import Sentences, expressions_of
from benchmarks.fuzz.tally import Finding, Tally, sort_of, spoken
from config.packs import load_pack, pack_names
from models.batch import Batch
from models.decoding.decoder import Decoder
from models.decoding.schema import Schema
from models.errors import ConfigError, Place
from models.events import COLUMNS, KINDS, NULL_INT
from models.expressions.codes import CLEAN, HIT, INSUFFICIENT
from models.expressions.parsing import Parser
from models.expressions.program import Root, compile_program
from models.expressions.tree import Call, Name, Node, Source, Type
from models.hashing import Secret
from models.planning.names import checked, event_names, feature_names, parser_of
from models.records import RawBlock
from models.reference.expressions import Value, evaluate
from models.running import Runner

ROWS: Final = 24
_EVERY_KIND: Final = (1 << len(KINDS)) - 1
_PLACE: Final = Place("fuzz.yaml", 1)
_ROUNDED: Final = ("exp", "ln", "log10", "power")
"""Functions whose last bit depends on the mathematical library."""

Parse = Callable[[Parser, str, Type, Place], Node]


class Wrong(Exception):  # noqa: N818 - it is a result, not an error of this program
    """The machine and the reference differ, or something forbidden was done."""


class Scene:
    """One pack's names, a few rows with values for all of them, and the machine to run on them."""

    def __init__(self, pack_name: str) -> None:
        pack, chance = load_pack(pack_name), Random(pack_name)
        self.names: dict[str, Name] = {**event_names(pack), **feature_names(pack)}
        self.parser = parser_of(pack, features=True)
        self.sentences = Sentences(expressions_of([pack]))
        self._secret = Secret(b"fuzz expressions")
        schema = Schema(frozenset({*COLUMNS, *pack.columns}), frozenset(KINDS), self._secret)
        lines: list[bytes] = []
        decoder = Decoder(schema)
        while len(lines) < ROWS:
            raw = make_event(chance)
            if not decoder.decode(RawBlock(0, raw, 0, ARRIVAL_MS))[1]:
                lines.append(raw)
        self._batch = decoder.decode(RawBlock(0, b"\n".join(lines), 0, ARRIVAL_MS))[0]
        base, amount = (schema.integers[name] for name in ("amount_base", "amount"))
        self._batch.integers[base] = np.where(
            self._batch.integers[amount] == NULL_INT, NULL_INT, self._batch.integers[amount] * 7
        )
        answers = sorted({n.name for n in self.names.values() if not n.of_event})
        self._columns = {name: at for at, name in enumerate(answers)}
        self._features = np.full((max(len(answers), 1), ROWS), np.nan)
        self._rows = self._fill(self._batch, chance)
        # a kernel's first call reads it from the cache, which no guard should see
        self.run(self.parser.parse("cash AND amount > 1", Type.FLAG))

    def _fill(self, batch: Batch, chance: Random) -> list[dict[str, Value]]:
        """Give features values; each row as the reference reads it."""
        rows: list[dict[str, Value]] = []
        bits = self._features.view(np.uint64)
        texts = [batch.text("account", row) for row in range(ROWS)]
        for row in range(ROWS):
            values: dict[str, Value] = {}
            for name in self.names.values():
                value: Value = None
                if name.of_event:
                    value = batch.value(name.name, row)
                    value = float(value) if isinstance(value, int) and value is not True else value
                    value = bool(value) if value is not None and name.type is Type.FLAG else value
                elif name.source is Source.FEATURE_TEXT:
                    value = chance.choice(texts)
                    bits[self._columns[name.name], row] = (
                        self._secret.text(str(value)) if value is not None else 0
                    )
                elif chance.random() < 0.8:
                    value = float(chance.choice((0, 1, 3, 12, 1e6, -2, 0.25, 1e300)))
                    self._features[self._columns[name.name], row] = value
                values[name.name] = value
            rows.append(values)
        return rows

    def _locate(self, name: Name) -> int:
        if not name.of_event:
            return self._columns[name.name]
        column = self._batch.schema.extra.get(name.name) or COLUMNS[name.name]
        return self._batch.schema.index(column)

    def run(self, node: Node) -> None:
        """Hold the machine to the reference on every row.

        Raises
        ------
        Wrong
            Where they differ.
        """
        is_rule = node.type is Type.FLAG
        root = Root(node, 0, _EVERY_KIND, is_rule)
        out = Runner(compile_program([root], self._secret, self._locate), 1, 1).run(
            self._batch, self._features
        )
        if _operators(node) & set(_ROUNDED):
            return
        for row, values in enumerate(self._rows):
            wanted = evaluate(node, values)
            found = out.outcomes[0, row] if is_rule else out.results[0, row]
            if not (_outcome(wanted) == found if is_rule else _same(wanted, found)):
                raise Wrong(f"the machine says {found}, the reference {wanted!r}")


def _operators(node: Node) -> set[str]:
    found, level = set(), [node]
    while level:
        one = level.pop()
        if isinstance(one, Call):
            found.add(one.operator)
            level.extend(one.arguments)
    return found


def _outcome(value: Value) -> int:
    if value is None:
        return INSUFFICIENT
    return HIT if value else CLEAN


def _same(wanted: Value, found: NDArray[np.float64]) -> bool:
    number = float(found)
    if wanted is None or math.isnan(number):
        return wanted is None and math.isnan(number)
    return float(wanted) == number and math.copysign(1, float(wanted)) == math.copysign(1, number)


@dataclass
class ExpressionTarget:
    """Expressions over the names of every pack of the repository."""

    seed: int
    parse: Parse = checked
    warm_up: int = 3000
    _tally: Tally = field(default_factory=Tally)
    _next: int = 0
    _scenes: Mapping[str, Scene] = field(
        default_factory=lambda: {name: Scene(name) for name in pack_names()}
    )

    def reset(self) -> None:
        """Begin again with the first expression."""
        self._tally, self._next = Tally(), 0

    def run(self, inputs: int, beat: Callable[[str], None]) -> Tally:
        """Try so many more expressions."""
        for _ in range(inputs):
            if self._next % 200 == 0:
                beat(f"expressions, seed {self.seed}, number {self._next}")
            chance = Random(f"expression {self.seed} {self._next}")
            scene = self._scenes[chance.choice(sorted(self._scenes))]
            text = scene.sentences.make(chance)
            wanted = Type.NUMBER if chance.random() < 0.1 else Type.FLAG
            self._next += 1
            self._tally.inputs += 1
            begun = time.process_time()
            finding = self._one(scene, text, wanted, self._tally)
            self._tally.slowest_ms = max(
                self._tally.slowest_ms, (time.process_time() - begun) * 1000
            )
            if finding is not None and self._tally.add(finding):
                self._shrink(scene, finding, wanted)
        return self._tally

    def _one(self, scene: Scene, text: str, wanted: Type, tally: Tally) -> Finding | None:
        data = text.encode("utf-8", "surrogatepass")
        try:
            with guarded() as seen:
                try:
                    scene.run(self.parse(scene.parser, text, wanted, _PLACE))
                except ConfigError:
                    tally.rejected += 1
                else:
                    tally.accepted += 1
        except HangError as error:
            return Finding(f"hang: {sort_of(error)}", str(error), data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            return Finding(sort_of(error), spoken(error), data)
        if seen:
            return Finding(f"forbidden: {seen[0]}", "; ".join(seen), data)
        return None

    def _shrink(self, scene: Scene, finding: Finding, wanted: Type) -> None:
        def fails(data: bytes) -> bool:
            again = self._one(scene, data.decode("utf-8", "replace"), wanted, Tally())
            return again is not None and again.sort == finding.sort

        tries = 25 if finding.sort.startswith("hang") else 600
        smaller = shrink(finding.data, fails, tries)
        self._tally.found[finding.sort] = Finding(finding.sort, finding.text, smaller)
