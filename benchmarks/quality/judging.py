"""Which alerts were right: hits and alerts held against the labels of a simulated world."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from dataflows.offline import Results
from models.absence import live, tried
from models.alerts import Hit
from models.planning.blueprint import Blueprint
from models.records import Alert
from models.simulator.labels import Incident

ABOUT_MS: Final = 10 * 60_000
"""An alert about an incident's subject so soon after its last event still counts for it."""

AFTERMATH_MS: Final = 86_400_000
"""An alert about somebody in an incident so soon after it is neither right nor false."""

TYPOLOGY_OF: Final[Mapping[str, str]] = {"S01": ""}
"""Rules whose id does not begin with the typology that they are for; "" is for none."""

_ENTITIES: Final = (
    *(("account", "account"), ("counterparty", "account"), ("customer", "customer")),
    *(("counterparty_customer", "customer"), ("card", "card"), ("device", "device")),
    *(("ip", "ip"), ("merchant", "merchant"), ("symbol", "symbol")),
)


def typology_of(rule: str, typologies: Iterable[str]) -> str:
    """Tell which typology a rule is for.

    >>> typology_of("F04I", ["F04", "F40"]), typology_of("RCN1", ["R-CN-1"]), typology_of("S01", [])
    ('F04', 'R-CN-1', '')
    """
    if rule in TYPOLOGY_OF:
        return TYPOLOGY_OF[rule]
    plain = rule.replace("-", "")
    fitting = [
        name
        for name in typologies
        if plain.startswith(name.replace("-", ""))
        and not plain[len(name.replace("-", "")) :][:1].isdigit()
    ]
    return max(fitting, key=len, default="")


@dataclass(slots=True)
class RuleCount:
    """What one rule did.

    Attributes
    ----------
    pack, kinds, shadow
        Of the rule; a shadow rule's every hit stands for an alert.
    caught
        Incidents, of whatever typology, in which it hit.
    alerts
        All of them; `in_incidents` about an incident, `after` about somebody in one soon after,
        and the rest, `false`, about ordinary life.
    """

    pack: str
    kinds: tuple[str, ...]
    shadow: bool
    caught: set[str] = field(default_factory=set)
    alerts: int = 0
    in_incidents: int = 0
    after: int = 0

    @property
    def false(self) -> int:
        """Alerts about ordinary life."""
        return self.alerts - self.in_incidents - self.after


class Judge:
    """Counts what each rule found.

    Parameters
    ----------
    blueprint
        The plan that was run.
    incidents
        Every incident of the world, known beforehand.
    from_ms
        Before, windows fill and habits are learned: alerts about ordinary life do not count,
        nor do ordinary events.
    """

    def __init__(
        self, blueprint: Blueprint, incidents: Iterable[Incident], from_ms: int = 0
    ) -> None:
        self._from_ms = from_ms
        self.incidents = {incident.id: incident for incident in incidents}
        self.rules = {
            (rule.pack, rule.spec.id): RuleCount(
                rule.pack, rule.spec.on, rule.spec.status == "shadow"
            )
            for rule in blueprint.rules
        }
        self.ordinary: dict[str, int] = defaultdict(int)
        self.in_incidents = 0
        self._by_event = {
            name: incident.id for incident in self.incidents.values() for name in incident.event_ids
        }
        self._about: dict[str, list[Incident]] = defaultdict(list)
        for incident in self.incidents.values():
            self._about[incident.subject].append(incident)
        self._touched: dict[str, int] = {}

    def see(self, lines: bytes, first_ms: int) -> None:
        """Look at events before they are scored; the first has this time, ids begin a line."""
        counted = first_ms >= self._from_ms
        for line in lines.splitlines():
            name = line[13 : line.index(b'"', 13)].decode()
            if name not in self._by_event:
                start = line.index(b'"kind":"') + 8
                self.ordinary[line[start : line.index(b'"', start)].decode()] += counted
                continue
            self.in_incidents += 1
            event = orjson.loads(line)
            for column, domain in _ENTITIES:
                if column in event:
                    self._touched[f"{domain}/{event[column]}"] = event["event_time"]

    def judge(self, results: Results) -> None:
        """Count what some events led to."""
        hits: dict[str, Hit] = {}
        for scored in results.scored:
            for hit in scored.shadow:
                self._count(hit, [found.rule.spec.id for found in hit.hits])
            for hit in scored.hits:
                hits[hit.id] = hit
                self._catch(hit)
        for hit in live(results.over):
            hits[hit.id] = hit
            self._catch(hit)
        for hit in tried(results.over):
            self._count(hit, [found.rule.spec.id for found in hit.hits])
        for alert in results.alerts:
            if isinstance(alert, Alert):
                self._count(hits[alert.id], alert.rules)

    def _incident(self, hit: Hit) -> str | None:
        """The incident that a hit is about."""
        if hit.event_id in self._by_event:
            return self._by_event[hit.event_id]
        for incident in self._about.get(f"{hit.domain}/{hit.subject}", ()):
            if incident.start_ms <= hit.time_ms <= incident.end_ms + ABOUT_MS:
                return incident.id
        return None

    def _catch(self, hit: Hit) -> str | None:
        incident = self._incident(hit)
        if incident:
            for found in hit.hits:
                self.rules[hit.pack, found.rule.spec.id].caught.add(incident)
        return incident

    def _count(self, hit: Hit, rules: Iterable[str]) -> None:
        incident = self._catch(hit)
        if incident is None and hit.time_ms < self._from_ms:
            return
        touched = self._touched.get(f"{hit.domain}/{hit.subject}", -AFTERMATH_MS)
        for rule in rules:
            count = self.rules[hit.pack, rule]
            count.alerts += 1
            count.in_incidents += incident is not None
            count.after += incident is None and hit.time_ms - touched <= AFTERMATH_MS

    @property
    def typologies(self) -> list[str]:
        """Those that were planted, in order."""
        return sorted({incident.typology for incident in self.incidents.values()})

    def planted(self, typology: str) -> set[str]:
        """Ids of its incidents."""
        return {name for name, one in self.incidents.items() if one.typology == typology}
