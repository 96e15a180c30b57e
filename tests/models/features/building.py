"""Features, spaces and entries for the tests, and the two engines side by side."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import Place
from models.events import NULL_INT
from models.expressions.tree import Name, Node, Source
from models.feature_specs import FeatureSpec, Over
from models.features.arrange import lay_out
from models.features.layout import (
    ENTRY_KEY,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_ROW,
    ENTRY_TIME,
    ENTRY_VALUES,
    GROUP_BITS,
    ROW_SHIFT,
    UNDOES,
    UPDATES,
    WANTS_EVIDENCE,
    Holds,
)
from models.features.messages import SpaceAnswer
from models.features.plan import EVENT_ID, Feature, Group, Space, Value, build_spaces
from models.features.state import SpaceState
from models.reference.windows import Answer, ReferenceSpace, Visit

EVENT_TIME = Name("event_time", Source.TIME)
AMOUNT = Name("amount", Source.MONEY)
PRICE = Name("price", Source.NUMBER)
OPENED = Name("account_opened", Source.TIME)
DEVICE = Name("device", Source.TEXT)
CASH = Name("cash", Source.FLAG)
FRAUD = Name("is_fraud", Source.FLAG)

OWN = ("account",)
OTHER = ("counterparty",)
FOREVER = Over()

_ALIKE_SALT = 0x5EED_0000_0000_0001
_NAN_BITS = 0x7FF8_0000_0000_0000


def feature(
    aggregate: str,
    value: Node | None = None,
    *,
    over: int | Over = 60_000,
    where: Node | None = None,
    condition: Node | None = None,
    of: tuple[str, ...] = OWN,
    delay: int = 0,
    exclude_current: bool = False,
    min_history: int = 0,
    bound: float | None = None,
    cap: int = 4096,
    lateness: int = 0,
    by: tuple[str, ...] = OWN,
    on: int = 1,
    name: str = "",
    grain: int = 0,
    per: str = "",
    late: bool = False,
) -> Feature:
    """Build a checked feature, as the pack compiler would hand it over; times in ms."""
    spec = FeatureSpec(
        name=name or aggregate,
        aggregate=aggregate,
        value=str(value),
        by=by,
        of=of,
        on=("payment",),
        over=Over(span_ms=over) if isinstance(over, int) else over,
        place=Place("pack.yaml", 1),
        delay_ms=delay,
        exclude_current=exclude_current,
        min_history=min_history,
        grain_ms=grain,
        per=per,
        late=late,
    )
    full_name = f"test.{spec.name}"
    return Feature(spec, full_name, value, where, condition, on, on, bound, cap, lateness)


def space_of(features: Sequence[Feature]) -> Space:
    """Build the one space that features of one key make."""
    (space,) = build_spaces(features)
    return space


def reads_all(space: Space) -> frozenset[Group]:
    """Name every read group."""
    return frozenset(space.groups)


def encode(space: Space, visits: Sequence[Visit]) -> np.ndarray:
    """Write visits as the entries that `models.features.scatter` would send."""
    entries = np.zeros((len(visits), ENTRY_VALUES + len(space.values)), np.int64)
    for number, visit in enumerate(visits):
        groups = sum(1 << space.groups.index(group) for group in visit.reads)
        flags = groups << GROUP_BITS | WANTS_EVIDENCE | (UPDATES if visit.updates else 0)
        if visit.undoes is not None:
            flags = UNDOES
        entries[number, ENTRY_ROW] = number << ROW_SHIFT | flags
        entries[number, ENTRY_KEY] = visit.key
        entries[number, ENTRY_TIME] = visit.at_ms
        entries[number, ENTRY_REFERENCE] = visit.reference
        entries[number, ENTRY_MASK] = sum(
            1 << bit for bit, node in enumerate(space.filters) if node in visit.true
        )
        for place, value in enumerate(space.values):
            entries[number, ENTRY_VALUES + place] = _word(value, visit)
    return entries


def _word(value: Value, visit: Visit) -> int:
    if visit.undoes is not None and value == EVENT_ID:
        return visit.undoes
    given = visit.at_ms if value.node == EVENT_TIME else visit.values.get(value.node)
    is_text = isinstance(value.node, Name) and value.node.source is Source.TEXT
    if value.as_key and not is_text:
        # only counted: which bits stand for a value is nobody's business, but 0 is NULL
        return 0 if given is None else _bits(float(given)) ^ _ALIKE_SALT
    if given is None:
        return {Holds.TEXT: 0, Holds.FLOAT: _NAN_BITS}.get(value.holds, NULL_INT)
    return _bits(float(given)) if value.holds is Holds.FLOAT else int(given)


def _bits(number: float) -> int:
    return int(np.float64(number + 0.0).view(np.int64))


class Twins:
    """The kernels and the reference twin of one space, given the same visits."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.space = space_of(features)
        self.plan = lay_out(self.space)
        before = [group.before for group in self.space.groups]
        self.before = sum(1 << bit for bit, is_before in enumerate(before) if is_before)
        self.state = SpaceState(self.plan, self.before, "account")
        self.reference = ReferenceSpace(self.space)
        self.newest = -(1 << 62)
        self._largest = [0.0]

    def read(self, visits: Sequence[Visit]) -> list[dict[str, float]]:
        """Visit both, check that they agree, and return what the kernels read."""
        found = self.state.run(encode(self.space, visits))
        evidence = evidence_by_entry(found)
        answers = []
        for number, visit in enumerate(visits):
            at = self.newest - self.space.features[0].lateness_ms
            self.newest = max(self.newest, visit.at_ms)
            self._note(visit)
            expected = self.reference.visit(with_event_time(visit))
            if visit.at_ms >= at:
                # what an older read sees is not promised
                self.check(number, visit, expected, found, evidence)
            answers.append(
                {f.name: float(found.values[number, i]) for i, f in enumerate(self.space.features)}
            )
        return answers

    def _note(self, visit: Visit) -> None:
        sizes = [abs(float(x)) for n, x in visit.values.items() if x is not None and n != DEVICE]
        self._largest.append(max([self._largest[-1], *sizes]))

    def check(
        self,
        number: int,
        visit: Visit,
        expected: Answer,
        found: SpaceAnswer,
        evidence: dict[tuple[int, int], list[int]],
    ) -> None:
        """Compare one answer of the kernels with the reference's."""
        for column, item in enumerate(self.space.features):
            value = found.values[number, column]
            told = (visit, item, expected.values.get(item.name), value)
            if item.name not in expected.values:
                assert math.isnan(value), told
                assert (number, column) not in evidence, told
                continue
            slack = self.assert_close(visit, item, expected.values[item.name], value)
            if item.bound is not None and abs(value - item.bound) <= slack > 0:
                continue  # either side of the bound is right
            # an unknown entity has no evidence, not an empty list of it
            named, want = evidence.get((number, column), []), expected.evidence.get(item.name, [])
            assert named == want, (*told, named, want)
        self.check_truncated(visit, expected, flag=bool(found.truncated[number]))

    def check_truncated(self, visit: Visit, expected: Answer, *, flag: bool) -> None:
        """Compare whether the cap has cut a window that was read.

        Of an entity's events behind the allowed lateness, the kernels keep only those that a
        "last" needs, so they reach the cap later than the twin, or never.
        """
        summed = {
            item.name
            for item in self.space.features
            if item.spec.aggregate not in ("last", "previous", "since")
        }
        assert flag or not expected.truncated & summed, (visit, "not told that it is truncated")
        assert expected.cut_since_start or not flag, (visit, "truncated for no reason")
        if len(summed) == len(self.space.features):
            assert flag == bool(expected.cut_since_start), visit

    def assert_close(self, visit: Visit, item: Feature, want: float, value: float) -> float:
        """Compare one value; return how far apart the two were allowed to be."""
        told = (visit, item, want, value)
        if item.is_text:
            bits = int(np.float64(value).view(np.int64))
            assert bits == want or (math.isnan(want) and math.isnan(value)), told
            return 0.0
        if math.isnan(want) or math.isnan(value):
            assert math.isnan(want), told
            assert math.isnan(value), told
            return 0.0
        slack = self.slack(visit, item, want)
        distance = abs(value**2 - want**2) if item.spec.aggregate == "std" else abs(value - want)
        assert distance <= slack, (*told, distance, slack)
        return slack

    def slack(self, visit: Visit, item: Feature, want: float) -> float:
        """Bound the difference: none but for sums of floats, and squares of std for rounding."""
        aggregate, is_float = item.spec.aggregate, item.value == PRICE
        if aggregate in ("ewm", "top_share") or (aggregate == "mad" and is_float):
            events = self.reference.window(item, visit.key, visit.at_ms)
            largest = max([abs(float(e.values.get(item.value) or 0)) for e in events], default=0.0)
            # a distance from the median is rounded once, and so is the median
            return {"ewm": 1e-12 * largest, "mad": 1e-15 * largest, "top_share": 1e-12}[aggregate]
        if aggregate == "std":
            # Σx² is a pair of floats, exact to 2⁻¹⁰⁴ of the largest it has been; it is multiplied
            # by n, and divided by n·(n − 1). What is left rounds like any float.
            scale = 1e8 if item.value == AMOUNT else 1.0
            n = len(self._largest)
            return 1e-12 * want**2 + n * 2.0**-100 * (n * self._largest[-1]) ** 2 / scale
        if aggregate not in ("sum", "mean") or not is_float:
            return 0.0
        events = self.reference.window(item, visit.key, visit.at_ms)
        total = math.fsum(abs(e.values.get(PRICE) or 0.0) for e in events)
        # a pair holds 2⁻¹⁰⁴ of the largest sum that it has been
        return 1e-9 * total + len(self._largest) ** 2 * 2.0**-104 * self._largest[-1]


def with_event_time(visit: Visit) -> Visit:
    """Give the reference the event's own time as a value, as the batch would."""
    values = {**visit.values, EVENT_TIME: visit.at_ms}
    return Visit(
        visit.key,
        visit.at_ms,
        visit.reference,
        visit.updates,
        visit.reads,
        values,
        visit.true,
        visit.undoes,
    )


def evidence_by_entry(found: SpaceAnswer) -> dict[tuple[int, int], list[int]]:
    """Sort evidence by (entry, feature column)."""
    return {
        (int(row[0]), int(row[1])): [int(reference) for reference in row[3 : 3 + row[2]]]
        for row in found.evidence
    }


@dataclass(frozen=True, slots=True)
class Bits:
    """A space's answers as bytes: equal only if every bit is."""

    values: bytes
    truncated: bytes
    evidence: list[tuple[tuple[int, int], list[int]]]

    @classmethod
    def of(cls, answers: Iterable[SpaceAnswer]) -> "Bits":
        """Join the answers of successive batches."""
        values, truncated, evidence, at = b"", b"", [], 0
        for answer in answers:
            values += answer.values.tobytes()
            truncated += answer.truncated.tobytes()
            evidence += [
                ((entry + at, column), references)
                for (entry, column), references in sorted(evidence_by_entry(answer).items())
            ]
            at += answer.words.shape[0]
        return cls(values, truncated, evidence)
