from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from cli.deployment import deployment_of
from config.settings import Settings
from dataflows.offline import Offline
from models.fx import FxRates
from models.pack import PackSpec
from models.planning.blueprint import Deployment, draw
from models.records import Alert, RawBlock, Repeat
from tests.packs.streams import loaded

START = 1_767_585_600_000
ARRIVAL = 1 << 53


@dataclass
class Played:
    hits: list[tuple[str, str, str]]
    """(rule, "domain/subject", event_id); those that wait for what should stay away included."""
    severities: list[str]
    """Of each hit."""
    raised: list[Alert | Repeat]

    @property
    def alerts(self) -> list[Alert]:
        return [one for one in self.raised if isinstance(one, Alert)]

    def events_of(self, rule: str) -> list[int]:
        """Numbers of the events on which a rule hit."""
        return [int(event_id) for hit_rule, _, event_id in self.hits if hit_rule == rule]


Play = Callable[..., Played]


@pytest.fixture(scope="session")
def deployment() -> Deployment:
    settings = Settings()
    return replace(deployment_of(settings), shards=2)


@pytest.fixture(scope="session")
def play(deployment) -> Play:
    """Score events with a shipped pack, or with one rule of it as if it were live and stood alone.

    `at` is ms after the start, ids are positions.
    """
    drawn = {}

    def run(
        pack: str,
        events: list[dict[str, Any]],
        base: str = "CNY",
        order: list[int] | None = None,
        rule: str = "",
    ) -> Played:
        if (pack, base, rule) not in drawn:
            rates = deployment.fx if base == "CNY" else FxRates()
            there = replace(deployment, base_currency=base, fx=rates)
            drawn[pack, base, rule] = draw([_without_detectors(loaded(pack), rule)], there)
        lines = [
            orjson.dumps(
                {
                    "event_id": f"{number:06d}",
                    "event_time": START + event["at"],
                    **{name: value for name, value in event.items() if name != "at"},
                }
            )
            for number, event in enumerate(events)
        ]
        if order is not None:
            lines = [lines[place] for place in order]
        if any(one.absent for one in loaded(pack).rules if one.id == rule):
            end = START + max(event["at"] for event in events) + 400 * 86_400_000
            lines.append(orjson.dumps({"event_id": "tick", "kind": "tick", "event_time": end}))
        offline = Offline(drawn[pack, base, rule])
        results = [offline.feed(RawBlock(0, b"\n".join(lines), 0, ARRIVAL)), offline.finish()]
        assert not results[0].dead_letters
        found = [
            (one.rule.spec.id, f"{hit.domain}/{hit.subject}", hit.event_id, one.severity)
            for result in results
            for scored in result.scored
            for hit in scored.hits
            for one in hit.hits
        ] + [
            (wait.rule, f"account/{wait.subject}", wait.event_id, wait.severity)
            for result in results
            for scored in result.scored
            for heard in scored.heard
            for wait in heard.waits
        ]
        return Played(
            [hit[:3] for hit in found],
            [hit[3] for hit in found],
            [one for result in results for one in result.alerts],
        )

    return run


def _without_detectors(pack: PackSpec, rule: str) -> PackSpec:
    """A pack without what takes longest to set up, and has its own tests."""
    if rule:
        live = {"status": "live", "alone": True}
        rules = tuple(replace(r, **live) for r in pack.rules if r.id == rule)
    else:
        rules = tuple(r for r in pack.rules if r.status == "live")
    return replace(pack, detectors=(), rules=rules)
