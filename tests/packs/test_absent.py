"""Rules that wait for what stays away: the language, lateness, whose event counts, cooldown."""

import orjson
import pytest

from config.packs import load_pack
from dataflows.examples import run_examples
from dataflows.offline import Offline
from models.errors import ConfigError
from models.planning.blueprint import Deployment, draw
from models.records import Alert, RawBlock

PACK = """
pack: promises
on: [loan, payment]
features:
  due_90d: {{count: "*", by: customer, over: 90d, on: loan, where: "event = 'due'"}}
rules:
  - id: UNPAID
    on: [loan]
    name: {{en: Not repaid, zh: 未还款}}
    when: event = 'due' AND amount_base >= 100
    absent: {{{absent}}}
    subject: customer
    severity: {{high: amount_base >= 1000, low: TRUE}}
    cooldown: {cooldown}
    status: {status}
    because: {{en: "{{amount_base}} of {{due_90d}} due", zh: "{{amount_base}} 到期"}}
    examples: {examples}
"""
REPAID = "within: 3d, on: loan, where: \"event = 'repayment'\""
DAY_MS = 86_400_000
NOT_OVER = "the last event must be later than 2026-01-08T04:00:00.000Z, when the time is over"
START_MS = 1_767_585_600_000


@pytest.fixture
def written(tmp_path):
    def write(absent=REPAID, cooldown="1d", status="live", examples="[]"):
        path = tmp_path / "promises.yaml"
        path.write_text(
            PACK.format(absent=absent, cooldown=cooldown, status=status, examples=examples)
        )
        return load_pack(str(path))

    return write


def event(number, days, **columns):
    kind = columns.pop("kind", "loan")
    whole = {"loan": "l", "customer": "c", "event": "due", "amount": 500, "currency": "CNY"}
    return {
        "event_id": f"e{number}", "kind": kind, "event_time": int(START_MS + days * DAY_MS),
        **(whole if kind == "loan" else {}), **columns,
    }  # fmt: skip


def play(pack, events, *, shards=2, lateness_ms=60_000):
    offline = Offline(draw([pack], Deployment(shards=shards, lateness_ms=lateness_ms)))
    lines = b"\n".join(orjson.dumps(one) for one in events)
    results = [offline.feed(RawBlock(0, lines, 0, 1 << 53)), offline.finish()]
    assert not results[0].dead_letters
    return [one for some in results for one in some.alerts]


def tick(days):
    return event(99, days, kind="tick")


def test_an_alert_tells_what_was_waited_for_and_how_long(written):
    (alert,) = play(written(), [event(1, 0), tick(3.1)])

    assert isinstance(alert, Alert)
    assert alert.subject == "customer/c"
    assert alert.content["time"] == "2026-01-08T04:00:00.000Z"
    (reason,) = alert.content["data"]["reasons"]
    assert reason["absent"] == ["2026-01-05T04:00:00.000Z", "2026-01-08T04:00:00.000Z"]
    assert reason["en"] == "500 of 1 due"
    assert reason["severity"] == "low"
    assert alert.content["data"]["event"]["event_id"] == "e1"


@pytest.mark.parametrize(
    ("days", "columns", "comes"),
    [
        (1, {"event": "repayment"}, True),
        (3, {"event": "repayment"}, True),
        (3 + 1 / DAY_MS, {"event": "repayment"}, False),
        (0, {"event": "repayment"}, False),
        (1, {"event": "repayment", "customer": "another"}, False),
        (1, {"event": "repayment", "customer": None}, False),
        (1, {"event": "repayment", "tenant": "another"}, False),
        (1, {"event": "extension"}, False),
        (1, {"kind": "payment", "account": "a", "amount": 1, "currency": "CNY"}, False),
    ],
)  # fmt: skip
def test_what_counts_as_having_come(written, days, columns, comes):
    if columns.get("customer", "") is None:
        columns = {**columns, "kind": "payment", "account": "a", "amount": 1, "currency": "CNY"}

    alerts = play(written(), [event(1, 0), event(2, days, **columns), tick(4)])

    assert bool(alerts) is not comes


MISTAKES = [
    ("[]", "17:13", "this must be a mapping"),
    ("{on: loan}", "17:13", "within is missing"),
    ("{within: 3 days}", "17:22", "3 days is not a duration"),
    ("{within: 3d, by: account}", "17:30", "account and customer name different entities"),
    ("{within: 3d, by: lat}", "17:30", "lat is a number column and names no entity"),
    ("{within: 3d, where: due_90d > 1}", "17:33", "due_90d is no column of the event"),
    ("{within: 3d, where: evnt = 'x'}", "17:33", "no column, feature or parameter is called evnt"),
    ("{within: 3d}\n    alone: false", "18:12", "a rule that waits raises its alert alone"),
    (
        "{within: 3d}\ntypologies:\n  - {id: T, name: {en: a, zh: b}, rules: {UNPAID: 0.5}}",
        "19:43", "UNPAID waits for what stays away: it hits together with no other rule",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("absent", "place", "said"), MISTAKES, ids=[m[2] for m in MISTAKES])
def test_a_mistake_is_told_at_its_place(tmp_path, absent, place, said):
    path = tmp_path / "promises.yaml"
    own = PACK.format(absent=REPAID, cooldown="1d", status="live", examples="[]")
    head, _, rest = own.partition(f"    absent: {{{REPAID}}}\n")
    path.write_text(f"{head}{rest}    absent: {absent}\n".replace("\n\n", "\n"))

    with pytest.raises(ConfigError) as found:
        draw([load_pack(str(path))], Deployment())

    where = found.value.place
    assert where is not None
    assert (f"{where.line}:{where.column}", found.value.message) == (place, said)


def test_several_columns_may_name_the_subject(written):
    pack = written("within: 3d, on: payment, by: [customer, counterparty_customer]")
    paid = {"kind": "payment", "account": "a", "amount": 1, "currency": "CNY"}

    assert play(pack, [event(1, 0), event(2, 1, **paid, customer="c"), tick(4)]) == []
    assert play(pack, [event(1, 0), event(2, 1, **paid, counterparty_customer="c"), tick(4)]) == []
    assert len(play(pack, [event(1, 0), event(2, 1, **paid, customer="d"), tick(4)])) == 1


def test_time_goes_on_with_events_only_and_the_end_of_a_file_is_not_the_end_of_time(written):
    assert play(written(), [event(1, 0)]) == []
    assert play(written(), [event(1, 0), tick(3)]) == []
    assert len(play(written(), [event(1, 0), event(2, 3.1, event="drawdown")])) == 1


def test_a_late_event_neither_waits_nor_is_waited_for(written):
    late = event(3, 0.5, event="repayment")

    assert play(written(), [event(1, 0), event(2, 1, event="drawdown"), late, tick(4)])
    assert not play(written(), [tick(1), event(1, 0), event(2, 9, kind="tick")])


def test_hits_about_one_subject_are_repeats_within_the_cooldown(written):
    events = [event(1, 0), event(2, 0.5, loan="m"), event(3, 2, loan="n"), tick(9)]

    found = play(written(), events)

    assert [type(one).__name__ for one in found] == ["Alert", "Alert", "Repeat"]
    assert len({one.id for one in found}) == 2
    assert len(play(written(cooldown="1ms"), events)) == 3


def test_a_rule_that_is_tried_out_alerts_nobody(written):
    assert play(written(status="shadow"), [event(1, 0), tick(9)]) == []


def test_the_number_of_shards_does_not_matter(written):
    events = [event(n, n / 100, customer=f"c{n}") for n in range(40)]
    events += [event(100 + n, 1 + n / 100, customer=f"c{n}", event="repayment") for n in range(25)]
    events += [tick(9)]

    one, many = (play(written(), events, shards=n) for n in (1, 8))

    assert len(one) == 15
    assert {a.id for a in one} == {a.id for a in many}


def test_examples_end_with_the_event_after_which_nobody_waits_any_more(written):
    due = "{event: due, amount: 500, customer: c, loan: l}"
    paid = "{event: repayment, customer: c, loan: l, at: 3d}"
    other = "{event: extension, customer: c, loan: l}"
    examples = f"""
      - {{fires: true, events: [{due}, {{kind: tick, at: 4d}}]}}
      - {{fires: false, events: [{due}, {paid}, {{kind: tick, at: 4d}}]}}
      - {{fires: true, events: [{due}, {paid}, {{kind: tick, at: 4d}}]}}
      - {{fires: true, events: [{due}, {{kind: tick, at: 3d}}]}}
      - {{fires: true, events: [{due}, {{kind: tick, at: 4d}}, {{kind: tick, at: 5d}}]}}
      - {{fires: true, events: [{other}, {{kind: tick, at: 4d}}]}}
      - {{fires: false, events: [{due}, {{kind: tick, at: 3d}}]}}
      - {{fires: false, events: [{due}]}}
"""

    results = run_examples(written(examples=examples), Deployment())

    assert [(one.ok, one.seen) for one in results] == [
        (True, "500 of 1 due"),
        (True, ""),
        (False, "what must stay away came, or its time was over before the last event"),
        (
            False,
            "the last event must be later than 2026-01-08T04:00:00.000Z, when the time is over",
        ),
        (False, "what must stay away came, or its time was over before the last event"),
        (False, "no event meets when, so nothing is waited for"),
        # what must not fire says nothing before it could
        (False, NOT_OVER),
        (False, NOT_OVER),
    ]
