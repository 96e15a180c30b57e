"""Waits over a change of the packs: a rule that waits for the same goes on, the others are gone."""

import orjson
import pytest

from config.packs import load_pack
from models.planning.blueprint import Deployment, draw
from models.records import Alert
from tests.dataflows.changing import run

DAY_MS = 86_400_000
START_MS = 1_767_585_600_000
PACK = """
pack: promises
on: [loan]
rules:
  - id: UNPAID
    name: {en: a, zh: b}
    when: event = 'due'
    absent: {within: 3d, where: "event = 'repayment'"}
    subject: customer
    severity: low
    because: {en: "{amount} was due", zh: "{amount}"}
"""
OTHER = """
  - id: OTHER
    name: {en: a, zh: b}
    when: event = 'drawdown'
    absent: {within: 1d}
    subject: loan
    severity: low
    because: {en: "x", zh: "x"}
"""
WITHOUT = PACK.replace("    absent: {within: 3d, where: \"event = 'repayment'\"}\n", "")
ONLY_OTHER = PACK[: PACK.index("  - id")] + OTHER.lstrip("\n")


def event(number, days, **columns):
    whole = {
        "event_id": f"e{number}", "kind": "loan", "event_time": int(START_MS + days * DAY_MS),
        "loan": "l", "customer": "c", "event": "due", "amount": 5, "currency": "CNY",
    }  # fmt: skip
    return orjson.dumps(whole | columns) + b"\n"


def tick(number, days):
    return event(number, days, kind="tick")


def starts(tmp_path, remembering, steps):
    """Alerts of each start: with which pack, over which further events."""
    events, raised = tmp_path / "events.ndjson", []
    events.write_bytes(b"")
    for number, (text, lines) in enumerate(steps):
        path = tmp_path / f"pack-{number}.yaml"
        path.write_text(text)
        events.write_bytes(events.read_bytes() + b"".join(lines))
        plan = draw([load_pack(str(path))], Deployment())
        items, _told = run(plan, tmp_path / "state", events, remembering)
        raised.append([item.event_id for item in items if isinstance(item, Alert)])
    return raised


DUE = [event(1, 0), tick(2, 0.5)]
PAID = [event(3, 1, event="repayment"), tick(4, 2)]
LATER = [tick(5, 6)]


DRAFT = PACK.replace("severity: low", "severity: low\n    status: draft")


@pytest.mark.parametrize("meanwhile", [WITHOUT, ONLY_OTHER, DRAFT])
def test_a_rule_that_was_away_does_not_tell_of_what_it_did_not_hear(
    tmp_path, remembering, meanwhile
):
    raised = starts(tmp_path, remembering, [(PACK, DUE), (meanwhile, PAID), (PACK, LATER)])

    assert raised[2] == []


@pytest.mark.parametrize(
    "changed",
    [
        PACK.replace("subject: customer", "subject: loan"),
        PACK.replace("'repayment'", "'writeoff'"),
        PACK.replace("within: 3d, where", "within: 3d, on: [loan, payment], where"),
    ],
)
def test_a_rule_that_waits_for_something_else_begins_anew(tmp_path, remembering, changed):
    raised = starts(tmp_path, remembering, [(PACK, DUE), (changed, PAID + LATER)])

    assert raised[1] == []


@pytest.mark.parametrize(
    "changed",
    [
        PACK + OTHER,
        PACK.replace("event = 'due'", "event = 'due' AND amount > 100"),
        PACK.replace("severity: low", "severity: high\n    revision: 2"),
        PACK.replace("within: 3d", "within: 9d"),
    ],
)
def test_a_rule_that_waits_for_the_same_goes_on(tmp_path, remembering, changed):
    raised = starts(tmp_path, remembering, [(PACK, DUE), (changed, LATER)])

    assert raised == [[], ["e1"]]
