"""State that version 0.1 wrote is taken over: nothing is forgotten, nothing comes twice."""

import json
import tarfile
from pathlib import Path

import pytest

from config.fx import load_fx
from config.packs import load_pack
from config.settings import Settings
from connectors.file import FileSource
from dataflows.edges import Outlets
from dataflows.execute import execute, opened
from dataflows.migration import migrate
from dataflows.recovery import snapshots
from models.planning.blueprint import Deployment, draw
from models.records import Alert, Repeat

WRITTEN = Path(__file__).with_name("format_1.tar.gz")
"""The state of the first 1,500 events of a stream of 3,000, with the stream and its pack."""


@pytest.fixture
def written(tmp_path):
    with tarfile.open(WRITTEN) as archive:
        # Python 3.11 has filters from 3.11.4 on, 3.12 warns without one
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp_path, **safe)  # noqa: S202 - our own archive
    # it names the path of the pack, which is another one here
    (tmp_path / "plan").unlink()
    return tmp_path


@pytest.fixture
def plan(written):
    settings = Settings()
    fx = load_fx(settings.fx, settings.base_currency, settings.all_currencies)
    deployment = Deployment(settings.hash_key, fx=fx)
    return draw([load_pack(str(written / "pack.yaml"))], deployment)


def run(plan, root, events, remembering):
    sinks = [remembering() for _ in range(3)]
    with opened(root, plan) as place:
        execute(FileSource((str(events),)), Outlets(*sinks), place)
        return sinks[0].items, place[1].shared.counters


def test_the_second_half_is_scored_as_in_one_piece(written, plan, tmp_path, remembering):
    events = written / "events.ndjson"
    whole, _counters = run(plan, tmp_path / "whole", events, remembering)

    rest, counters = run(plan, written, events, remembering)

    assert (counters.events, counters.duplicates) == (1500, 0)
    lines = events.read_bytes().splitlines()[1500:]
    second = {json.loads(line)["event_id"] for line in lines}
    later = {item.id: item for item in rest if isinstance(item, Alert)}
    expected = {i.id: i for i in whole if isinstance(i, Alert) and i.event_id in second}
    assert len(later) >= 20
    assert later == expected
    repeats = {i.id: i.repeats for i in rest if isinstance(i, Repeat)}
    totals = {i.id: i.repeats for i in whole if isinstance(i, Repeat)}
    assert repeats.items() <= totals.items()


def test_it_is_brought_to_the_present_format_once(written):
    recovery = written / "recovery"

    assert migrate(recovery, 8)
    assert not migrate(recovery, 8)
    (source,) = [found for found in snapshots(recovery) if found.step == "score.source"]
    assert (source.key, source.state[0]["record"]) == ("0000", 1500)
