"""Hits to alerts: risk, reasons in every language, evidence, ids. Only hit rows come here.

An alert is a CloudEvents 1.0 object. Its id depends on what it is about, not on why it was
raised, so a replay that finds other reasons meets the same id.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

from models.features.calendar import window_start
from models.pack import ACTIONS, SEVERITIES
from models.planning.rules import SEVERITY_WEIGHT, Rule
from models.typologies import INTERDICTION, Typology
from models.wording import MASKED, mask_card, masked, rfc3339, say

ID_DIGITS: Final = 32
TYPE: Final = "riverguard.alert.v1"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules of one pack saw at one event.

    Attributes
    ----------
    values
        Name → value of what conditions and sentences name; NULLs are None.
    windows
        Feature name → (start, end) of its window, RFC 3339.
    events
        Feature name → references of contributing events, newest first.
    truncated
        Whether an entity's event cap cut a window short.
    warming
        Full feature name → since when it knows events, RFC 3339, where its window began earlier.
    """

    values: Mapping[str, Any]
    windows: Mapping[str, Sequence[str]]
    events: Mapping[str, Sequence[str]]
    truncated: bool
    warming: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RuleHit:
    """One rule that hit one event, with the strongest of its severities that holds."""

    rule: Rule
    severity: str


class Details:
    """What the rules saw, and the event, read when somebody asks.

    Most hits only repeat an alert within its cooldown, and nobody asks.

    Parameters
    ----------
    read
        Gives both; called once at most.
    """

    def __init__(self, read: Callable[[], tuple[Facts, Mapping[str, Any]]]) -> None:
        self._read = read

    @cached_property
    def both(self) -> tuple[Facts, Mapping[str, Any]]:
        """What the rules saw, and the event's columns as a person reads them."""
        return self._read()

    def __reduce__(self) -> tuple[Any, ...]:
        return Details, (partial(_given, *self.both),)


def _given(facts: Facts, event: Mapping[str, Any]) -> tuple[Facts, Mapping[str, Any]]:
    return facts, event


@dataclass(frozen=True, slots=True)
class Hit:
    """All rules of one pack that hit one event about one subject.

    Attributes
    ----------
    pack, tenant, domain, subject
        About whom, for whom.
    kind, event_id, time_ms, late
        The event.
    hits
        The rules.
    details
        What they saw, and the event's columns.
    scores
        Detector name → (score, tail share).
    order_ms
        By what it is merged with the hits of other homes.
    trace
        W3C ``traceparent`` of the event's record; empty without one.
    typologies
        Those in which one of its rules takes part.
    since_ms
        Of a rule with `absent`: since when it waited; `time_ms` is when the waiting was over.
    written
        Its content, where that was written before.
    """

    pack: str
    tenant: str
    domain: str
    subject: str
    kind: str
    event_id: str
    time_ms: int
    late: bool
    hits: tuple[RuleHit, ...]
    details: Details
    scores: Mapping[str, tuple[float, float]]
    order_ms: int = 0
    trace: str = ""
    typologies: tuple[Typology, ...] = ()
    since_ms: int | None = None
    written: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """The alert's id; a card goes in masked, or its hash could be tried out.

        What waited is told of by itself: its event may have raised an alert when it came.
        """
        waited = () if self.since_ms is None else (self.hits[0].rule.spec.id,)
        return alert_id(
            self.tenant, self.pack, self.domain, self.shown_subject, self.kind, self.event_id,
            *waited,
        )  # fmt: skip

    @property
    def facts(self) -> Facts:
        """What the rules saw."""
        return self.details.both[0]

    @property
    def event(self) -> Mapping[str, Any]:
        """The event's columns as a person reads them."""
        return self.details.both[1]

    @property
    def shown_subject(self) -> str:
        """The subject as it may leave the process."""
        return mask_card(self.subject) if self.domain in MASKED else self.subject

    @property
    def about(self) -> str:
        """The alert's subject: domain and value."""
        return f"{self.domain}/{self.shown_subject}"

    @property
    def severity(self) -> str:
        """The strongest severity among its rules."""
        return max((hit.severity for hit in self.hits), key=SEVERITIES.index)


def alert_id(*parts: str) -> str:
    """SHA-256 over length-prefixed parts, shortened.

    >>> alert_id("ab", "c") == alert_id("a", "bc")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()[:ID_DIGITS]


def risk_of(hits: Sequence[RuleHit]) -> float:
    """Noisy-or over rule groups: within a group only the strongest hit counts.

    Plain noisy-or over correlated rules would overstate the risk many times over.
    """
    strongest: dict[str, float] = {}
    for hit in hits:
        group = hit.rule.spec.group or hit.rule.spec.id
        weight = SEVERITY_WEIGHT[hit.severity]
        strongest[group] = max(strongest.get(group, 0.0), weight)
    clean = 1.0
    for group in sorted(strongest):
        clean *= 1.0 - strongest[group]
    return round(1.0 - clean, 6)


def action_of(hits: Sequence[RuleHit], typologies: Sequence[Typology]) -> str:
    """The strictest action that its rules and typologies ask for."""
    asked = [hit.rule.spec.action for hit in hits]
    asked += [INTERDICTION for typology in typologies if typology.interdict]
    return max(asked, key=ACTIONS.index)


def _reason(found: Hit, hit: RuleHit, incident: str | None) -> dict[str, Any]:
    rule, spec, facts = hit.rule, hit.rule.spec, found.facts
    evidence = []
    for label, is_feature, operator, threshold in rule.evidence:
        item: dict[str, Any] = {
            "feature" if is_feature else "column": label,
            "value": facts.values[label],
            **({"op": operator, "threshold": threshold} if operator else {}),
        }
        if label in facts.windows:
            item["window"] = facts.windows[label]
        if label in facts.events:
            item["events"] = facts.events[label]
        evidence.append(item)
    warming = {
        name.partition(".")[2]: facts.warming[name]
        for name in sorted(rule.features & facts.warming.keys())
    }
    waited = () if found.since_ms is None else (found.since_ms, found.time_ms)
    return {
        "rule": spec.id,
        "revision": spec.revision,
        "severity": hit.severity,
        "name": spec.name,
        **{language: say(sentence, facts.values) for language, sentence in rule.sentences.items()},
        "evidence": evidence,
        "source": spec.source,
        **({"incident_id": incident} if incident else {}),
        **({"warming": warming} if warming else {}),
        **({"absent": [rfc3339(at) for at in waited]} if waited else {}),
    }


def _incident_id(hit: Hit, found: RuleHit) -> str | None:
    """One id for all that a rule finds about a subject within a calendar period."""
    over = found.rule.spec.incident
    if over is None:
        return None
    since = str(window_start(over, hit.time_ms))
    rule = found.rule.spec.id
    return alert_id(hit.tenant, hit.pack, rule, hit.domain, hit.shown_subject, since)


def content_of(hit: Hit) -> Mapping[str, Any]:
    """The alert as a CloudEvents 1.0 object of JSON types."""
    if hit.written is not None:
        return hit.written
    ordered = sorted(hit.hits, key=lambda h: (-SEVERITIES.index(h.severity), h.rule.index))
    incidents = [_incident_id(hit, found) for found in ordered]
    return {
        "specversion": "1.0",
        "type": TYPE,
        "source": f"riverguard/{hit.pack}",
        "id": hit.id,
        "time": rfc3339(hit.time_ms),
        "subject": hit.about,
        **({"traceparent": hit.trace} if hit.trace else {}),
        "data": {
            "tenant": hit.tenant,
            "severity": hit.severity,
            "risk": risk_of(hit.hits),
            "p_fraud": None,
            "action": action_of(hit.hits, hit.typologies),
            "incident_id": next(filter(None, incidents), None),
            "repeats": 0,
            "late": hit.late,
            "truncated": hit.facts.truncated,
            "reasons": [
                _reason(hit, h, incident) for h, incident in zip(ordered, incidents, strict=True)
            ],
            "typologies": [found.content() for found in hit.typologies],
            "scores": {
                name: {"score": round(score, 6), "p": round(share, 6)}
                for name, (score, share) in hit.scores.items()
            },
            "event": masked(hit.event),
            "prompt": next((_prompt(h, hit.facts) for h in ordered if h.rule.prompts), None),
            "runbook": next((h.rule.spec.runbook for h in ordered if h.rule.spec.runbook), None),
        },
    }


def _prompt(hit: RuleHit, facts: Facts) -> dict[str, str]:
    """What the customer may be asked, by language."""
    return {name: say(prompt, facts.values) for name, prompt in hit.rule.prompts.items()}
