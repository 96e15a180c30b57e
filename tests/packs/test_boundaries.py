"""Thresholds, window edges, tenants, currencies and cooldowns of the shipped rules, exactly."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from models.records import Repeat

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DAY = 24 * HOUR


@dataclass(frozen=True)
class Counting:
    """A rule that the `least`-th of some like events within `window_ms` makes fire."""

    rule: str
    least: int
    window_ms: int
    make: Callable[[int], dict[str, Any]]
    label: str = ""
    pack: str = "payments"


def payment(**columns):
    return {"kind": "payment", "account": "a", "amount": 50, "currency": "CNY", **columns}


def declined(**columns):
    return payment(status="declined", **columns)


def transfer(**columns):
    return payment(channel="transfer", **columns)


def cash(**columns):
    return payment(cash=True, direction="in", customer="k", **columns)


def failure(**columns):
    return {"kind": "login", "customer": "k", "outcome": "fail", "ip": "10.0.0.1", **columns}


COUNTING = [
    Counting("F01", 5, MINUTE, lambda _: payment()),
    Counting("F01", 10, HOUR, lambda _: declined(), "hour"),
    Counting("F01", 50, DAY, lambda _: payment(), "day"),
    Counting("F01C", 5, MINUTE, lambda i: payment(account=f"a{i}", card="c")),
    Counting("F01C", 10, HOUR, lambda i: payment(account=f"a{i}", card="c"), "hour"),
    Counting("F02", 2, MINUTE, lambda _: payment(amount=4_500)),
    Counting("F02", 2, HOUR, lambda _: payment(amount=500_000), "hour"),
    Counting("F03", 3, HOUR, lambda _: declined(card="c", ip="10.0.0.1", customer="k")),
    Counting("F03C", 5, HOUR, lambda i: declined(customer="k", account=f"a{i}")),
    Counting("F03D", 10, HOUR, lambda _: declined(card="c")),
    Counting("F04", 6, HOUR, lambda i: payment(device="d", card=f"c{i}")),
    Counting("F04", 10, HOUR, lambda _: payment(device="d", card="c", amount=34.99), "cents"),
    Counting("F04", 10, HOUR, lambda _: declined(device="d", card="c"), "declined"),
    Counting("F04I", 11, HOUR, lambda i: declined(ip="10.0.0.1", card=f"c{i}", bin="400001")),
    Counting("F04M", 10, HOUR, lambda i: declined(merchant="s", card=f"c{i}")),
    Counting("F06", 10, DAY, lambda _: declined(card="c", merchant="s")),
    Counting("F07", 8, 5 * MINUTE, lambda _: payment(card="c", channel="cnp")),
    Counting("F08", 5, HOUR, lambda i: payment(card="c", merchant=f"s{i}")),
    Counting("F15", 3, MINUTE, lambda i: failure(ip=f"10.0.0.{i}")),
    Counting("F15", 5, 5 * MINUTE, lambda _: failure(), "5m"),
    Counting("F15", 6, 10 * MINUTE, lambda _: failure(), "10m"),
    Counting("F15I", 6, 10 * MINUTE, lambda i: failure(customer=f"k{i}")),
    Counting("A01", 3, DAY, lambda _: cash(amount=40_000), pack="aml"),
    Counting("A01S", 2, HOUR, lambda _: cash(amount=45_000), pack="aml"),
    Counting("A01C", 5, 7 * DAY, lambda _: payment(customer="k", channel="card", merchant="s",
                                                   amount=3_500), pack="aml"),
    Counting("A03", 5, DAY, lambda i: transfer(account=f"p{i}", counterparty="m", amount=10_000),
             pack="aml"),
    Counting("A04", 5, DAY, lambda i: transfer(account=f"p{i}", counterparty="m"), pack="aml"),
    Counting("A05", 5, 8 * HOUR, lambda i: transfer(account="m", counterparty=f"p{i}"), pack="aml"),
    Counting("A09R", 3, 30 * DAY, lambda _: payment(customer="k", amount=10_000), pack="aml"),
    Counting("A16I", 20, 30 * DAY, lambda i: transfer(account=f"p{i}", counterparty_customer="k",
                                                      amount=5_000), pack="aml"),
    Counting("A17", 2, 30 * DAY, lambda _: payment(customer="k", amount=500,
                                                   counterparty_country="IR"), pack="aml"),
    Counting("A17I", 2, 30 * DAY, lambda i: payment(account=f"p{i}", country="IR", amount=500,
                                                    counterparty_customer="k"), pack="aml"),
    Counting("A25", 2, DAY, lambda _: transfer(customer="k", amount=100_000), pack="aml"),
    Counting("A26", 2, DAY, lambda i: payment(account=f"a{i}", customer="k", counterparty="m",
                                              amount=10_000), pack="aml"),
    Counting("R-FATF-1", 2, DAY, lambda _: payment(cash=True, amount=7_500,
                                                   currency="EUR"), pack="large_value"),
]  # fmt: skip

each_counting = pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case.rule}{case.label}") for case in COUNTING]
)


def spread(case: Counting, count: int, length_ms: int) -> list[dict[str, Any]]:
    """Place so many events evenly over a period, its last ms included."""
    return [{"at": i * length_ms // (count - 1), **case.make(i)} for i in range(count)]


@each_counting
def test_fires_from_the_threshold_on(case, play):
    # the one after the last needed one still lies in the same window
    played = play(case.pack, spread(case, case.least + 1, case.window_ms - 1))
    assert played.events_of(case.rule) == [case.least - 1, case.least]


@each_counting
def test_an_event_leaves_after_exactly_its_window(case, play):
    inside = play(case.pack, spread(case, case.least, case.window_ms - 1))
    assert inside.events_of(case.rule) == [case.least - 1]
    outside = play(case.pack, spread(case, case.least, case.window_ms))
    assert outside.events_of(case.rule) == []


@each_counting
def test_tenants_share_nothing(case, play):
    events = spread(case, case.least, case.window_ms - 1)
    split = [{**event, "tenant": "ab"[i % 2]} for i, event in enumerate(events)]
    assert play(case.pack, split).events_of(case.rule) == []
    both = [{**event, "tenant": tenant} for event in events for tenant in "ab"]
    raised = [one for one in play(case.pack, both).alerts if case.rule in one.rules]
    assert sorted(one.tenant for one in raised) == ["a", "b"]
    assert len({one.id for one in raised}) == 2


def test_windows_slide_over_the_minute_of_the_clock(play):
    events = [{"at": 35 * SECOND + i * 12 * SECOND, **payment()} for i in range(5)]
    assert play("payments", events).events_of("F01") == [4]


@pytest.mark.parametrize(
    ("pack", "corporate"),
    [("payments", "F01"), ("payments", "F02"), ("aml", "A05"), ("aml", "A25"), ("aml", "A09R")],
)
def test_companies_are_no_persons(pack, corporate, play):
    events = [
        {"at": i * SECOND, **transfer(amount=600_000, customer="k", counterparty=f"p{i}")}
        for i in range(60)
    ]
    assert corporate in {rule for rule, _, _ in play(pack, events).hits}
    company = [{**event, "customer_kind": "corporate"} for event in events]
    assert corporate not in {rule for rule, _, _ in play(pack, company).hits}


@pytest.mark.parametrize(
    ("amount", "currency", "fires"),
    [
        ("499.99", "CNY", False),
        ("500.00", "CNY", True),
        ("500.01", "CNY", True),
        ("70.22", "USD", False),  # × 7.12 = 499.97
        ("70.23", "USD", True),  # 500.04
        ("10683", "JPY", False),  # × 0.0468 = 499.96; the yen has no decimals
        ("10684", "JPY", True),  # 500.01
        ("21.551", "KWD", False),  # × 23.2 = 499.98; the dinar has three
        ("21.552", "KWD", True),  # 500.01
        ("900.00", "BRL", False),  # no rate: unknown, never guessed
    ],
)
def test_amounts_count_in_the_base_currency(amount, currency, fires, play):
    events = [
        {"at": 0, **payment(card="c", merchant="s1", amount="4.99")},
        {"at": HOUR, **payment(card="c", merchant="s2", amount=amount, currency=currency)},
    ]
    assert play("payments", events).events_of("F05") == ([1] if fires else [])


@pytest.mark.parametrize(("at", "fires"), [(DAY - 1, True), (DAY, False)])
def test_a_test_is_forgotten_after_a_day(at, fires, play):
    events = [
        {"at": 0, **payment(card="c", merchant="s1", amount=1)},
        {"at": at, **payment(card="c", merchant="s2", amount=600)},
    ]
    assert play("payments", events).events_of("F05") == ([1] if fires else [])


def test_repeats_are_counted_and_a_higher_severity_breaks_through(play):
    events = [{"at": i * 2 * SECOND, **payment()} for i in range(22)]
    raised = play("payments", events).raised
    opening, rise = [one for one in raised if not isinstance(one, Repeat)]
    assert (opening.event_id, opening.severity) == ("000004", "medium")
    assert (rise.event_id, rise.severity) == ("000019", "critical")
    repeats = [(one.id, one.repeats) for one in raised if isinstance(one, Repeat)]
    # a batch tells only the last count of each
    assert repeats == [(opening.id, 14), (rise.id, 2)]


def test_a_cooldown_ends(play):
    burst = [{"at": i * SECOND, **payment()} for i in range(5)]
    for begin, alerts in [(10 * MINUTE - 1, 1), (10 * MINUTE, 2)]:
        # the fifth payment of the second burst comes so long after the first alert
        again = [{**event, "at": event["at"] + begin} for event in burst]
        found = play("payments", [*burst, *again]).alerts
        assert len([one for one in found if "F01" in one.rules]) == alerts, begin


def test_the_order_of_arrival_does_not_matter(play):
    events = [{"at": i * 7 * SECOND, **payment()} for i in range(40)]
    sorted_ids = [one.id for one in play("payments", events).raised]
    # nobody overtakes by more than eight places, which is less than the lateness of a minute
    random = Random(5)
    order = sorted(range(40), key=lambda i: i + random.uniform(0, 8))
    assert order != sorted(order)
    assert [one.id for one in play("payments", events, order=order).raised] == sorted_ids


def trade(**columns):
    return {"kind": "trade", "symbol": "X", "price": 100, "quantity": 1, "side": "buy", **columns}


@pytest.mark.parametrize(
    ("rush", "price", "fires"), [(62, 104, True), (61, 104, False), (62, 102.99, False)]
)
def test_a_pump_is_a_rush_at_a_new_high(rush, price, fires, play):
    calm = [{"at": i * 4 * MINUTE, **trade()} for i in range(150)]
    begin = 601 * MINUTE
    # 150 buys in 12 hours: a minute needs 0.2 + 30·√4.2 = 61.7; what is a minute ago is outside
    orders = [{"at": begin + i * 250, **trade(price=price)} for i in range(rush)]
    before = [{"at": begin + (rush - 2) * 250 - MINUTE, **trade()}]
    found = play("trading", [*calm, *before, *orders]).events_of("M14")
    assert found == ([150 + rush] if fires else [])


@pytest.mark.parametrize(
    ("rush", "last", "fires"), [(70, 89.9, True), (50, 89.9, False), (70, 90.1, False)]
)
def test_a_spike_needs_a_rush_and_a_tenth(rush, last, fires, play):
    calm = [{"at": i * 5 * MINUTE, **trade(), "side": "sell"} for i in range(130)]
    begin = 130 * 5 * MINUTE + 10 * MINUTE
    orders = [{"at": begin + i * 500, **trade(), "side": "sell"} for i in range(rush)]
    orders.append({"at": begin + rush * 500, **trade(), "side": "sell", "price": last})
    found = play("trading", [*calm, *orders]).events_of("M12")
    assert found == ([130 + rush] if fires else [])


@pytest.mark.parametrize(("count", "fires"), [(1000, True), (999, False)])
def test_a_burst_needs_trades(count, fires, play):
    calm = [{"at": i * 5 * MINUTE, **trade()} for i in range(144)]
    burst = [{"at": 13 * HOUR + i * 100, **trade()} for i in range(count)]
    found = play("trading", [*calm, *burst]).events_of("M13")
    assert found == ([143 + count] if fires else [])
