from pathlib import Path

import pytest

from config.packs import load_pack
from dataflows.examples import START_MS, STEP_MS, example_events, run_examples
from models.planning.blueprint import Deployment

PACK = """\
pack: small
on: [payment]
features:
  payments_1m: {count: "*", by: account, over: 1m}
  usual: {mean: amount, by: account, over: 1h, min_history: 3}
rules:
  - id: R1
    name: {en: Three payments, zh: 三笔支付}
    when: payments_1m >= 3
    subject: account
    severity: medium
    cooldown: 1h
    because: {en: "{payments_1m} payments", zh: "{payments_1m} 笔支付"}
    STATUS
    examples:
EXAMPLES
"""


@pytest.fixture
def run(tmp_path: Path):
    """Run examples of the rule; each is written as in a pack, without its indent."""

    def run_these(*examples: str, status: str = "live", pack: str = PACK):
        path = tmp_path / "small.yaml"
        listed = "\n".join(f"      - {example}" for example in examples)
        path.write_text(pack.replace("EXAMPLES", listed).replace("STATUS", f"status: {status}"))
        return run_examples(load_pack(str(path)), Deployment())

    return run_these


FIRES = "{fires: true, events: [{account: a, amount: 1, repeat: 3, every: 10s}]}"


def test_an_example_fires_and_shows_its_reason(run):
    (result,) = run(FIRES)
    assert (result.rule, result.expected, result.fired, result.ok) == ("R1", True, True, True)
    assert result.seen == "3 payments"
    assert (result.place.file.endswith("small.yaml"), result.place.line) == (True, 16)


def test_an_example_stops_short(run):
    (result,) = run("{fires: false, events: [{account: a, amount: 1, repeat: 3, every: 30s}]}")
    assert (result.fired, result.ok, result.seen) == (False, True, "")


def test_only_the_last_event_counts(run):
    (result,) = run(
        "{fires: false, events: [{account: a, amount: 1, repeat: 9}, {account: b, amount: 1}]}"
    )
    assert (result.fired, result.ok) == (False, True)


def test_a_hit_within_the_cooldown_is_a_hit(run):
    (result,) = run("{fires: true, events: [{account: a, amount: 1, repeat: 9}]}")
    assert (result.fired, result.ok, result.seen) == (True, True, "9 payments")


def test_examples_do_not_know_of_each_other(run):
    two = "events: [{account: a, amount: 1, repeat: 2}]}"
    assert [one.ok for one in run(f"{{fires: false, {two}", f"{{fires: false, {two}")] == [True] * 2


def test_a_missing_hit_shows_what_the_rule_saw(run):
    (result,) = run("{fires: true, events: [{account: a, amount: 1, repeat: 2}]}")
    assert (result.fired, result.ok) == (False, False)
    assert result.seen == "payments_1m = 2"


def test_a_value_that_is_unknown_is_shown_as_such(run):
    by_usual = PACK.replace("payments_1m >= 3", "usual >= 5")
    (result,) = run("{fires: true, events: [{account: a, amount: 9, repeat: 2}]}", pack=by_usual)
    assert (result.ok, result.seen) == (False, "payments_1m = 2, usual = –")


def test_an_unexpected_hit_shows_its_reason(run):
    (result,) = run(FIRES.replace("true", "false"))
    assert (result.fired, result.ok, result.seen) == (True, False, "3 payments")


@pytest.mark.parametrize("fires", ["true", "false"])
def test_a_dead_letter_is_never_ok(run, fires):
    (result,) = run(f"{{fires: {fires}, events: [{{account: a, amount: 1}}, {{account: a}}]}}")
    assert (result.fired, result.ok) == (False, False)
    assert result.seen.startswith("event 2 is no event: ")
    assert "amount" in result.seen


def test_a_time_that_is_none_is_a_dead_letter(run):
    (result,) = run("{fires: false, events: [{account: a, amount: 1, event_time: tomorrow}]}")
    assert not result.ok
    assert "tomorrow" in result.seen


def test_an_event_that_came_before_is_never_ok(run):
    twice = "{account: a, amount: 1, event_id: e}, {account: a, amount: 1, event_id: e}"
    (result,) = run(f"{{fires: false, events: [{twice}]}}")
    assert (result.ok, result.seen) == (False, "two events have one event_id")


def test_an_event_of_another_kind_cannot_fire(run):
    (result,) = run(
        "{fires: true, events: [{kind: login, customer: k, outcome: fail}]}",
    )
    assert (result.ok, result.seen) == (False, "the last event has no account, or is no payment")


@pytest.mark.parametrize(
    ("status", "ran"), [("draft", 1), ("shadow", 1), ("live", 1), ("retired", 0)]
)
def test_drafts_are_tried_too(run, status, ran):
    assert [one.ok for one in run(FIRES, status=status)] == [True] * ran


def test_names_on_the_wire_are_used(run):
    renamed = PACK.replace("on: [payment]", "on: [payment]\nmap: {account: payer, amount: amt}", 1)
    (result,) = run(FIRES, pack=renamed)
    assert result.ok


def test_events_are_written_out(run, tmp_path):
    run(
        "{fires: true, events: [{account: a, amount: 1, at: 5s, repeat: 2, every: 1m},"
        " {account: b, amount: 1, currency: USD}, {account: c, amount: 1, at: 1h},"
        " {kind: login, customer: k, outcome: fail, event_id: mine, repeat: 2}]}"
    )
    (rule,) = load_pack(str(tmp_path / "small.yaml")).rules
    events = example_events(rule, rule.examples[0], "CNY")
    begin = START_MS + 5_000
    assert [event["event_time"] - begin for event in events] == [
        *(0, 60_000, 60_000 + STEP_MS, 3_600_000),
        *(3_600_000 + STEP_MS, 3_600_000 + 2 * STEP_MS),
    ]
    assert [event.get("currency") for event in events] == ["CNY", "CNY", "USD", "CNY", None, None]
    assert [event["event_id"] for event in events][-3:] == ["example-000003", "mine", "mine-1"]
    assert {event["kind"] for event in events} == {"payment", "login"}
