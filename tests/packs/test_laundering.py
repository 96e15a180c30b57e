"""Money that passes through, and reports: amounts, window edges, calendars, what never counts."""

from dataclasses import replace

import pytest

from config.packs import load_pack
from dataflows.examples import example_events, run_examples

HOUR = 3_600_000
DAY = 24 * HOUR

PACKS = {name: load_pack(name) for name in ("aml", "large_value")}
RULES = {rule.id: (pack, rule) for pack in PACKS.values() for rule in pack.rules}
BETWEEN_PERSONS = ["A04", "A05", "A06", "A07", "A13"]
# of these any attempt counts, or an event of another kind than a payment
ATTEMPTS = {"A08", "A08W", "A18", "A18D", "A24", "A27", "A19", "A31"}
LAYERS = ["A10", "A12", "A14", "A15"]
CASH = [rule for rule in RULES if rule.startswith("R-CN-1.")]
FIRM = [rule for rule in RULES if rule.startswith(("R-CN-2.", "R-CN-5."))]
HOME = [rule for rule in RULES if rule.startswith(("R-CN-3.", "R-CN-5N."))]
ABROAD = [rule for rule in RULES if rule.startswith(("R-CN-4.", "R-CN-5X."))]
WALLET = [rule for rule in RULES if rule.startswith("R-CN-5")]
BY_DAY = [rule for rule in RULES if rule.startswith("R-CN-")]

SPOILERS = [
    *[(rule, "status", "declined", "") for rule in RULES if rule not in {*ATTEMPTS, "A29"}],
    *[(rule, "customer_kind", "corporate", "") for rule in [*BETWEEN_PERSONS, "A03", "A09", "A09R",
                                                           "A01C", "A20", "A25", "A26", *LAYERS,
                                                           "A22", "A22I"]],
    *[(rule, "counterparty_kind", "corporate", "") for rule in ["A03", "A05", "A16I", "A20",
                                                               "A26", *LAYERS]],
    *[(rule, "channel", "wallet", "channel") for rule in [*BETWEEN_PERSONS, "A01C", "A16I", "A21",
                                                         *LAYERS, "A11", "A22", "A22I", "A23",
                                                         "A25", "R-FATF-2"]],
    ("A28", "channel", "wallet", "crypto"),
    ("A28", "direction", "in", "crypto"),
    ("A29", "status", "declined", "crypto"),
    ("A29", "channel", "wallet", "crypto"),
    ("A29", "direction", "in", "crypto"),
    ("A25", "direction", "in", ""),
    ("A23", "customer_kind", "natural", ""),
    ("A23", "counterparty_kind", "corporate", ""),
    *[(rule, "cash", False, "cash") for rule in ["A01", "A01S", "A02", "A30", "R-US-1", "R-AU-1",
                                                "R-FATF-1"]],
    ("A30", "direction", None, "in"),
    ("A30", "cross_border", False, "cross_border"),
    ("R-FATF-2", "cross_border", False, ""),
    *[(rule, "currency", "CNY", "") for rule in ["R-US-1", "R-AU-1", "R-FATF-1"]],
    *[(rule, "exempt_code", "P1", "") for rule in ["R-US-1", "R-AU-1", *BY_DAY]],
    ("R-FATF-1", "customer", "k", ""),
    *[(rule, "cash", False, "") for rule in CASH],
    *[(rule, "cash", True, "") for rule in BY_DAY if rule not in (*CASH, *WALLET)],
    *[(rule, "channel", "card", "") for rule in BY_DAY if rule not in CASH],
    *[(rule, "channel", "wallet", "") for rule in BY_DAY if rule not in (*CASH, *WALLET)],
    *[(rule, "channel", "transfer", "") for rule in WALLET],
    *[(rule, "customer_kind", "natural", "") for rule in FIRM],
    *[(rule, "customer_kind", "corporate", "") for rule in (*HOME, *ABROAD)],
    *[(rule, "cross_border", True, "") for rule in HOME],
    *[(rule, "cross_border", False, "") for rule in ABROAD],
    *[(rule, "direction", "out", "") for rule in BY_DAY if rule.endswith("_in")],
    *[(rule, "direction", "in", "") for rule in BY_DAY if rule.endswith("_out")],
    *[(rule, "currency", "USD", "") for rule in BY_DAY if ".cny_" in rule],
    *[(rule, "currency", "CNY", "") for rule in BY_DAY if ".fx_" in rule],
]  # fmt: skip
"""(rule, column, value, mark): with this value an event of the rule's first example does not count;
where there is a mark, of those events only that have it as a column or as a value."""


def spoilt_streams(rule, events):
    """Name and events of each variant: one event spoilt, or a spoilt one after all of them."""
    for of, column, value, mark in SPOILERS:
        for at, event in enumerate(events):
            if of == rule and (not mark or mark in event or mark in event.values()):
                spoilt = {**event, column: value}
                yield f"{column} of {at}", (*events[:at], spoilt, *events[at + 1 :])
                if event is events[-1]:
                    # at the same time, and behind it by its id
                    yield f"{column} after all", (*events, {**spoilt, "event_id": "late"})


@pytest.mark.parametrize("rule", sorted({rule for rule, _, _, _ in SPOILERS}))
def test_what_does_not_count_neither_fires_nor_helps(rule, deployment):
    pack, spec = RULES[rule]
    first = next(one for one in spec.examples if one.fires)
    events = tuple(example_events(spec, first, "CNY"))
    names, streams = zip(*spoilt_streams(rule, events), strict=True)
    examples = [replace(first, events=stream) for stream in (events, *streams)]
    only = replace(spec, alone=True, examples=tuple(examples))

    whole, *spoilt = run_examples(replace(pack, rules=(only,)), deployment)

    assert whole.fired
    assert [name for name, one in zip(names, spoilt, strict=True) if one.fired] == []


def transfer(**columns):
    return {"kind": "payment", "channel": "transfer", "currency": "CNY", **columns}


def cash(**columns):
    return {
        "kind": "payment", "account": "a", "customer": "k", "cash": True, "direction": "in",
        **columns,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("base", "received", "fires"),
    [
        ("CNY", "9999.99", False),
        ("CNY", "10000.00", True),
        ("USD", "9999.99", False),
        ("USD", "10000.00", True),
        ("USD", "10000.01", True),
        ("JPY", "9999", False),
        ("JPY", "10000", True),
        ("KWD", "9999.999", False),
        ("KWD", "10000.000", True),
    ],
)
def test_thresholds_are_in_the_base_currency(base, received, fires, play):
    events = [
        {"at": 0, **transfer(account="p", counterparty="m", amount=received, currency=base)},
        {"at": HOUR, **transfer(account="m", counterparty="q", amount=9000, currency=base)},
    ]
    assert play("aml", events, base).events_of("A06") == ([1] if fires else [])


@pytest.mark.parametrize(("at", "fires"), [(48 * HOUR - 1, True), (48 * HOUR, False)])
def test_money_passes_through_within_two_days(at, fires, play):
    events = [
        {"at": 0, **transfer(account="p", counterparty="m", amount=10_000)},
        {"at": at, **transfer(account="m", counterparty="q", amount=9_000)},
    ]
    assert play("aml", events).events_of("A06") == ([1] if fires else [])


@pytest.mark.parametrize(
    ("sent", "fires"), [(7_999.99, False), (8_000, True), (11_000, True), (11_000.01, False)]
)
def test_what_passes_through_is_neither_less_nor_more(sent, fires, play):
    events = [
        {"at": 0, **transfer(account="p", counterparty="m", amount=10_000)},
        {"at": HOUR, **transfer(account="m", counterparty="q", amount=sent)},
    ]
    assert play("aml", events).events_of("A06") == ([1] if fires else [])


@pytest.mark.parametrize(
    ("sent", "at", "fires"),
    [
        (8_099.99, DAY, False),
        (8_100, DAY, True),
        (11_000, DAY, True),
        (11_000.01, DAY, False),
        (8_100, DAY + HOUR, False),
    ],
)
def test_what_passes_through_in_a_day_may_keep_a_commission(sent, at, fires, play):
    events = [
        # two days would see this, too
        {"at": 0, **transfer(account="o", counterparty="m", amount=30_000)},
        {"at": HOUR, **transfer(account="p", counterparty="m", amount=10_000)},
        {"at": at, **transfer(account="m", counterparty="q", amount=sent)},
    ]
    assert play("aml", events).events_of("A06") == ([2] if fires else [])


MONDAY, TUESDAY = 61 * DAY + HOUR, 64 * DAY
"""Business days of New York from START: midnight after Friday 6 March 2026, clocks change on the
8th, and midnight after Monday the 9th."""


@pytest.mark.parametrize(
    ("first", "second", "fires"),
    [
        (MONDAY, TUESDAY - 1, True),
        (MONDAY - 1, TUESDAY - 1, False),
        (MONDAY, TUESDAY, False),
        (TUESDAY, TUESDAY + 1, True),
    ],
)
def test_cash_days_of_new_york_end_at_its_midnight(first, second, fires, play):
    events = [
        {"at": at, **cash(amount=amount, currency="USD")}
        for at, amount in [(first, 5_000), (second, 5_000.01)]
    ]
    assert play("large_value", events).events_of("R-US-1") == ([1] if fires else [])


def test_a_report_is_one_incident_a_day(play):
    events = [
        {"at": at, **cash(amount=10_000.01, currency="USD")}
        for at in (MONDAY, TUESDAY - 1, TUESDAY + HOUR)
    ]
    alerts = play("large_value", events, rule="R-US-1").alerts
    # what comes on the same day, however long it is, belongs to its report
    assert [int(alert.event_id) for alert in alerts] == [0, 2]
    assert len({alert.content["data"]["incident_id"] for alert in alerts}) == 2
