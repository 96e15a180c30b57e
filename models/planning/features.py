"""A pack's feature specs, checked: expressions parsed, types agreed, readers known."""

import math
from collections.abc import Mapping, Sequence

from models.errors import ConfigError
from models.expressions.parsing import Parser
from models.expressions.problems import nearest
from models.expressions.tree import Node, Type, names_in
from models.features.plan import Feature
from models.pack import DetectorSpec, FeatureSpec, PackSpec
from models.planning.bounds import least_bounds
from models.planning.names import checked, kinds_mask, parser_of
from models.planning.rules import Rule

_NUMERIC = ("sum", "mean", "std", "max", "min", "median")


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
    bounds = least_bounds(
        node
        for rule in rules
        if rule.spec.status == "live"
        for node in (rule.when, *(node for _at, node in rule.severity_nodes))
    )
    planned = []
    for pack in packs:
        parser = parser_of(pack, features=False)
        for spec in pack.features:
            name = f"{pack.name}.{spec.name}"
            value, where, condition = _expressions(parser, spec)
            # an unread feature is checked like the others, and then costs nothing
            if name in readers:
                feature = Feature(
                    spec, name, value, where, condition, kinds_mask(spec.on), readers[name],
                    -math.inf if spec.evidence else bounds.get(name), pack.event_cap, lateness_ms,
                    tuple(checked(parser, step.when, Type.FLAG, step.place) for step in spec.steps),
                )  # fmt: skip
                _check_cap(feature, rules)
                planned.append(feature)
    return planned


def _expressions(parser: Parser, spec: FeatureSpec) -> tuple[Node | None, Node | None, Node | None]:
    """(value, where, share condition) of a feature."""
    place = spec.places.get("where", spec.place)
    where = checked(parser, spec.where, Type.FLAG, place) if spec.where else None
    place = spec.places.get("value", spec.place)
    if spec.aggregate == "share":
        return None, where, checked(parser, spec.value, Type.FLAG, place)
    if spec.aggregate in ("count", "since", "new", "sequence") or spec.per == "count":
        return None, where, None
    if spec.aggregate in _NUMERIC:
        return checked(parser, spec.value, Type.NUMBER, place), where, None
    name = parser.names.get(spec.value)
    if name is None:
        raise ConfigError(
            f"{spec.aggregate} takes a column, was {spec.value}",
            hint=nearest(spec.value, list(parser.names)),
            place=place,
        )
    return name, where, None


def detector_conditions(packs: Sequence[PackSpec]) -> list[tuple[Node, DetectorSpec]]:
    """Which rows each detector takes: its ``when``, or all of its kinds."""
    found = []
    for pack in packs:
        parser = parser_of(pack, features=True)
        own = {f"{pack.name}.{d.name}{suffix}" for d in pack.detectors for suffix in ("", "_p")}
        for spec in pack.detectors:
            place = spec.places.get("when", spec.place)
            condition = checked(parser, str(spec.options.get("when", "TRUE")), Type.FLAG, place)
            if own & {name.name for name in names_in(condition)}:
                raise ConfigError(
                    f"detector {spec.name} waits for a detector",
                    hint="its when reads columns and features",
                    place=place,
                )
            found.append((condition, spec))
    return found


def _readers(
    packs: Sequence[PackSpec],
    rules: Sequence[Rule],
    chosen: Sequence[tuple[Node, DetectorSpec]],
) -> Mapping[str, int]:
    """Full feature name → bit mask of the kinds of the rules and detectors that read it."""
    readers: dict[str, int] = {}
    for rule in rules:
        nodes = [rule.when, *(node for _at, node in rule.severity_nodes)]
        names = {n.name for node in nodes for n in names_in(node) if not n.of_event}
        names |= {f"{rule.pack}.{name}" for name in rule.shown}
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


def _check_cap(feature: Feature, rules: Sequence[Rule]) -> None:
    """A count that can never be reached is a mistake that must not wait for production."""
    if feature.spec.aggregate not in ("count", "distinct") or feature.spec.grain_ms:
        return
    if feature.bound is None or feature.bound < feature.cap:
        return
    reader = next(rule for rule in rules if feature.name in _read_by(rule))
    raise ConfigError(
        f"{feature.spec.name} is compared with {feature.bound:g}, but at most {feature.cap} events"
        " are kept per entity",
        hint="raise event_cap, or lower the threshold",
        place=reader.spec.places.get("when", reader.spec.place),
    )


def _read_by(rule: Rule) -> set[str]:
    """Names that a rule's condition and severities read."""
    nodes = [rule.when, *(node for _at, node in rule.severity_nodes)]
    return {name.name for node in nodes for name in names_in(node)}
