"""What more rules cost: the generated packs are what their names say."""

import pytest

from benchmarks.speed.events import write_events
from benchmarks.speed.ours import AS_OF_MS
from benchmarks.speed.rules import BLOCK, CASES, COUNTS, best, blocks, measure, planned, table_of
from models.planning.names import kinds_mask

EVENTS = 8_000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("rules") / "events.ndjson"
    write_events(EVENTS + 500, 2, 1.2, path)
    return path


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rules", COUNTS)
def test_every_pack_has_its_rules_each_unlike_the_others(case, rules):
    blueprint = planned(case, rules)

    assert len(blueprint.rules) == rules
    assert len({rule.when for rule in blueprint.rules}) == rules


def test_thresholds_are_over_the_same_features_and_own_features_in_one_space():
    few, many = (planned("thresholds", count) for count in (COUNTS[0], COUNTS[-1]))
    own = planned("features", COUNTS[-1])

    assert few.columns == many.columns
    assert len(own.columns) == COUNTS[-1]
    assert len(many.spaces) == len(own.spaces) == 1
    assert own.spaces[0].plan.windows.shape[0] == COUNTS[-1]


def test_other_kinds_never_come():
    blueprint = planned("kinds", COUNTS[-1])
    met = [rule for rule in blueprint.rules if rule.kinds & kinds_mask(("payment",))]

    assert [rule.spec.id for rule in met] == [f"R{k:03}" for k in range(COUNTS[0])]
    assert [rule.when for rule in met] == [r.when for r in planned("thresholds", COUNTS[0]).rules]


def test_blocks_are_the_lines_of_the_file_in_order(path):
    found = list(blocks(path, 1000, 300, 50))

    lines = path.read_bytes().splitlines(keepends=True)
    assert b"".join(block.data for block in found) == b"".join(lines[50:1050])
    assert [block.first for block in found] == [50, 350, 650, 950]
    assert {block.arrival_ms for block in found} == {AS_OF_MS}


def test_rules_of_other_kinds_change_no_alert(path):
    few, many = (measure("kinds", count, path, EVENTS) for count in (COUNTS[0], COUNTS[-1]))

    assert few["events"] == many["events"] == EVENTS // 2 < BLOCK
    assert few["alerts"] == many["alerts"] > 0
    assert abs(sum(few["steps_ns"].values()) - few["ns"]) < 1


def test_the_fastest_run_counts_and_every_case_has_a_line():
    row = {
        "bench": "speed/rules/kinds", "rules": 10, "events_per_s": 1, "single_us": 90.0, "ns": 10.0,
        "alerts": 3, "steps_ns": dict.fromkeys(
            ("decode", "intake", "scatter", "windows", "programs", "rest"), 1.0
        ),
    }  # fmt: skip

    found = best([row, {**row, "ns": 9.0, "single_us": 95.0}, {**row, "ns": 11.0}])

    assert (found["ns"], found["single_us"]) == (9.0, 90.0)
    assert table_of([found]).row_count == 1
