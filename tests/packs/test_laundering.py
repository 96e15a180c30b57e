"""Money that passes through, and reports: amounts, window edges and calendars, exactly."""

import pytest

HOUR = 3_600_000
DAY = 24 * HOUR


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
    incidents = [one.content["data"]["incident_id"] for one in play("large_value", events).alerts]
    assert len(incidents) == 3
    assert incidents[0] == incidents[1] != incidents[2]
