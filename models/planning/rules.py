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
from models.expressions.tree import Node, Source, Type, names_in
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
    prompts
        Language → template of what a customer may be asked.
    shown
        Names that the templates show.
    reads_detectors
        Whether it must wait for detectors.
    domain
        Domain of its subject.
    expected
        With `absent`: the condition of what must stay away.
    asked
        Features whose events alerts name, whatever they are compared with.
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
    prompts: Mapping[str, Sentence]
    shown: frozenset[str]
    reads_detectors: bool
    domain: str
    expected: Node | None = None
    asked: tuple[str, ...] = ()

    @cached_property
    def conditions(self) -> tuple[tuple[str, Node], ...]:
        """(key in the file, condition): its `when`, its severities, what must stay away."""
        severe = zip(self.severities, self.severity_nodes, strict=True)
        waits = (("absent.where", self.expected),) if self.expected else ()
        return (
            ("when", self.when),
            *((f"severity.{name}", node) for name, (_at, node) in severe),
            *waits,
        )

    @cached_property
    def features(self) -> frozenset[str]:
        """Full names of the features that its condition reads."""
        return frozenset(name.name for name in names_in(self.when) if not name.of_event)

    @cached_property
    def evidence(self) -> tuple[tuple[str, bool, str, float | None], ...]:
        """(name, is a feature, operator, threshold) of its comparisons, in order.

        Then what else its `evidence` names, without operator and threshold.
        """
        compared = tuple(
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
        known = {item[0] for item in compared}
        asked = (name for name in self.asked if name not in known)
        return *compared, *((name, True, "", None) for name in asked)


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
            own = _with_limb(parser, spec) if spec.limb else parser
            rule = self._plan(pack, spec, own, detectors)
            if spec.status in ("shadow", "live"):
                self.rules.append(rule)
                self._severities += len(rule.severities)

    def _plan(self, pack: PackSpec, spec: RuleSpec, parser: Parser, detectors: set[str]) -> Rule:
        when = checked(parser, spec.when, Type.FLAG, spec.places.get("when", spec.place))
        nodes = []
        for at, (severity, condition) in enumerate(spec.severity):
            place = spec.places.get(f"severity.{severity}", spec.place)
            nodes.append((self._severities + at, checked(parser, condition, Type.FLAG, place)))
        sentences, prompts = (
            {language: _sentence(spec, (key, language), text, parser) for language, text in texts}
            for key, texts in (("because", spec.because.items()), ("prompt", spec.prompt.items()))
        )
        every = [*sentences.values(), *prompts.values()]
        shown = {name for s in every for _text, name, _format in s.parts if name}
        reads = {name.name for name in names_in(when)}
        return Rule(
            pack.name, spec, len(self.rules), kinds_mask(spec.on), when, tuple(nodes),
            tuple(severity for severity, _condition in spec.severity),
            tuple(comparisons(when)), sentences, prompts, frozenset(shown),
            bool(reads & detectors),
            DOMAINS.get(spec.subject, spec.subject),
            _expected(parser, spec),
            _asked(pack, parser, spec, detectors),
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


def _expected(parser: Parser, spec: RuleSpec) -> Node | None:
    """What must stay away; it is asked of every event, so of what the event says itself."""
    if spec.absent is None:
        return None
    place = spec.places.get("absent.where", spec.place)
    node = checked(parser, spec.absent.where or "TRUE", Type.FLAG, place)
    read = next((name for name in names_in(node) if not name.of_event), None)
    if read is not None:
        message = f"{read.short} is no column of the event"
        raise ConfigError(message, hint="absent asks each event by itself", place=place)
    return node


def _asked(pack: PackSpec, parser: Parser, spec: RuleSpec, detectors: set[str]) -> tuple[str, ...]:
    """What `evidence` names, a limb's names resolved: features with values that can be told."""
    stepped = {f"{pack.name}.{one.name}" for one in pack.features if one.grain_ms > 0}
    for number, name in enumerate(spec.evidence):
        place = spec.places.get(f"evidence.{number}", spec.places.get("evidence", spec.place))
        found = parser.names.get(name)
        if found is None or found.of_event or found.name in detectors:
            good = [
                n for n, o in parser.names.items() if not o.of_event and o.name not in detectors
            ]
            message = f"no feature is called {name}"
            raise ConfigError(message, hint=nearest(name, good), place=place)
        if found.name in stepped:
            hint = "with a grain, and over all time, no single events are kept"
            raise ConfigError(f"{name} has no events to name", hint=hint, place=place)
        if found.source is Source.FEATURE_TEXT:
            hint = "name a feature that counts its events"
            raise ConfigError(f"{name} is text, known by its hash", hint=hint, place=place)
    # two names of a limb may mean one feature
    return tuple(dict.fromkeys(parser.names[name].short for name in spec.evidence))


def _with_limb(parser: Parser, spec: RuleSpec) -> Parser:
    """A parser that knows what a limb's names mean: other names of the pack, or values."""
    names, values, derived = dict(parser.names), dict(parser.parameters), dict(parser.derived)
    for name, meant in (spec.limb or {}).items():
        if name in parser.names or name in parser.parameters or name in parser.derived:
            limb = spec.id.rpartition(".")[2]
            place = spec.places.get(f"for_each.{limb}.{name}", spec.place)
            raise ConfigError(f"{name} has a meaning already", hint="rename it", place=place)
        if isinstance(meant, str) and meant in parser.names:
            names[name] = parser.names[meant]
        elif isinstance(meant, str) and meant in parser.derived:
            derived[name] = parser.derived[meant]
        else:
            values[name] = meant
    return Parser(names, values, parser.joined, (), derived)


def _sentence(spec: RuleSpec, path: tuple[str, str], text: str, parser: Parser) -> Sentence:
    """Split a template; every name must exist and every format must fit a number."""
    key, place = path[0], spec.places.get(".".join(path), spec.place)
    meanings = spec.limb or {}
    parts, before = [], ""
    for literal, name, wanted, _conversion in string.Formatter().parse(text):
        before += literal
        if name and name in meanings and name not in {**parser.names, **parser.derived}:
            before += str(meanings[name])
            continue
        if name:
            _check_shown(name, wanted or "", parser, place, key)
        # a limb's name stands for another one
        parts.append((before, parser.names[name].short if name else "", wanted or ""))
        before = ""
    return Sentence((*parts, *([(before, "", "")] if before else [])))


def _check_shown(name: str, wanted: str, parser: Parser, place: Place, key: str) -> None:
    names = parser.names
    if name in parser.derived:
        hint = "show what it is made of"
        raise ConfigError(f"{key} cannot show {name}: it is derived", hint=hint, place=place)
    if name not in names:
        hint = nearest(name, list(names))
        raise ConfigError(f"{key} shows {name}, which is unknown", hint=hint, place=place)
    if names[name].source is Source.FEATURE_TEXT:
        hint = "windows keep only the hash of a text: show the event's own column"
        raise ConfigError(f"{key} cannot show {name}", hint=hint, place=place)
    try:
        format(1.5, wanted)
    except ValueError:
        hint = "for example {name:,.2f}"
        raise ConfigError(f"bad number format {wanted!r}", hint=hint, place=place) from None
