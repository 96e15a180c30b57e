"""Large values of a day (R-CN-1 to R-CN-5): to the cent, by limb, by day, and coming late."""

from datetime import UTC, datetime

import pytest

from dataflows.examples import START_MS

HOUR = 3_600_000
DAY = 24 * HOUR
MIDNIGHT = 12 * HOUR  # streams begin at noon in Shanghai
CASH = {"cash": True}
FIRM = {"channel": "transfer", "customer_kind": "corporate"}
HOME = {"channel": "transfer", "customer_kind": "natural"}
ABROAD = {**HOME, "cross_border": True}
LIMITS = [
    ("R-CN-1", CASH, 50_000, 10_000),
    ("R-CN-2", FIRM, 2_000_000, 200_000),
    ("R-CN-3", HOME, 500_000, 100_000),
    ("R-CN-4", ABROAD, 200_000, 10_000),
    ("R-CN-5", {**FIRM, "channel": "wallet"}, 2_000_000, 200_000),
    ("R-CN-5N", {**HOME, "channel": "wallet"}, 500_000, 100_000),
    ("R-CN-5X", {**ABROAD, "channel": "wallet"}, 200_000, 10_000),
]


def payment(amount, currency="CNY", **columns):
    common = {"kind": "payment", "account": "a", "customer": "k", "direction": "in"}
    return {"at": 0, **common, "amount": str(amount), "currency": currency, **columns}


def reported(play, events, **how):
    """Event and rule of every hit of the Chinese reports, in this order."""
    hits = play("large_value", events, **how).hits
    return sorted((int(event), rule) for rule, _, event in hits if rule.startswith("R-CN"))


@pytest.mark.parametrize(("rule", "kind", "yuan", "dollars"), LIMITS)
@pytest.mark.parametrize("way", ["in", "out"])
def test_the_limit_itself_is_reported_and_a_cent_less_is_not(rule, kind, yuan, dollars, way, play):
    for limb, currency, limit in (("cny", "CNY", yuan), ("fx", "USD", dollars)):
        for amount, hits in (
            (f"{limit - 1}.99", []),
            (f"{limit}.00", [(0, f"{rule}.{limb}_{way}")]),
            (f"{limit}.01", [(0, f"{rule}.{limb}_{way}")]),
        ):
            event = payment(amount, currency, direction=way, **kind)
            assert reported(play, [event]) == hits, (limb, amount)


@pytest.mark.parametrize(
    ("amount", "currency", "fires"),
    [
        ("1521366", "JPY", False),  # × 0.0468 ÷ 7.12 = 9999.990 dollars; the yen has no decimals
        ("1521367", "JPY", True),  # 9999.997, in cents 10000.00
        ("3068.963", "KWD", False),  # × 23.2 ÷ 7.12 = 9999.992; the dinar has three
        ("3068.964", "KWD", True),  # 9999.9951, in cents 10000.00
        ("8630.29", "EUR", False),  # × 8.25 ÷ 7.12 = 9999.985
        ("8630.30", "EUR", True),  # 9999.997
        ("99999.99", "BRL", False),  # no rate: unknown, never guessed
    ],
)
def test_foreign_money_counts_in_dollars(amount, currency, fires, play):
    hits = reported(play, [payment(amount, currency, cash=True)])
    assert hits == ([(0, "R-CN-1.fx_in")] if fires else [])


def test_in_and_out_and_currencies_are_summed_apart(play):
    events = [
        payment(49_999.99, cash=True, at=0),
        payment(49_999.99, cash=True, direction="out", at=1),
        payment(9_999.99, "USD", cash=True, at=2),
        payment(9_999.99, "USD", cash=True, direction="out", at=3),
        payment(0.01, cash=True, at=4),
        payment(0.01, cash=True, direction="out", at=5),
        payment(2, "JPY", cash=True, at=6),  # 0.013 dollars
        payment(0.01, "USD", cash=True, direction="out", at=7),
    ]
    expected = [(4, "cny_in"), (5, "cny_out"), (6, "fx_in"), (7, "fx_out")]
    assert reported(play, events) == [(event, f"R-CN-1.{limb}") for event, limb in expected]


def test_what_is_no_cash_adds_nothing_to_cash(play):
    events = [payment(49_999.99, cash=True, at=0), payment(49_999.99, channel="transfer", at=1)]
    assert reported(play, events) == []


@pytest.mark.parametrize(
    ("first", "second", "fires"),
    [
        (0, MIDNIGHT - 1, True),
        (MIDNIGHT - 1, MIDNIGHT, False),
        (MIDNIGHT, MIDNIGHT + DAY - 1, True),
        (MIDNIGHT, MIDNIGHT + DAY, False),
    ],
)
def test_days_begin_at_midnight_in_shanghai(first, second, fires, play):
    events = [payment(25_000, cash=True, at=at) for at in (first, second)]
    assert reported(play, events) == ([(1, "R-CN-1.cny_in")] if fires else [])


def test_late_events_complete_the_sum_of_yesterday(play):
    events = [
        payment(20_000, cash=True, at=0),
        payment(15_000, cash=True, at=MIDNIGHT - 2 * HOUR),
        payment(15_000, cash=True, at=MIDNIGHT - HOUR),
        payment(49_999.99, cash=True, at=MIDNIGHT + HOUR),
    ]
    arrival = [0, 3, 1, 2]
    assert reported(play, events, order=arrival) == [(2, "R-CN-1.cny_in")]
    (alert,) = play("large_value", events, order=arrival).alerts
    assert alert.content["data"]["late"]
    # without the other late one it is not enough
    assert reported(play, [events[0], *events[2:]], order=[0, 2, 1]) == []


def test_what_is_exempt_is_neither_reported_nor_summed(play):
    events = [
        payment(30_000, cash=True, at=0),
        payment(60_000, cash=True, exempt_code="A7", at=1),
        payment(19_999.99, cash=True, at=2),
        payment(0.01, cash=True, at=3),
    ]
    assert reported(play, events) == [(3, "R-CN-1.cny_in")]


def test_a_customer_is_the_same_in_all_accounts(play):
    events = [payment(25_000, cash=True, at=i, account=f"a{i}") for i in range(2)]
    assert reported(play, events) == [(1, "R-CN-1.cny_in")]
    assert reported(play, [{**e, "customer": e["account"]} for e in events]) == []


def test_a_day_and_limb_is_one_report(play):
    events = [
        payment(50_000, cash=True, at=0),
        payment(10_000, cash=True, at=HOUR),
        payment(50_000, cash=True, direction="out", at=2 * HOUR),
        payment(50_000, cash=True, at=MIDNIGHT),
        payment(50_000, cash=True, at=MIDNIGHT + DAY - 1),
    ]
    alerts = play("large_value", events).alerts
    assert [int(alert.event_id) for alert in alerts] == [0, 2, 3]
    told = [alert.content["data"] for alert in alerts]
    assert len({data["incident_id"] for data in told}) == 3
    assert [data["action"] for data in told] == ["review"] * 3
    first, second, _ = (data["reasons"][0]["en"] for data in told)
    assert first == "cash received on one day in Shanghai: 50,000.00 CNY"
    assert second == "cash paid on one day in Shanghai: 50,000.00 CNY"
    day = datetime.fromtimestamp((START_MS + MIDNIGHT) / 1000, UTC)
    assert (day.hour, day.minute) == (16, 0)
