from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from cli.deployment import deployment_of
from config.packs import load_pack, pack_names
from config.settings import Settings
from dataflows.offline import Offline
from models.fx import FxRates
from models.planning.blueprint import Deployment, draw
from models.records import Alert, RawBlock, Repeat

START = 1_767_585_600_000
ARRIVAL = 1 << 53


@dataclass
class Played:
    hits: list[tuple[str, str, str]]
    """(rule, "domain/subject", event_id), shadow rules included."""
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
    """Score events with a shipped pack; `at` is ms after the start, ids are positions."""
    # the detector takes longest to set up, and has its own tests
    packs = {
        name: replace(pack, detectors=(), rules=tuple(r for r in pack.rules if r.status == "live"))
        for name in pack_names()
        for pack in [load_pack(name)]
    }
    drawn = {}

    def run(
        pack: str, events: list[dict[str, Any]], base: str = "CNY", order: list[int] | None = None
    ) -> Played:
        if (pack, base) not in drawn:
            rates = deployment.fx if base == "CNY" else FxRates()
            there = replace(deployment, base_currency=base, fx=rates)
            drawn[pack, base] = draw([packs[pack]], there)
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
        offline = Offline(drawn[pack, base])
        results = [offline.feed(RawBlock(0, b"\n".join(lines), 0, ARRIVAL)), offline.finish()]
        assert not results[0].dead_letters
        hits = [
            (rule_hit.rule.spec.id, f"{hit.domain}/{hit.subject}", hit.event_id)
            for result in results
            for scored in result.scored
            for hit in scored.hits
            for rule_hit in hit.hits
        ]
        return Played(hits, [one for result in results for one in result.alerts])

    return run
