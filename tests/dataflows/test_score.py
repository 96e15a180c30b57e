"""The flow against its engine-free twin, and what batches must not change."""

import random
import time

import orjson
import pytest

from models.records import Alert, Repeat


def by_id(items):
    """Alert id → content; repeats by their last count."""
    alerts = {item.id: item.content for item in items if isinstance(item, Alert)}
    repeats = {}
    for item in items:
        if isinstance(item, Repeat):
            repeats[item.id] = max(repeats.get(item.id, 0), item.repeats)
    return alerts, repeats


def test_the_world_raises_every_kind_of_alert(blueprint, lines, offline):
    """Otherwise the comparisons below would compare little."""
    alerts, repeats = by_id(offline(blueprint, lines))

    rules = {reason["rule"] for alert in alerts.values() for reason in alert["data"]["reasons"]}
    assert rules == {"MANY", "LARGE", "FAILED", "MOVED", "ODD"}
    assert repeats


def test_dataflow_equals_offline(blueprint, lines, offline, flow):
    items, dead, counters = flow(blueprint, lines)

    assert by_id(items) == by_id(offline(blueprint, lines))
    assert [letter.code for letter in dead] == ["bad_json", "missing_column"]
    assert counters.events == lines.count(b"\n") - 2


@pytest.mark.parametrize("block_bytes", [1, 700, 50_000])
def test_batching_is_invisible(blueprint, lines, offline, block_bytes):
    part = b"".join(lines.splitlines(keepends=True)[:6000])

    whole, cut = offline(blueprint, part), offline(blueprint, part, block_bytes=block_bytes)

    # within a block alerts of different subjects may be written in another order
    assert orjson.dumps(by_id(cut)) == orjson.dumps(
        by_id(whole), option=orjson.OPT_PASSTHROUGH_DATACLASS
    ) or (by_id(cut) == by_id(whole))


def test_dataflow_with_small_blocks_equals_offline(blueprint, lines, offline, flow):
    part = b"".join(lines.splitlines(keepends=True)[:6000])

    items, _dead, _counters = flow(blueprint, part, block_bytes=2000)

    assert by_id(items) == by_id(offline(blueprint, part))


def test_event_time_order_undoes_any_shuffle_within_lateness(blueprint, lines, offline):
    good = [line for line in lines.splitlines() if line.startswith(b'{"event_id"')][:8000]
    good = [line for line in good if b'"event_id":"x"' not in line]
    random.seed(5)
    times = {line: orjson.loads(line)["event_time"] for line in good}
    shuffled = sorted(good, key=lambda line: times[line] + random.randrange(60_000))
    assert shuffled != good

    straight = by_id(offline(blueprint, b"\n".join(good), ordered=True))
    mixed = by_id(offline(blueprint, b"\n".join(shuffled), ordered=True))

    for alerts, _repeats in (straight, mixed):
        for content in alerts.values():
            # offsets name the place in the source, which the shuffle moved
            for reason in content["data"]["reasons"]:
                for item in reason["evidence"]:
                    item.pop("events", None)
    assert mixed == straight


def test_duplicates_change_nothing(blueprint, lines, offline):
    part = lines.splitlines(keepends=True)[:4000]
    twice = b"".join(line for pair in zip(part, part, strict=True) for line in pair)

    once, doubled = by_id(offline(blueprint, b"".join(part))), by_id(offline(blueprint, twice))

    assert once[0].keys() == doubled[0].keys()


def test_flow_leaves_the_clock_to_the_events(blueprint, lines, offline):
    """The same stream a moment later gives the same alerts."""
    part = b"".join(lines.splitlines(keepends=True)[:3000])
    first = by_id(offline(blueprint, part))
    time.sleep(0.01)

    assert by_id(offline(blueprint, part)) == first
