"""The speed job: ours and the naive peer must find the same, or their speeds compare nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from bytewax.testing import run_main

from benchmarks.speed import naive
from benchmarks.speed.events import write_events
from benchmarks.speed.files import Outputs, naive_outputs, our_outputs
from benchmarks.speed.ours import AS_OF_MS, measure
from config.packs import load_pack
from connectors.file import FileSource
from dataflows.offline import Offline
from models.decoding.decoder import Decoder
from models.planning.blueprint import Deployment, draw
from models.records import RawBlock

SPEED = Path(naive.__file__).parent
COUNT = 6_000


def rows(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="session")
def events(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("speed") / "events.ndjson"
    write_events(COUNT, 2, 1.2, path)
    return path


@pytest.fixture(scope="session")
def peer(events) -> Outputs:
    out = events.with_name("naive.ndjson")
    run_main(naive.build(events, out, None))
    return naive_outputs(out)


def blocks(path: Path) -> Iterator[RawBlock]:
    reader = FileSource((str(path),), as_of_ms=AS_OF_MS).open(0)
    while not reader.finished:
        block = reader.read()
        if block is not None:
            yield block
    reader.close()


@pytest.mark.parametrize(
    ("zipf", "account", "counterparty", "amount"),
    [(0, "acct-014398", "acct-076122", 30.66), (1.2, "acct-018376", "acct-099833", 27.81)],
)
def test_the_generator_draws_the_events_of_the_job(tmp_path, zipf, account, counterparty, amount):
    write_events(1_000, 2, zipf, tmp_path / "events.ndjson")
    events = rows(tmp_path / "events.ndjson")
    times = [event["event_time"] for event in events]
    assert len({event["event_id"] for event in events}) == 1_000
    assert times == sorted(times)
    last = events[-1]
    assert (last["account"], last["counterparty"], last["amount"]) == (
        account, counterparty, amount,
    )  # fmt: skip


@pytest.mark.parametrize("pack", ["job", "job_trees"])
def test_ours_and_the_naive_peer_put_out_the_same_events(tmp_path, events, peer, pack):
    report = measure(SPEED / f"{pack}.yaml", events, tmp_path, profile=False)
    assert len(peer) > 10
    assert our_outputs(tmp_path / "alerts.ndjson") == peer
    assert (report["events"], report["rejected"], report["late"]) == (COUNT, 0, 0)
    accounts = {event["account"] for event in rows(events)}
    assert report["accounts"] == len(accounts)
    assert 0 < report["window_bytes"] <= report["window_bytes_held"]


def test_our_trees_score_as_river_does_bit_for_bit(events):
    # in arrival order, as ours; Bytewax would hand the peer's model each batch by account
    trees, states, expected = naive.model(), {}, []
    for event in rows(events):
        account = event["account"]
        states[account], item = naive.update(states.get(account), event)
        scored, _features = naive.score_with(trees)(item)
        expected.append(scored["isolation"])
    offline = Offline(draw([load_pack(str(SPEED / "job_trees.yaml"))], Deployment()))
    found = np.concatenate(
        [
            scored.scores["job_trees.isolation"]
            for results in offline.run(blocks(events))
            for scored in results.scored
        ]
    )
    # few differ: most values lie above the default limits, where all trees agree
    assert len(set(expected)) > 10
    assert found.tolist() == expected


def test_a_profiled_run_names_its_steps_and_leaves_nothing_behind(tmp_path, events, peer):
    before = Decoder.decode
    report = measure(SPEED / "job_trees.yaml", events, tmp_path, profile=True)
    steps = {step: seconds for step, seconds, _cpu, _calls in report["steps"]}
    named = {"decode", "scatter: programs", "windows", "score: programs", "score: trees"}
    assert named <= steps.keys()
    assert 0 < sum(steps.values()) <= report["seconds"]
    assert Decoder.decode is before
    assert our_outputs(tmp_path / "alerts.ndjson") == peer
    json.dumps(report)
