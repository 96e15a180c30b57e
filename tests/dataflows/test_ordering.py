"""ordering: event_time — nothing depends on partitions, order of arrival, or batches."""

import pytest

from connectors.file import FileSource
from dataflows.edges import Outlets
from dataflows.execute import execute, opened
from dataflows.offline import Offline
from models.records import RawBlock
from tests.dataflows.sameness import ARRIVAL_MS, names, outcome, shuffled, spread, write


@pytest.fixture(scope="module")
def good(lines):
    return [
        line
        for line in lines.splitlines(keepends=True)
        if b'"amount"' in line or b'"login"' in line
    ][:12_000]


@pytest.fixture(scope="module")
def expected(plain, good):
    """The right alerts: offline, in one piece, in order."""
    offline = Offline(plain)
    items = offline.feed(RawBlock(0, b"".join(good), 0, ARRIVAL_MS)).alerts
    found = outcome([*items, *offline.finish().alerts], names([good]))
    assert len(found) > 50
    return found


def run(blueprint, paths, remembering, ordering="event_time", block_bytes=1 << 20):
    alerts, dead, late = remembering(), remembering(), remembering()
    with opened(None, blueprint, ordering) as place:
        source = FileSource(paths, block_bytes=block_bytes, as_of_ms=ARRIVAL_MS)
        execute(source, Outlets(alerts, dead, late), place, commit_every_ms=50)
        assert place[1].shared.counters.late == 0
    return alerts.items


@pytest.mark.parametrize("partitions", [1, 2, 3, 11])
@pytest.mark.parametrize("block_bytes", [20_000, 1 << 20])
def test_partitions_and_blocks_change_nothing(
    plain, good, expected, partitions, block_bytes, tmp_path, remembering
):
    dealt = spread(good, partitions, seed=5)
    items = run(plain, write(dealt, tmp_path), remembering, block_bytes=block_bytes)

    assert outcome(items, names(dealt)) == expected


@pytest.mark.parametrize("partitions", [1, 4])
def test_order_of_arrival_changes_nothing(plain, good, expected, partitions, tmp_path, remembering):
    dealt = [shuffled(part, 59_000, seed=2) for part in spread(good, partitions, seed=9)]

    items = run(plain, write(dealt, tmp_path), remembering, block_bytes=50_000)

    assert outcome(items, names(dealt)) == expected


def test_arrival_keeps_partitions_in_step(plain, good, tmp_path, remembering):
    """Files are all lag and no live: what several partitions feed is merged by their clocks."""
    dealt = spread(good, 4, seed=3)
    offline = Offline(plain)
    items = offline.feed(RawBlock(0, b"".join(good), 0, ARRIVAL_MS)).alerts
    expected = outcome([*items, *offline.finish().alerts], names([good]))

    found = outcome(run(plain, write(dealt, tmp_path), remembering, "arrival"), names(dealt))

    # events of one millisecond may stand in another order
    assert len(set(found) ^ set(expected)) <= 0.02 * len(expected)
