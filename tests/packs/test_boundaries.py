"""What the examples of the shipped rules cannot say: currencies, companies, severities, markets."""

import pytest

from models.records import Repeat

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DAY = 24 * HOUR


def payment(**columns):
    return {"kind": "payment", "account": "a", "amount": 50, "currency": "CNY", **columns}


def transfer(**columns):
    return payment(channel="transfer", **columns)


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
    raised = play("payments", events, rule="F01").raised
    opening, rise = [one for one in raised if not isinstance(one, Repeat)]
    assert (opening.event_id, opening.severity) == ("000004", "medium")
    assert (rise.event_id, rise.severity) == ("000019", "critical")
    repeats = [(one.id, one.repeats) for one in raised if isinstance(one, Repeat)]
    # a batch tells only the last count of each
    assert repeats == [(opening.id, 14), (rise.id, 2)]


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


@pytest.mark.parametrize(("last", "fires"), [(DAY - 1, True), (DAY, False)])
def test_small_payers_are_counted_for_a_day(last, fires, play):
    events = [
        {"at": i * last // 4, **transfer(account=f"p{i}", counterparty="m", amount=10_000)}
        for i in range(5)
    ]
    assert play("aml", events).events_of("A03") == ([4] if fires else [])
