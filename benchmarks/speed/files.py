"""The job's event files, made once and kept in ``build/bench``, and what to expect of them."""

import hashlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import orjson

from benchmarks.speed import events
from benchmarks.speed.machine import ROOT

BENCH: Final = ROOT / "build" / "bench"
EVENTS: Final = 1_200_000
SEED: Final = 2
HITS_MORE_THAN: Final = 2

Outputs = dict[str, tuple[str, float, int]]
"""Event id → (account, amount, number of hits)."""


@dataclass(frozen=True, slots=True)
class Keys:
    """How the events spread over the accounts.

    Attributes
    ----------
    outputs
        Events with more than two hits, by an independent computation.
    """

    name: str
    zipf: float
    outputs: int


UNIFORM: Final = Keys("uniform", 0, 446)
SKEWED: Final = Keys("skewed", 1.2, 5572)


def event_file(keys: Keys, count: int = EVENTS) -> Path:
    """The first `count` of the job's events; the name says which generator made them."""
    generator = hashlib.sha256(Path(events.__file__).read_bytes()).hexdigest()[:8]
    BENCH.mkdir(parents=True, exist_ok=True)
    path = BENCH / f"{keys.name}-{generator}-{count}.ndjson"
    if path.exists():
        return path
    # a file that is there is whole
    unfinished = path.with_suffix(".part")
    if count == EVENTS:
        events.write_events(count, SEED, keys.zipf, unfinished)
    else:
        with event_file(keys).open("rb") as whole, unfinished.open("wb") as first:
            first.writelines(islice(whole, count))
    return unfinished.rename(path)


def warm(path: Path) -> None:
    """Read a file once, so that it is in the page cache."""
    with path.open("rb") as file:
        while file.read(1 << 22):
            pass


def our_outputs(alerts: Path) -> Outputs:
    """What a run of ours put out: its alerts with more than two rules."""
    found: Outputs = {}
    for line in alerts.read_bytes().splitlines():
        data = orjson.loads(line)["data"]
        if len(data["reasons"]) > HITS_MORE_THAN:
            event = data["event"]
            row = (event["account"], event["amount"], len(data["reasons"]))
            found[event["event_id"]] = row
    return found


def naive_outputs(out: Path) -> Outputs:
    """What a run of the naive peer put out."""
    rows = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    return {row["event_id"]: (row["account"], row["amount"], row["hits"]) for row in rows}
