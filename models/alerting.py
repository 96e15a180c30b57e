"""Alerting: which hits become alerts, and which are repeats within a cooldown.

Cooldown is kept per (tenant, rule, subject) in event time: hits of the same rule about the same
subject are counted as repeats of the alert that opened it; a higher severity breaks through.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.alerts import Hit, RuleHit, content_of
from models.features.calendar import window_start
from models.pack import SEVERITIES
from models.records import Alert, Repeat
from models.rounds import NO_TIME
from models.typologies import Typology

_SWEEP_AT: Final = 4096
_KEPT_MS: Final = 86_400_000
_Key = tuple[str, ...]
"""(tenant, pack, rule, domain, subject), and for incidents when their period began"""


@dataclass(slots=True)
class _Cooldown:
    """One rule's open cooldown about one subject; `waited` if it is a rule with `absent`."""

    alert_id: str
    until_ms: int
    severity: int
    repeats: int
    waited: bool = False


class Alerting:
    """The alert state of one shard of subjects.

    Attributes
    ----------
    repeated
        Hits within cooldowns since the start.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, ...], _Cooldown] = {}
        self._changed: dict[tuple[str, ...], None] = {}
        # hits that waited come behind others of the same time, so they have a clock of their own
        self._newest_ms = {False: NO_TIME, True: NO_TIME}
        self._sweep_at = _SWEEP_AT
        self.repeated = 0

    def raise_alerts(self, hits: Sequence[Hit]) -> list[Alert | Repeat]:
        """Decide on hits in their order: new alerts, then the newest count of each repeated one.

        Counts come from state, so sinks need only the last of several.
        """
        out: list[Alert | Repeat] = []
        newest: dict[str, Repeat] = {}
        for hit in hits:
            for item in self._decide(hit):
                if isinstance(item, Repeat):
                    newest[item.id] = item
                    self.repeated += 1
                else:
                    out.append(item)
        return [*out, *newest.values()]

    def _decide(self, hit: Hit) -> list[Alert | Repeat]:
        waited = hit.since_ms is not None
        self._newest_ms[waited] = max(self._newest_ms[waited], hit.time_ms)
        fresh = False
        repeated: dict[str, Repeat] = {}
        opening: list[tuple[_Key, int, int]] = []
        # rules that only keep others company do not open an alert that those would not
        deciding = [found for found in hit.hits if found.rule.spec.alone] or hit.hits
        for rule_hit in deciding:
            spec = rule_hit.rule.spec
            if not spec.cooldown_ms:
                fresh = True
                continue
            key: _Key = (hit.tenant, hit.pack, spec.id, hit.domain, hit.subject)
            if spec.incident is not None:
                # a new period is a new incident: it is never a repeat of the last one's alert
                key += (str(window_start(spec.incident, hit.time_ms)),)
            severity = _strength(rule_hit, hit.typologies)
            known = self._open.get(key)
            if known and hit.time_ms < known.until_ms and severity <= known.severity:
                known.repeats += 1
                self._changed[key] = None
                total = known.repeats
                before = repeated.get(known.alert_id)
                if before is None or before.repeats < total:
                    repeated[known.alert_id] = Repeat(known.alert_id, total, hit.time_ms, hit.about)
                continue
            fresh = True
            opening.append((key, hit.time_ms + spec.cooldown_ms, severity))
        if not fresh:
            return list(repeated.values())
        for key, until_ms, severity in opening:
            self._open[key] = _Cooldown(hit.id, until_ms, severity, 0, waited)
            self._changed[key] = None
        self._sweep()
        return [*repeated.values(), to_alert(hit)]

    def _sweep(self) -> None:
        """Forget closed cooldowns once the table has doubled; that changes no decision."""
        if len(self._open) < self._sweep_at:
            return
        # an out-of-order hit could still fall into one that is over: keep what lateness may reach
        self._open = {
            key: known
            for key, known in self._open.items()
            if known.until_ms >= self._newest_ms[known.waited] - _KEPT_MS
        }
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._open))

    def take_log(self) -> list[NDArray[np.uint8]]:
        """The cooldowns that changed since the last call."""
        changed, self._changed = self._changed, {}
        if not changed:
            return []
        return [self._packed({key: self._open[key] for key in changed if key in self._open})]

    def replay(self, log: Sequence[NDArray[np.uint8]]) -> None:
        """Take over changes that an earlier run made after it was saved."""
        for chunk in log:
            self._open.update(self._unpacked(chunk))

    def save(self) -> dict[str, NDArray[Any]]:
        """The whole state."""
        return {"open": self._packed(self._open)}

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        self._open = self._unpacked(saved["open"])

    def _packed(self, cooldowns: Mapping[_Key, _Cooldown]) -> NDArray[np.uint8]:
        rows = [
            [list(key), c.alert_id, c.until_ms, c.severity, c.repeats, c.waited]
            for key, c in cooldowns.items()
        ]
        state = {"newest": [self._newest_ms[False], self._newest_ms[True]], "open": rows}
        return np.frombuffer(json.dumps(state).encode(), np.uint8)

    def _unpacked(self, raw: NDArray[np.uint8]) -> dict[_Key, _Cooldown]:
        state = json.loads(raw.tobytes())
        if isinstance(state, list):
            # of earlier versions, which did not keep how far time was
            return {tuple(row[:-4]): _Cooldown(*row[-4:]) for row in state}
        for waited, newest_ms in zip((False, True), state["newest"], strict=True):
            self._newest_ms[waited] = max(self._newest_ms[waited], newest_ms)
        return {tuple(key): _Cooldown(*row) for key, *row in state["open"]}


def merged(parts: Sequence[Sequence[Hit]], *, by_time: bool) -> Sequence[Hit]:
    """The hits that several homes found in one round, in the order of their events.

    By partition clocks equal ones keep the order in which their home had them.
    """
    if len(parts) == 1:
        return parts[0]
    hits = [hit for part in parts for hit in part]
    return sorted(hits, key=_place if by_time else lambda hit: hit.order_ms)


def _place(hit: Hit) -> tuple[int, bool, str, str, str]:
    """Where a hit stands among those of a round: as its event, see `models.joining.identities`."""
    return hit.order_ms, hit.kind != "label", hit.event_id, hit.kind, hit.tenant


def to_alert(hit: Hit) -> Alert:
    """A hit as an alert, whatever the cooldown."""
    content = content_of(hit)
    data = content["data"]
    rules = tuple(reason["rule"] for reason in data["reasons"])
    return Alert(
        hit.id, hit.pack, hit.tenant, content["subject"], data["severity"], data["risk"],
        hit.time_ms, hit.event_id, rules, content,
    )  # fmt: skip


def _strength(found: RuleHit, typologies: Sequence[Typology]) -> int:
    """Of a rule's hit for its cooldown: an urgent typology with it breaks through once."""
    urgent = any(
        typology.level == "urgent" and not found.rule.spec.names.isdisjoint(typology.rules)
        for typology in typologies
    )
    return len(SEVERITIES) if urgent else SEVERITIES.index(found.severity)
