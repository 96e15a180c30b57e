"""`riverguard simulate`: labelled synthetic traffic as files."""

import math
from itertools import chain, islice
from pathlib import Path

import orjson

from models.simulator.world import Catalogue, Incident, World, WorldConfig

_SLICES_PER_DAY = 144


def simulate(
    output: Path,
    truth: Path | None,
    *,
    days: float,
    seed: int,
    accounts: int,
    instruments: int,
    each: int,
) -> None:
    """Write simulated events, and what is hidden in them, and print a summary.

    `each` incidents of every typology of the catalogue happen within the days, with the life and
    the past around them; 0 leaves the world as `demo` shows it.
    """
    catalogue = Catalogue(each=each, period_days=math.ceil(days)) if each else None
    world = World(
        WorldConfig(seed=seed, accounts=accounts, instruments=instruments, catalogue=catalogue)
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    events = 0
    incidents: list[Incident] = []
    with output.open("wb") as file:
        past = [world.past()] if catalogue else []
        for batch in chain(past, islice(world.batches(), round(days * _SLICES_PER_DAY))):
            file.write(batch.lines)
            events += batch.events
            incidents.extend(batch.incidents)
    if truth:
        truth.write_bytes(b"".join(orjson.dumps(incident) + b"\n" for incident in incidents))
    summary = {"events": events, "incidents": len(incidents), "seed": seed, "output": str(output)}
    print(orjson.dumps(summary).decode())  # noqa: T201
