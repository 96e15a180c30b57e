"""The stream of one torture run, and the alerts that it must lead to."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.fx import load_fx
from config.packs import load_pack
from config.settings import Settings
from dataflows.offline import Offline
from models.planning.blueprint import Blueprint, Deployment, draw
from models.records import RawBlock, Repeat
from models.simulator.world import World, WorldConfig

PACK = Path(__file__).with_name("pack.yaml")
LATENESS_MS = 60_000
ARRIVAL_MS = 1_900_000_000_000

Outcome = dict[str, tuple[dict[str, Any], int]]
"""Alert id → its content, its events by name, and how often it repeated."""


@dataclass(frozen=True)
class Stream:
    """Events dealt to partitions in the order in which they will be fed.

    Attributes
    ----------
    partitions
        Per partition its records.
    order
        Which partition is fed next, again and again.
    expected
        The right alerts.
    """

    partitions: list[list[bytes]]
    order: list[int]
    expected: Outcome

    @property
    def names(self) -> dict[str, str]:
        """``partition:offset`` → event id."""
        return {
            f"{number}:{offset}": json.loads(line)["event_id"]
            for number, lines in enumerate(self.partitions)
            for offset, line in enumerate(lines)
        }


def blueprint() -> Blueprint:
    """The plan of the torture pack under the shipped settings."""
    settings = Settings()
    fx = load_fx(settings.fx, settings.base_currency, settings.all_currencies)
    deployment = Deployment(
        settings.hash_key, settings.base_currency, settings.all_currencies,
        settings.allowed_lateness_ms, settings.shards, fx,
    )  # fmt: skip
    return draw([load_pack(str(PACK))], deployment)


def make_stream(events: int, partitions: int, seed: int, *, ordered: bool) -> Stream:
    """Simulate a stream, and score it offline.

    Parameters
    ----------
    events
        About how many.
    partitions
        Among which they are dealt at random.
    seed
        Of everything.
    ordered
        Whether they are fed in order; else delayed at random within the allowed lateness.
    """
    world = World(WorldConfig(seed=seed, accounts=3000, incidents_per_day=300))
    lines: list[bytes] = []
    for batch in world.batches(skip=60):
        lines += [ln for ln in batch.lines.splitlines() if b'"payment"' in ln or b'"login"' in ln]
        if len(lines) >= events:
            break
    offline, whole = Offline(blueprint()), b"\n".join(lines)
    items = [*offline.feed(RawBlock(0, whole, 0, ARRIVAL_MS)).alerts, *offline.finish().alerts]
    named = {f"0:{offset}": json.loads(line)["event_id"] for offset, line in enumerate(lines)}
    contents = [item.content for item in items if not isinstance(item, Repeat)]
    repeats = [(item.id, item.repeats) for item in items if isinstance(item, Repeat)]
    expected = outcome(contents, repeats, named)
    chance = random.Random(seed)
    if not ordered:
        delayed = [
            (json.loads(line)["event_time"] + chance.randrange(LATENESS_MS - 1000), at, line)
            for at, line in enumerate(lines)
        ]
        lines = [line for _when, _at, line in sorted(delayed)]
    dealt: list[list[bytes]] = [[] for _ in range(partitions)]
    order = [chance.randrange(partitions) for _ in lines]
    for number, line in zip(order, lines, strict=True):
        dealt[number].append(line)
    return Stream(dealt, order, expected)


def outcome(
    contents: Iterable[Mapping[str, Any]],
    repeats: Iterable[tuple[str, int]],
    named: Mapping[str, str],
) -> Outcome:
    """Alerts in a form that compares, whatever the partitions that the events stood in."""
    highest: dict[str, int] = {}
    for alert, count in repeats:
        highest[alert] = max(count, highest.get(alert, 0))
    found: Outcome = {}
    for content in contents:
        body = json.loads(json.dumps(content, default=dict))
        for reason in body["data"]["reasons"]:
            for evidence in reason["evidence"]:
                if "events" in evidence:
                    evidence["events"] = [named[place] for place in evidence["events"]]
        found[body["id"]] = (body, highest.get(body["id"], 0))
    return found


def differing(found: Outcome, expected: Outcome) -> Sequence[str]:
    """Ids that are missing, too many, or not the same."""
    return sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
