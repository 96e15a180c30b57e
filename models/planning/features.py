"""A pack's feature specs, checked: expressions parsed, types agreed, readers known."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from models.errors import ConfigError, Place
from models.expressions.parsing import Parser
from models.expressions.problems import nearest
from models.expressions.tree import Name, Node, Source, Type, names_in
from models.feature_specs import FeatureSpec, TermSpec
from models.features.plan import Feature
from models.pack import DetectorSpec, PackSpec
from models.planning.bounds import greatest_bounds, least_bounds
from models.planning.names import checked, kinds_mask, parser_of
from models.planning.rules import Rule

_NUMERIC = ("sum", "mean", "std", "max", "min", "median", "mad", "ewm")
_VALUELESS = ("count", "since", "new", "sequence", "match")
"""Besides those of a graph."""
LATE_MS: Final = 7 * 86_400_000
"""How late an event may come to features that take late ones."""


def plan_features(
    packs: Sequence[PackSpec],
    rules: Sequence[Rule],
    chosen: Sequence[tuple[Node, DetectorSpec]],
    lateness_ms: int,
) -> list[Feature]:
    """Every feature that a rule or a detector reads; `chosen` is of `detector_conditions`.

    Raises
    ------
    ConfigError
        For expressions and types that do not fit, and thresholds beyond the event cap.
    """
    readers = _readers(packs, rules, chosen)
    live = [rule for rule in rules if rule.spec.status == "live"]
    bounds = least_bounds(node for rule in live for _key, node in rule.conditions)
    bounds |= {f"{r.pack}.{name}": -math.inf for r in live for name in r.asked}
    reached = _reached(rules)
    planned = []
    for pack in packs:
        parser = parser_of(pack, features=False)
        undo = None
        if pack.undone_by is not None:
            undo = checked(parser, pack.undone_by.text, Type.FLAG, pack.undone_by.place)
        for spec in pack.features:
            name = f"{pack.name}.{spec.name}"
            value, where, condition = _expressions(parser, spec)
            feature = Feature(
                spec, name, value, where, condition, kinds_mask(spec.on), readers.get(name, 0),
                bounds.get(name), pack.event_cap,
                max(lateness_ms, LATE_MS) if spec.late else lateness_ms,
                tuple(checked(parser, step.when, Type.FLAG, step.place) for step in spec.steps),
                tuple(_compared(parser, term) for term in spec.terms),
                _weight(parser, spec),
                _began_by(parser, spec),
                tuple(_end(parser, column, spec) for column in spec.ends),
                undo,
            )  # fmt: skip
            # an unread feature is checked like the others, and then costs nothing
            if name in readers:
                _check_cap(feature, reached.get(name, ()))
                planned.append(feature)
    return planned


def _weight(parser: Parser, spec: FeatureSpec) -> Node | None:
    """What a top share adds up, or the amounts that a graph compares."""
    place = spec.places.get("amount" if spec.ends else "weight", spec.place)
    return checked(parser, spec.weight, Type.NUMBER, place) if spec.weight else None


def _began_by(parser: Parser, spec: FeatureSpec) -> Node | None:
    """The condition with which a window begins."""
    if not spec.over.since:
        return None
    place = spec.places.get("over", spec.place)
    inside = Place(place.file, place.line, place.column + len("since("))
    return checked(parser, spec.over.since, Type.FLAG, inside)


def _end(parser: Parser, column: str, spec: FeatureSpec) -> Name:
    return _column(parser, column, spec.aggregate, spec.places.get("value", spec.place))


def _compared(parser: Parser, term: TermSpec) -> tuple[Name, ...]:
    """The columns of a match's term, which must bear the comparison."""
    names = tuple(_column(parser, column, "match", term.place) for column in term.columns)
    if len(names) == 2 and any(name.source is not Source.NUMBER for name in names):
        raise ConfigError(
            f"{', '.join(term.columns)} is no position",
            hint="two number columns, such as lat, lon",
            place=term.place,
        )
    if names[0].type is not Type.NUMBER and term.relation not in ("same", "differs"):
        raise ConfigError(
            f"{term.columns[0]} is {names[0].type}: it can only be the same or differ",
            hint=f"write {term.columns[0]}: same",
            place=term.place,
        )
    return names


def _column(parser: Parser, name: str, aggregate: str, place: Place) -> Name:
    found = parser.names.get(name)
    if found is None:
        raise ConfigError(
            f"{aggregate} takes a column, was {name}",
            hint=nearest(name, list(parser.names)),
            place=place,
        )
    return found


def _expressions(parser: Parser, spec: FeatureSpec) -> tuple[Node | None, Node | None, Node | None]:
    """(value, where, share condition) of a feature."""
    place = spec.places.get("where", spec.place)
    where = checked(parser, spec.where, Type.FLAG, place) if spec.where else None
    place = spec.places.get("value", spec.place)
    if spec.aggregate == "share":
        return None, where, checked(parser, spec.value, Type.FLAG, place)
    if spec.aggregate in _VALUELESS or spec.per == "count" or spec.ends:
        return None, where, None
    if spec.aggregate in _NUMERIC:
        return checked(parser, spec.value, Type.NUMBER, place), where, None
    return _column(parser, spec.value, spec.aggregate, place), where, None


def _readers(
    packs: Sequence[PackSpec],
    rules: Sequence[Rule],
    chosen: Sequence[tuple[Node, DetectorSpec]],
) -> Mapping[str, int]:
    """Full feature name → bit mask of the kinds of the rules and detectors that read it."""
    readers: dict[str, int] = {}
    for rule in rules:
        names = {n.name for _key, node in rule.conditions for n in names_in(node) if not n.of_event}
        names |= {f"{rule.pack}.{name}" for name in (*rule.shown, *rule.asked)}
        for name in names:
            readers[name] = readers.get(name, 0) | rule.kinds
    for pack in packs:
        for spec in pack.detectors:
            for feature in spec.features:
                name = f"{pack.name}.{feature}"
                readers[name] = readers.get(name, 0) | kinds_mask(spec.on)
    for condition, spec in chosen:
        for name in {n.name for n in names_in(condition) if not n.of_event}:
            readers[name] = readers.get(name, 0) | kinds_mask(spec.on)
    return readers


def _reached(rules: Sequence[Rule]) -> Mapping[str, Sequence[tuple[float, Place]]]:
    """Feature → the greatest constant that each condition compares it with, and where."""
    found: dict[str, list[tuple[float, Place]]] = {}
    for rule in rules:
        for key, node in rule.conditions:
            place = rule.spec.places.get(key, rule.spec.place)
            for name, most in greatest_bounds(node).items():
                found.setdefault(name, []).append((most, place))
    return found


def _check_cap(feature: Feature, reached: Sequence[tuple[float, Place]]) -> None:
    """A count that can never be reached is a mistake that must not wait for production."""
    if feature.spec.aggregate not in ("count", "distinct") or feature.spec.grain_ms:
        return
    for most, place in reached:
        if most >= feature.cap:
            raise ConfigError(
                f"{feature.spec.name} is compared with {most:g}, but at most {feature.cap}"
                " events are kept per entity",
                hint="raise event_cap, or lower the threshold",
                place=place,
            )
