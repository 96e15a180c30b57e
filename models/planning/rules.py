"""A pack's rules, checked: conditions, severities and the sentences that explain a hit."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from models.errors import ConfigError, Place
from models.events import DOMAINS
from models.expressions.parsing import Parser
from models.expressions.problems import nearest
from models.expressions.tree import Name, Node, Source, Type, names_in
from models.pack import PackSpec, RuleSpec
from models.planning.bounds import Comparison, comparisons
from models.planning.names import checked, kinds_mask, parser_of

SEVERITY_WEIGHT: Final = {"low": 0.15, "medium": 0.35, "high": 0.60, "critical": 0.90}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A reason's template: literal texts and the names between them, with number formats."""

    parts: tuple[tuple[str, str, str], ...]
    """(literal before, name or empty, format)"""


@dataclass(frozen=True)
class Rule:
    """One planned rule.

    Attributes
    ----------
    index
        Its row in the outcome matrix.
    kinds
        Bit mask of the kinds it runs on.
    when
        Its checked condition.
    severity_nodes
        Rows of the severity outcome matrix and their conditions, strongest first.
    severities
        Their severities, in the same order.
    comparisons
        What its condition compares with constants, for evidence.
    sentences
        Language → template of its reason.
    shown
        Names that the templates show.
    reads_detectors
        Whether it must wait for detectors.
    domain
        Domain of its subject.
    """

    pack: str
    spec: RuleSpec
    index: int
    kinds: int
    when: Node
    severity_nodes: tuple[tuple[int, Node], ...]
    severities: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    sentences: Mapping[str, Sentence]
    shown: frozenset[str]
    reads_detectors: bool
    domain: str

    @cached_property
    def features(self) -> frozenset[str]:
        """Full names of the features that its condition reads."""
        return frozenset(name.name for name in names_in(self.when) if not name.of_event)

    @cached_property
    def evidence(self) -> tuple[tuple[str, bool, str, float], ...]:
        """(name, is a feature, operator, threshold) of its comparisons, in order."""
        return tuple(
            (
                compared.name.name
                if compared.name.of_event
                else compared.name.name.partition(".")[2],
                not compared.name.of_event,
                compared.operator,
                compared.threshold,
            )
            for compared in self.comparisons
        )


class _RulePlanner:
    """Plans rules one after the other; numbers them and their severities."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._severities = 0

    def add(self, pack: PackSpec) -> None:
        """Plan a pack's rules that are shadow or live; check the drafts too."""
        parser = parser_of(pack, features=True)
        detectors = {f"{pack.name}.{d.name}{p}" for d in pack.detectors for p in ("", "_p")}
        for spec in pack.rules:
            rule = self._plan(pack, spec, parser, detectors)
            if spec.status in ("shadow", "live"):
                self.rules.append(rule)
                self._severities += len(rule.severities)

    def _plan(self, pack: PackSpec, spec: RuleSpec, parser: Parser, detectors: set[str]) -> Rule:
        when = checked(parser, spec.when, Type.FLAG, spec.places.get("when", spec.place))
        nodes = []
        for at, (severity, condition) in enumerate(spec.severity):
            place = spec.places.get(f"severity.{severity}", spec.place)
            nodes.append((self._severities + at, checked(parser, condition, Type.FLAG, place)))
        sentences = {language: _sentence(spec, language, parser.names) for language in spec.because}
        shown = {name for s in sentences.values() for _text, name, _format in s.parts if name}
        reads = {name.name for name in names_in(when)}
        return Rule(
            pack.name, spec, len(self.rules), kinds_mask(spec.on), when, tuple(nodes),
            tuple(severity for severity, _condition in spec.severity),
            tuple(comparisons(when)), sentences, frozenset(shown), bool(reads & detectors),
            DOMAINS.get(spec.subject, spec.subject),
        )  # fmt: skip


def plan_rules(packs: Sequence[PackSpec]) -> tuple[Rule, ...]:
    """Plan the rules of all packs.

    Raises
    ------
    ConfigError
        With the place in the pack's file.
    """
    planner = _RulePlanner()
    for pack in packs:
        planner.add(pack)
    return tuple(planner.rules)


def _sentence(spec: RuleSpec, language: str, names: Mapping[str, Name]) -> Sentence:
    """Split a template; every name must exist and every format must fit a number."""
    place = spec.places.get(f"because.{language}", spec.place)
    parts = []
    for literal, name, wanted, _conversion in string.Formatter().parse(spec.because[language]):
        if name:
            _check_shown(name, wanted or "", names, place)
        parts.append((literal, name or "", wanted or ""))
    return Sentence(tuple(parts))


def _check_shown(name: str, wanted: str, names: Mapping[str, Name], place: Place) -> None:
    if name not in names:
        hint = nearest(name, list(names))
        raise ConfigError(f"because shows {name}, which is unknown", hint=hint, place=place)
    if names[name].source is Source.FEATURE_TEXT:
        hint = "windows keep only the hash of a text: show the event's own column"
        raise ConfigError(f"because cannot show {name}", hint=hint, place=place)
    try:
        format(1.5, wanted)
    except ValueError:
        hint = "for example {name:,.2f}"
        raise ConfigError(f"bad number format {wanted!r}", hint=hint, place=place) from None
