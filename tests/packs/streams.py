"""Streams made from the examples of the shipped rules: what changes them by one step, and how."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from config.packs import load_pack, pack_names
from dataflows.examples import START_MS, example_events
from models.expressions.tree import Call, Name, Node, Source, names_in
from models.feature_specs import FeatureSpec
from models.pack import Example, PackSpec, RuleSpec
from models.planning.rules import plan_rules

Stream = list[dict[str, Any]]
"""Events in order of time; `at` is ms after the start."""

_GROWING = ("count", "sum", "distinct")
"""Aggregates that one more like event only makes larger."""

_SLIDING = (*_GROWING, "max", "share", "median", "mean", "std", "match")
"""Aggregates from which an event drops out at the end of the window."""


@dataclass(frozen=True)
class Case:
    """An example that fires.

    Attributes
    ----------
    pack, rule
        Whose it is.
    number
        Its place among the rule's examples that fire, from 1.
    example
        As written.
    """

    pack: str
    rule: RuleSpec
    number: int
    example: Example

    @property
    def id(self) -> str:
        """Name of the test."""
        return f"{self.rule.id}-{self.number}"

    @property
    def events(self) -> Stream:
        """The events, copies made; without the tick that ends the waiting for what is absent."""
        whole = example_events(self.rule, self.example, "CNY")
        whole = [event for event in whole if event["kind"] != "tick"]
        return [
            {
                "at": _at(event.pop("event_time")),
                **{k: v for k, v in event.items() if k != "event_id"},
            }
            for event in whole
        ]

    @property
    def groups(self) -> list[int]:
        """Position of the first copy of each written event."""
        places, place = [], 0
        for event in self.example.events:
            places.append(place)
            place += event.get("repeat", 1)
        return places

    @property
    def features(self) -> list[FeatureSpec]:
        """What the condition reads."""
        return [spec for name, spec in _features(self.pack).items() if name in _read(self)]

    @property
    def names_a_currency(self) -> bool:
        """Whether the condition compares amounts in a currency that it names."""
        return any(name.name == "currency" for name in names_in(_condition(self)))

    @property
    def is_growing(self) -> bool:
        """Whether the condition asks for enough of something, so that one more cannot hurt."""
        return all(
            spec.aggregate in _GROWING and not spec.exclude_current for spec in self.features
        ) and all(_asks_for_more(node) for node in _compared(_condition(self)))

    @property
    def windows_ms(self) -> list[int]:
        """The windows of the condition that hold the whole stream."""
        if any("local_" in spec.value for spec in self.features):
            return []  # a moved event would be at another hour
        events = self.events
        span = events[-1]["at"] - events[0]["at"]
        windows = {spec.over.span_ms for spec in self.features if _is_sliding(spec)}
        return sorted(window for window in windows if window > span)


def cases() -> Iterator[Case]:
    """Every example that fires of every shipped rule that reads no detector."""
    for name in pack_names():
        pack = loaded(name)
        for rule in pack.rules:
            if any(detector.name in rule.when for detector in pack.detectors):
                continue
            firing = [example for example in rule.examples if example.fires]
            for number, example in enumerate(firing, 1):
                yield Case(name, rule, number, example)


@cache
def loaded(name: str) -> PackSpec:
    """A shipped pack."""
    return load_pack(name)


def without(events: Stream, place: int) -> Stream:
    """Leave one event out."""
    return [*events[:place], *events[place + 1 :]]


def with_last(events: Stream, **columns: Any) -> Stream:
    """Change the last event."""
    return [*events[:-1], {**events[-1], **columns}]


def later(events: Stream, delay_ms: int) -> Stream:
    """Move a stream."""
    return [{**event, "at": event["at"] + delay_ms} for event in events]


def first_moved(events: Stream, before_last_ms: int) -> Stream:
    """Move the first event so long before the last."""
    return [{**events[0], "at": events[-1]["at"] - before_last_ms}, *events[1:]]


def amounts_in(events: Stream, currency: str, decimals: int) -> Stream | None:
    """The same amounts in another currency; None where it cannot write them."""
    changed = []
    for event in events:
        if "amount" not in event:
            changed.append(event)
            continue
        amount = Decimal(str(event["amount"]))
        if "currency" in event and event["currency"] != "CNY":
            return None
        if amount != round(amount, decimals):
            return None
        changed.append({**event, "currency": currency, "amount": str(round(amount, decimals))})
    return changed


def _at(written: Any) -> int:
    if isinstance(written, str):
        return round(datetime.fromisoformat(written).timestamp() * 1000) - START_MS
    return int(written) - START_MS


@cache
def _features(pack: str) -> dict[str, FeatureSpec]:
    return {f"{pack}.{spec.name}": spec for spec in loaded(pack).features}


@cache
def _conditions(pack: str) -> dict[str, Node]:
    return {rule.spec.id: rule.when for rule in plan_rules([loaded(pack)])}


def _condition(case: Case) -> Node:
    return _conditions(case.pack)[case.rule.id]


def _read(case: Case) -> set[str]:
    return {name.name for name in names_in(_condition(case)) if not name.of_event}


def _is_sliding(spec: FeatureSpec) -> bool:
    return (
        spec.aggregate in _SLIDING
        and not spec.over.period
        and not spec.delay_ms
        and not spec.grain_ms
    )


def _compared(node: Node) -> Iterator[Call]:
    """Every comparison that reads a feature."""
    if not isinstance(node, Call):
        return
    if node.operator in ("=", "<>", "<", "<=", ">", ">="):
        if any(not name.of_event for name in names_in(node)):
            yield node
        return
    for argument in node.arguments:
        yield from _compared(argument)


def _asks_for_more(node: Call) -> bool:
    """Whether it is `feature >= what the pack or the event says`."""
    left, right = node.arguments
    return (
        node.operator in (">=", ">")
        and isinstance(left, Name)
        and left.source is Source.FEATURE
        and all(name.of_event for name in names_in(right))
    )
