"""Hits to alerts: risk, reasons in every language, evidence, ids. Only hit rows come here.

An alert is a CloudEvents 1.0 object. Its id depends on what it is about, not on why it was
raised, so a replay that finds other reasons meets the same id.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from models.expressions.tree import Source
from models.pack import ACTIONS, SEVERITIES
from models.planning.rules import SEVERITY_WEIGHT, Rule, Sentence

ID_DIGITS: Final = 32
CARD_DIGITS_SHOWN: Final = 4
TYPE: Final = "riverguard.alert.v1"
_MASKED: Final = frozenset({"card"})


@dataclass(frozen=True, slots=True)
class RuleHit:
    """One rule that hit one event.

    Attributes
    ----------
    rule
        The rule.
    severity
        The strongest of its severities whose condition holds.
    values
        Name → value of what its condition and sentences name; NULLs are None.
    windows
        Feature name → (start, end) of its window, epoch ms.
    events
        Feature name → references of contributing events, newest first.
    truncated
        Whether an entity's event cap cut a window short.
    """

    rule: Rule
    severity: str
    values: Mapping[str, Any]
    windows: Mapping[str, tuple[int, int]]
    events: Mapping[str, Sequence[str]]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """All rules of one pack that hit one event about one subject.

    Attributes
    ----------
    pack, tenant, domain, subject
        About whom, for whom.
    kind, event_id, time_ms, late
        The event.
    event
        Its columns as a person reads them.
    hits
        The rules, live ones.
    scores
        Detector name → (score, tail share).
    """

    pack: str
    tenant: str
    domain: str
    subject: str
    kind: str
    event_id: str
    time_ms: int
    late: bool
    event: Mapping[str, Any]
    hits: tuple[RuleHit, ...]
    scores: Mapping[str, tuple[float, float]]

    @property
    def id(self) -> str:
        """The alert's id."""
        return alert_id(
            self.tenant, self.pack, self.domain, self.subject, self.kind, self.event_id
        )

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


def action_of(hits: Sequence[RuleHit]) -> str:
    """The strictest action that its rules ask for."""
    return max((hit.rule.spec.action for hit in hits), key=ACTIONS.index)


def rfc3339(time_ms: int) -> str:
    """Epoch milliseconds as RFC 3339 in UTC.

    >>> rfc3339(1795248000123)
    '2026-11-21T08:00:00.123Z'
    """
    at = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def shown(value: Any, wanted: str) -> str:
    """A value inside a reason: whole numbers plain, others with at most two decimals."""
    if value is None:
        return "–"
    if isinstance(value, str | bool):
        return str(value)
    if wanted:
        return format(value, wanted)
    number = float(value)
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    if abs(number) < 0.01:
        return f"{number:.3g}"
    return f"{number:.2f}".rstrip("0").rstrip(".")


def say(sentence: Sentence, values: Mapping[str, Any]) -> str:
    """Fill a reason's template."""
    return "".join(
        literal + (shown(values[name], wanted) if name else "")
        for literal, name, wanted in sentence.parts
    )


def mask_card(text: str) -> str:
    """All but the last four characters of a card hidden.

    >>> mask_card("4111111111111111")
    '************1111'
    """
    return "*" * max(len(text) - CARD_DIGITS_SHOWN, 0) + text[-CARD_DIGITS_SHOWN:]


def masked(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event with its card numbers masked."""
    return {
        name: mask_card(value) if name in _MASKED and isinstance(value, str) else value
        for name, value in event.items()
    }


def _reason(hit: RuleHit) -> dict[str, Any]:
    rule = hit.rule
    evidence = []
    for compared in rule.comparisons:
        name = compared.name.name.rpartition(".")[2] if not compared.name.of_event else ""
        label = name or compared.name.name
        item: dict[str, Any] = {
            "feature" if compared.name.source is Source.FEATURE else "column": label,
            "value": hit.values[label],
            "op": compared.operator,
            "threshold": compared.threshold,
        }
        if label in hit.windows:
            item["window"] = [rfc3339(time) for time in hit.windows[label]]
        if label in hit.events:
            item["events"] = list(hit.events[label])
        evidence.append(item)
    return {
        "rule": rule.spec.id,
        "revision": rule.spec.revision,
        "severity": hit.severity,
        "name": dict(rule.spec.name),
        **{language: say(sentence, hit.values) for language, sentence in rule.sentences.items()},
        "evidence": evidence,
        "source": rule.spec.source,
    }


def content_of(hit: Hit) -> dict[str, Any]:
    """The alert as a CloudEvents 1.0 object of JSON types."""
    ordered = sorted(
        hit.hits, key=lambda h: (-SEVERITIES.index(h.severity), h.rule.index)
    )
    subject = mask_card(hit.subject) if hit.domain in _MASKED else hit.subject
    return {
        "specversion": "1.0",
        "type": TYPE,
        "source": f"riverguard/{hit.pack}",
        "id": hit.id,
        "time": rfc3339(hit.time_ms),
        "subject": f"{hit.domain}/{subject}",
        "data": {
            "tenant": hit.tenant,
            "severity": hit.severity,
            "risk": risk_of(hit.hits),
            "p_fraud": None,
            "action": action_of(hit.hits),
            "incident_id": None,
            "repeats": 0,
            "late": hit.late,
            "truncated": any(h.truncated for h in hit.hits),
            "reasons": [_reason(h) for h in ordered],
            "scores": {
                name: {"score": round(score, 6), "p": round(share, 6)}
                for name, (score, share) in hit.scores.items()
            },
            "event": masked(hit.event),
            "runbook": next((h.rule.spec.runbook for h in ordered if h.rule.spec.runbook), None),
        },
    }
