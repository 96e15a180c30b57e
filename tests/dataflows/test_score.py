"""The flow against its engine-free twin, and what batches must not change."""

import random
import time

import numpy as np
import orjson
import pytest

from config.packs import load_pack
from connectors.file import FileSource
from dataflows.edges import Outlets
from dataflows.execute import execute, opened
from dataflows.offline import Offline
from models.planning.blueprint import Deployment, draw
from models.records import Alert, RawBlock, Repeat


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
    assert rules == {
        "MANY", "LARGE", "FAILED", "MOVED", "LOOKS", "FADED", "ODD", "UNANSWERED", "STUCK", "KEYED",
    }  # fmt: skip
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


def payment(number, time_ms, amount=10):
    return (
        f'{{"event_id":"p{number}","event_time":{time_ms},"kind":"payment","account":"a",'
        f'"counterparty":"b","customer":"c","amount":{amount},"currency":"CNY"}}\n'
    ).encode()


def test_a_late_event_is_scored_flagged_copied_and_not_learned(blueprint):
    start, late_by = 1_767_542_400_000, 61_000
    offline = Offline(blueprint, ordered=False)
    on_time = [payment(n, start + 1000 * n) for n in range(4)]
    behind = payment(9, start + 3000 - late_by)
    after = payment(10, start + 4000)

    results = [
        offline.feed(RawBlock(0, line, n, start + 10_000))
        for n, line in enumerate([*on_time, behind, after])
    ]

    assert [len(result.late) for result in results] == [0, 0, 0, 0, 1, 0]
    late = results[4].late[0]
    assert (late.raw, late.offset, late.late_by_ms) == (behind.rstrip(), 4, 1000)
    assert offline.counters.late == 1
    hits = [hit for result in results for scored in result.scored for hit in scored.hits]
    seen = [(h.event_id, h.late, h.facts.values["payments_10m"]) for h in hits]
    # p9 reads its own window, ten minutes up to its time: nobody had paid yet; p10 does not see it
    assert seen == [("p2", False, 3.0), ("p3", False, 4.0), ("p10", False, 5.0)]


def test_a_detector_scores_only_the_rows_it_asks_for(tmp_path):
    path = tmp_path / "chosen.yaml"
    path.write_text(
        "pack: chosen\non: [payment]\ndetectors:\n"
        "  odd: {model: half_space_trees, features: [amount], trees: 3, height: 3, window: 10,"
        " when: amount >= 100}\n"
        "  slow: {model: river, class: river.anomaly.HalfSpaceTrees, features: [amount],"
        " options: {n_trees: 2, seed: 1}, when: amount < 100}\nrules: []\n"
    )
    blueprint = draw([load_pack(str(path))], Deployment())
    offline = Offline(blueprint)
    data = b"".join(payment(n, 1_767_542_400_000 + n, 50 + 10 * n) for n in range(12))

    results = [offline.feed(RawBlock(0, data, 0, 1_767_542_500_000)), offline.finish()]

    scored = [one for result in results for one in result.scored]
    odd = np.concatenate([one.scores["chosen.odd"] for one in scored])
    slow = np.concatenate([one.scores["chosen.slow"] for one in scored])
    assert np.isnan(odd).tolist() == [True] * 5 + [False] * 7
    assert np.isnan(slow).tolist() == [False] * 5 + [True] * 7


def test_rules_may_change_and_packs_may_move_over_a_restart(
    pack_file, lines, tmp_path, remembering
):
    events = tmp_path / "events.ndjson"
    events.write_bytes(b"".join(lines.splitlines(keepends=True)[:50]))
    moved = tmp_path / "moved.yaml"
    text = pack_file.read_text()
    assert "payments_10m >= 3" in text
    moved.write_text("# a comment\n" + text.replace("payments_10m >= 3", "payments_10m >= 2"))

    for path in (pack_file, moved):
        plan = draw([load_pack(str(path))], Deployment())
        with opened(tmp_path / "state", plan) as place:
            outlets = Outlets(*(remembering() for _ in range(3)))
            execute(FileSource((str(events),)), outlets, place)


def test_a_reason_may_show_a_column_that_only_the_pack_knows(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "pack: own\non: [payment]\ncolumns: {basket_size: number}\nrules:\n  - id: BIG\n"
        "    name: {en: a, zh: b}\n    when: amount >= 5\n    subject: account\n"
        "    severity: low\n    because: {en: '{basket_size} items', zh: '{basket_size} 件'}\n"
    )
    offline = Offline(draw([load_pack(str(path))], Deployment()), ordered=False)
    line = payment(1, 1_767_542_400_000).replace(b'"amount"', b'"basket_size":7,"amount"')

    (alert,) = offline.feed(RawBlock(0, line, 0, 1_767_542_500_000)).alerts

    assert alert.content["data"]["reasons"][0]["en"] == "7 items"
