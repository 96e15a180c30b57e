"""`make quality` in small: what it counts, and that it can tell right from wrong."""

import re

import orjson
import pytest

from benchmarks.quality.judging import Judge, typology_of
from benchmarks.quality.run import DOCUMENT, Job, measure, written
from cli.deployment import load
from dataflows.offline import Offline
from models.records import RawBlock
from models.simulator.labels import Incident

EVERYTHING = """
pack: everything
on: [payment]
rules:
  - id: F07
    name: {en: Any payment, zh: 任何支付}
    when: amount_base > 0
    subject: account
    severity: low
    because: {en: "paid", zh: "支付"}
  - id: A01X
    name: {en: No payment, zh: 无}
    when: amount_base < 0
    subject: account
    severity: low
    because: {en: "paid", zh: "支付"}
"""


def cells(report, heading):
    part = report.split(f"### {heading}\n\n")[1].split("\n\n")[0]
    return [[c.strip() for c in row.strip("|").split("|")] for row in part.splitlines()[2:]]


def number(text):
    return int(text.replace(",", ""))


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """What a rule does that alerts on every payment, and one that never does."""
    path = tmp_path_factory.mktemp("packs") / "everything.yaml"
    path.write_text(EVERYTHING)
    return measure(Job(days=2, accounts=700, each=2, packs=(str(path),)))


def test_a_rule_that_always_alerts_catches_all_and_is_mostly_wrong(everything):
    always, never = cells(everything, "By rule")
    alerts, right, after, false = (number(always[place]) for place in (2, 5, 6, 7))
    assert alerts == right + after + false
    assert always[3] == "2 of 2"
    assert 0 < right < 0.5 * alerts
    assert false > 0.4 * alerts
    # There is an alert for every ordinary payment that was not soon after an incident.
    assert 50_000 < float(always[8]) < 100_000
    assert never[2:] == ["0", "0 of 2", "0", "0", "0", "0", "0.00"]


def test_typologies_say_which_rules_are_for_them(everything):
    rows = {row[0]: row[1:] for row in cells(everything, "By typology")}
    assert rows["F07"] == ["2", "2", "2", "`F07` 2"]
    assert rows["A01"] == ["2", "2", "0", "`F07` 2"]
    assert rows["R-CN-1"] == ["2", "2", "no rule", "`F07` 2"]
    # A storm of logins has no payment, and what lasts for weeks does not happen within two days.
    assert rows["F15"][1] == "0"
    assert "A16" not in rows


def test_the_header_counts_events_and_incidents(everything):
    head = everything.splitlines()[0]
    found = re.match(
        r"([\d,]+) events of 2 days, 700 accounts, seed 7; (\d+) incidents with ([\d,]+) events; "
        r"packs \S+; false alerts count after 0 days; 0 events rejected or late\.$",
        head,
    )
    assert found
    planted = sum(int(row[1]) for row in cells(everything, "By typology"))
    assert planted == int(found[2])
    assert number(found[3]) < number(found[1])


def test_shipped_packs_run_and_catch():
    report = measure(Job(days=1, accounts=600, each=1))
    rules = {row[1].split("`")[1]: row for row in cells(report, "By rule")}
    assert rules["F07"][3] == "1 of 1"
    assert rules["A03"][3] == "1 of 1"
    assert rules["S01"][3] == "none planted"
    assert "(shadow)" in rules["S01"][1]


START, MINUTE, DAY = 1_767_542_400_000, 60_000, 86_400_000
SMALL = {
    "own": ("a", START),
    "near": ("a", START + MINUTE),
    "other": ("c", START + MINUTE),
    "soon": ("a", START + 10 * MINUTE + 1),
    "victim": ("b", START + 30 * MINUTE),
    "late": ("a", START + DAY + 1),
}


def judged(tmp_path, from_ms):
    """Six payments of which one is an incident's, judged as a rule on every payment does."""
    path = tmp_path / "pack.yaml"
    path.write_text(EVERYTHING)
    _settings, blueprint = load([str(path)], None)
    incident = Incident("inc-1", "F07", "payments", "account/a", ("own",), START, START)
    judge, offline = Judge(blueprint, [incident], from_ms), Offline(blueprint)
    for place, (name, (account, time)) in enumerate(SMALL.items()):
        event = {"event_id": name, "event_time": time, "kind": "payment", "account": account}
        event |= {"amount": 5, "currency": "CNY"} | ({"counterparty": "b"} if name == "own" else {})
        line = orjson.dumps(event) + b"\n"
        judge.see(line, time)
        judge.judge(offline.feed(RawBlock(0, line, place, time)))
    judge.judge(offline.finish())
    return judge


def test_judging_follows_events_subjects_and_time(tmp_path):
    judge = judged(tmp_path, 0)
    count = judge.rules["everything", "F07"]
    assert (count.alerts, count.in_incidents, count.after, count.false) == (6, 2, 2, 2)
    assert count.caught == {"inc-1"}
    assert judge.ordinary == {"payment": 5}
    assert judge.in_incidents == 1


def test_what_is_ordinary_does_not_count_while_windows_fill(tmp_path):
    judge = judged(tmp_path, START + DAY)
    count = judge.rules["everything", "F07"]
    assert (count.alerts, count.in_incidents, count.after, count.false) == (3, 2, 0, 1)
    assert judge.ordinary == {"payment": 1}


@pytest.mark.parametrize(
    ("rule", "typology"),
    [("F04", "F04"), ("F04I", "F04"), ("F041", ""), ("R-CN-1", "R-CN-1"), ("R-CN-12", ""),
     ("RCN1B", "R-CN-1"), ("S01", ""), ("X", "")],
)  # fmt: skip
def test_a_rule_s_id_names_its_typology(rule, typology):
    assert typology_of(rule, ["F04", "F40", "R-CN-1", "A04"]) == typology


def test_the_report_goes_between_the_markers_of_the_document():
    text = DOCUMENT.read_text()
    changed = written(text, "the report")
    assert "\nthe report\n" in changed
    assert changed.split("<!--")[0] == text.split("<!--")[0]
    assert written(changed, "the report") == changed
