from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from models.simulator.world import Incident, SimulatedBatch, World, WorldConfig

DAYS = 2
PER_DAY = 144


@dataclass
class Story:
    config: WorldConfig
    batches: list[SimulatedBatch]
    events: list[dict[str, Any]]
    incidents: list[Incident]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]


@pytest.fixture(scope="session")
def story() -> Story:
    """Two days of a world small enough to parse; rates per account are the default ones."""
    config = WorldConfig(accounts=6_000, instruments=16, trades_per_instrument=3_500)
    stream = World(config).batches()
    batches = [next(stream) for _ in range(DAYS * PER_DAY)]
    return Story(
        config,
        batches,
        [orjson.loads(line) for batch in batches for line in batch.lines.splitlines()],
        [incident for batch in batches for incident in batch.incidents],
    )
