"""From a batch's outcomes to hits: who is concerned, what the rules saw, which events led there."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.alerts import Details, Facts, Hit, RuleHit
from models.batch import Batch
from models.expressions.codes import HIT
from models.feature_specs import FeatureSpec
from models.features.calendar import window_start
from models.features.layout import ROW_SHIFT
from models.features.messages import Answer
from models.pack import AbsentSpec
from models.places import name_places
from models.planning.blueprint import Blueprint
from models.planning.rules import Rule
from models.records import Headers
from models.typologies import Typology, typologies_of
from models.wording import masked, rfc3339

_TRACE: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Evidence = Mapping[tuple[int, int], NDArray[np.int64]]


def evidence_of(blueprint: Blueprint, answers: Sequence[Answer], rows: set[int]) -> Evidence:
    """(row, answer column) → references of the contributing events."""
    found: dict[tuple[int, int], NDArray[np.int64]] = {}
    for answer in answers:
        for number, space in answer.spaces.items():
            first = blueprint.spaces[number].first_column
            owners = (space.words[space.evidence[:, 0]] >> ROW_SHIFT).tolist()
            for item, row in zip(space.evidence, owners, strict=True):
                if row in rows:
                    found[row, first + int(item[1])] = item[3 : 3 + int(item[2])]
    return found


def window_of(spec: FeatureSpec, time_ms: int) -> tuple[int, int] | None:
    """(start, end) of a feature's window, epoch ms; None for windows over all time."""
    if spec.over.forever:
        return None
    end = time_ms - spec.delay_ms
    if spec.over.period:
        return window_start(spec.over, end), end
    return end - spec.over.span_ms, end


def trace_of(headers: Headers | None) -> str:
    """The W3C ``traceparent`` among a record's headers, if it is one; see its section 3.2.

    >>> trace_of((("traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01"),))[:6]
    '00-111'
    >>> trace_of((("traceparent", b"none"),))
    ''
    """
    found = next((value for name, value in headers or () if name == "traceparent"), b"")
    return found.decode() if _TRACE.fullmatch(found) else ""


@dataclass(frozen=True, slots=True)
class HitReader:
    """One batch's outcomes, as hits are read from them.

    Attributes
    ----------
    features, truncated, outcomes
        (columns, n), (n,), (rules, n) of the batch.
    order_ms
        (n,): by what hits are merged with those of other homes.
    rows
        The events on which any rule hit.
    severities
        (severity conditions, rows).
    evidence, scores
        Contributing events; detector name → (scores, tail shares).
    """

    blueprint: Blueprint
    batch: Batch
    features: NDArray[np.float64]
    truncated: NDArray[np.bool_]
    outcomes: NDArray[np.int8]
    order_ms: NDArray[np.int64]
    rows: list[int]
    severities: NDArray[np.int8]
    evidence: Evidence
    scores: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]

    def hits(self) -> Iterator[tuple[int, list[Hit], list[Hit], list[Hit]]]:
        """(row, live hits, shadow hits, hits that wait) of every touched event, in order."""
        outcomes = np.ascontiguousarray(self.outcomes[:, self.rows].T)
        for place, row in enumerate(self.rows):
            by_pack: dict[str, list[Rule]] = {}
            waits: list[Hit] = []
            for index in np.flatnonzero(outcomes[place] == HIT).tolist():
                rule = self.blueprint.rules[index]
                if rule.spec.absent is None:
                    by_pack.setdefault(rule.pack, []).append(rule)
                else:
                    waits += self._waiting(rule, rule.spec.absent, row, place)
            live: list[Hit] = []
            shadow: list[Hit] = []
            for pack, rules in by_pack.items():
                typologies = self._typologies(pack, rules)
                details = self._details(pack, rules, row)
                grouped: dict[tuple[str, bool], list[RuleHit]] = {}
                for rule in rules:
                    key = (rule.spec.subject, rule.spec.status == "live")
                    rule_hit = RuleHit(rule, self._severity(rule, place))
                    grouped.setdefault(key, []).append(rule_hit)
                for (subject, is_live), rule_hits in grouped.items():
                    who = self.batch.text(subject, row)
                    own = {name for rule_hit in rule_hits for name in rule_hit.rule.spec.names}
                    found = tuple(t for t in typologies if is_live and not own.isdisjoint(t.rules))
                    counts = any(rule_hit.rule.spec.alone for rule_hit in rule_hits)
                    if who is not None and (counts or any(t.level for t in found)):
                        hit = self._hit(row, pack, who, tuple(rule_hits), details, found)
                        (live if is_live else shadow).append(hit)
            yield row, live, shadow, waits

    def _waiting(self, rule: Rule, absent: AbsentSpec, row: int, place: int) -> list[Hit]:
        """The hit of a rule with `absent`, as it will be when its time is over.

        What came too late waits for nothing: nobody knows what came since.
        """
        who = self.batch.text(rule.spec.subject, row)
        if who is None or self.batch.late[row]:
            return []
        found = (RuleHit(rule, self._severity(rule, place)),)
        hit = self._hit(row, rule.pack, who, found, self._details(rule.pack, [rule], row), ())
        return [replace(hit, time_ms=hit.time_ms + absent.within_ms, since_ms=hit.time_ms)]

    def _details(self, pack: str, rules: Sequence[Rule], row: int) -> Details:
        return Details(partial(self._read, pack, rules, row))

    def _typologies(self, pack: str, rules: Sequence[Rule]) -> list[Typology]:
        live = [rule for rule in rules if rule.spec.status == "live"]
        return typologies_of(self.blueprint.typologies.get(pack, ()), live)

    def _read(self, pack: str, rules: Sequence[Rule], row: int) -> tuple[Facts, dict[str, Any]]:
        return self._facts(pack, rules, row), self._event(row)

    def _event(self, row: int) -> dict[str, Any]:
        named = {c.name: self.batch.value(c.name, row) for c in self.batch.schema.columns}
        return {name: value for name, value in named.items() if value is not None}

    def _hit(
        self,
        row: int,
        pack: str,
        subject: str,
        rule_hits: tuple[RuleHit, ...],
        details: Details,
        typologies: tuple[Typology, ...],
    ) -> Hit:
        text = self.batch.text
        scores = {
            name.rpartition(".")[2]: (float(score[row]), float(share[row]))
            for name, (score, share) in self.scores.items()
            if name.startswith(f"{pack}.") and not np.isnan(score[row])
        }
        return Hit(
            pack, text("tenant", row) or "", rule_hits[0].rule.domain, subject,
            text("kind", row) or "", text("event_id", row) or "", int(self.batch.times[row]),
            bool(self.batch.late[row]), rule_hits, details, scores,
            int(self.order_ms[row]), trace_of(self.batch.headers.get(int(self.batch.places[row]))),
            typologies,
        )  # fmt: skip

    def _severity(self, rule: Rule, place: int) -> str:
        for (at, _node), named in zip(rule.severity_nodes, rule.severities, strict=True):
            if self.severities[at, place] == HIT:
                return named
        return rule.severities[-1]

    def _facts(self, pack: str, rules: Sequence[Rule], row: int) -> Facts:
        time = int(self.batch.times[row])
        values: dict[str, Any] = {}
        windows: dict[str, Sequence[str]] = {}
        events: dict[str, Sequence[str]] = {}
        # features of one window share their events
        named: dict[bytes, Sequence[str]] = {}
        compared = {item[0] for rule in rules for item in rule.evidence}
        shown = {name for rule in rules for name in rule.shown}
        for name in compared | shown:
            full = f"{pack}.{name}"
            column = self.blueprint.columns.get(full)
            if column is None:
                values[name] = self.batch.value(name, row)
                continue
            value = float(self.features[column, row])
            values[name] = None if np.isnan(value) else value
            spec = self.blueprint.specs.get(full)
            window = window_of(spec, time) if spec else None
            if window:
                windows[name] = [rfc3339(window[0]), rfc3339(window[1])]
            if (row, column) in self.evidence:
                found = self.evidence[row, column]
                key = found.tobytes()
                if key not in named:
                    named[key] = name_places(found)
                events[name] = named[key]
        warming = self._warming(rules, time) if self.blueprint.since_ms else {}
        return Facts(masked(values), windows, events, bool(self.truncated[row]), warming)

    def _warming(self, rules: Sequence[Rule], time_ms: int) -> dict[str, str]:
        """Features whose window reaches back beyond what they know, and since when that is."""
        found = {}
        for full in {name for rule in rules for name in rule.features}:
            since_ms = self.blueprint.since_ms.get(full)
            spec = self.blueprint.specs.get(full)
            if since_ms is not None and spec is not None:
                window = window_of(spec, time_ms)
                if window is None or window[0] < since_ms:
                    found[full] = rfc3339(since_ms)
        return found
