"""Ways of money over many accounts: planted among ordinary life, and ordinary life alone."""

import pytest

HOUR = 3_600_000
DAY = 24 * HOUR
NETWORKS = {"A10", "A11", "A12", "A14", "A15", "A22", "A22I"}


def transfer(payer, payee, amount, at=0, **columns):
    return {
        "at": at, "kind": "payment", "channel": "transfer", "currency": "CNY", "account": payer,
        "counterparty": payee, "amount": amount, **columns,
    }  # fmt: skip


def in_order(events):
    return sorted(events, key=lambda event: event["at"])


def found(play, events):
    return {rule for rule, _, _ in play("aml", in_order(events)).hits} & NETWORKS


def chain(hops, step=HOUR):
    return [transfer(f"c{i}", f"c{i + 1}", 20_000 - 500 * i, i * step) for i in range(hops)]


def circle(length, amount=20_000, **columns):
    return [
        transfer(f"c{i}", f"c{(i + 1) % length}", amount, i * 25 * HOUR, **columns)
        for i in range(length)
    ]


def scattered(between, amount=6_000):
    out = [transfer("s", f"m{i}", amount, i) for i in range(between)]
    return [*out, *(transfer(f"m{i}", "d", amount, HOUR + i) for i in range(between))]


def crossed(payers, payees, amount=5_000):
    return [
        transfer(f"a{i}", f"b{j}", amount, i * HOUR + j)
        for i in range(payers)
        for j in range(payees)
    ]


def collected(payers, payees):
    paid_in = [transfer(f"p{i}", "m", 90_000 // payers, i) for i in range(payers)]
    return [*paid_in, *(transfer("m", f"q{i}", 81_000 // payees, DAY + i) for i in range(payees))]


@pytest.mark.parametrize(
    ("rule", "fires", "short"),
    [
        ("A10", chain(3), chain(2)),
        ("A10", chain(4, 23 * HOUR), chain(4, 25 * HOUR)),
        ("A11", circle(3), circle(2)),
        ("A11", circle(6), circle(7)),
        ("A12", scattered(5), scattered(4)),
        ("A14", crossed(3, 3), crossed(3, 2)),
        ("A14", crossed(3, 3), crossed(2, 3)),
        ("A22", collected(10, 2), collected(10, 3)),
        ("A22", collected(10, 2), collected(9, 2)),
        ("A22I", collected(2, 10), collected(3, 10)),
        ("A22I", collected(2, 10), collected(2, 9)),
    ],
)
def test_a_pattern_is_seen_and_one_less_is_not(rule, fires, short, play):
    assert rule in found(play, fires)
    assert rule not in found(play, short)


@pytest.mark.parametrize(
    "events", [chain(5), circle(4), scattered(6), crossed(4, 4)], ids=["A10", "A11", "A12", "A14"]
)
def test_small_sums_go_round_in_every_family(events, play):
    assert found(play, events)
    assert found(play, [{**event, "amount": event["amount"] / 10} for event in events]) == set()


@pytest.mark.parametrize("events", [chain(5), scattered(6), crossed(4, 4), collected(12, 2)])
def test_trade_between_companies_is_no_way_of_hiding(events, play):
    assert found(play, events)
    kinds = {"customer_kind": "corporate", "counterparty_kind": "corporate"}
    assert found(play, [{**event, **kinds} for event in events]) == set()


def test_companies_in_a_circle_are_seen(play):
    kinds = {"customer_kind": "corporate", "counterparty_kind": "corporate"}
    assert found(play, circle(5, **kinds)) == {"A11"}


def test_ones_own_accounts_are_no_network(play):
    own = {"customer": "k", "counterparty_customer": "k"}
    for events in (chain(5), circle(4), scattered(6), crossed(4, 4), collected(12, 2)):
        assert found(play, [{**event, **own} for event in events]) == set()


def test_wages_that_all_spend_at_one_landlord_and_one_shop_are_ordinary(play):
    firm = {"customer_kind": "corporate", "counterparty_kind": "natural"}
    shop = {"customer_kind": "natural", "counterparty_kind": "corporate"}
    people = range(20)
    events = [
        *(transfer("firm", f"w{i}", 8_000, i, **firm) for i in people),
        *(transfer(f"w{i}", "landlord", 5_000 + 10 * i, DAY + i) for i in people),
        *(transfer(f"w{i}", "shop", 5_000, DAY + HOUR + i, **shop) for i in people),
        *(transfer(f"w{i}", "school", 6_000, DAY + 2 * HOUR + i, **shop) for i in people),
    ]
    assert found(play, events) == set()


def test_a_loan_that_is_paid_back_is_no_circle(play):
    events = [transfer("a", "b", 50_000), *(transfer("b", "a", 10_000, i * DAY) for i in range(6))]
    assert found(play, events) == set()


def test_nobody_is_seen_twice_in_a_chain(play):
    # two who send the same sum to and fro
    events = [transfer(*("ab", "ba")[i % 2], 20_000, i * HOUR) for i in range(8)]
    assert found(play, events) == set()


def typologies(alert):
    return {one["id"]: one for one in alert.content["data"]["typologies"]}


def test_a_chain_that_closes_is_urgent(play):
    events = [*chain(3), transfer("c3", "c0", 18_500, 3 * HOUR)]
    (alert,) = [one for one in play("aml", events).alerts if "A11" in one.rules]
    # 1 − 0.55 × 0.4
    told = typologies(alert)["T-LAYER"]
    assert (told["rules"], told["score"], told["level"]) == (("A10", "A11"), 780, "urgent")


def test_an_urgent_typology_of_laundering_stops_nothing(play):
    columns = {"channel": "branch", "customer": "k", "cash": True, "direction": "in"}
    events = [transfer("a", None, 40_000, i * HOUR, **columns) for i in range(3)]
    alert = [one for one in play("aml", events).alerts if "A01" in one.rules][-1]
    # 1 − 0.4 × 0.5
    told = typologies(alert)["T-STRUCT"]
    assert (told["rules"], told["score"], told["level"]) == (("A01", "A02"), 800, "urgent")
    assert alert.content["data"]["action"] == "review"
