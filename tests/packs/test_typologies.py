"""What the shipped fraud rules say together, and which of them say nothing alone."""

import pytest

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DAY = 24 * HOUR


def payment(at, **columns):
    event = {"kind": "payment", "account": "a", "customer": "k", "amount": 20, "currency": "CNY"}
    return {"at": at, **event, **columns}


def told(played, name):
    """(level, score, rules, action) of a typology in the last alert that has it."""
    for alert in reversed(played.alerts):
        data = alert.content["data"]
        for one in data["typologies"]:
            if one["id"] == name:
                return one["level"], one["score"], set(one["rules"]), data["action"]
    return None


@pytest.mark.parametrize(
    ("pack", "rule", "events"),
    [
        ("account_security", "F27", [payment(0), payment(4 * MINUTE)]),
        (
            "account_security",
            "F11",
            [
                *(payment(i * 17 * HOUR, lat=31.2304, lon=121.4737) for i in range(20)),
                payment(15 * DAY, lat=39.9042, lon=116.4074),
            ],
        ),
        (
            "account_security",
            "F26",
            [payment(i * HOUR, channel="transfer", counterparty=f"p{i}") for i in range(3)],
        ),
        ("payments", "F29", [payment(i * DAY, amount=30) for i in range(50)]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_weak_rule_raises_nothing_alone(pack, rule, events, play):
    assert play(pack, events, rule=rule).events_of(rule) == [len(events) - 1]
    assert play(pack, events).raised == []


@pytest.mark.parametrize(("near", "severity"), [(0, "medium"), (1, "low"), (5, "low"), (6, None)])
def test_an_unfamiliar_place_is_stronger_than_one_hardly_known(near, severity, play):
    home = [payment(i * 12 * HOUR, lat=31.2304, lon=121.4737) for i in range(20)]
    there = [payment(12 * DAY + i * HOUR, lat=39.9042, lon=116.4074) for i in range(near)]
    events = [*home, *there, payment(15 * DAY, lat=39.9042, lon=116.4074)]
    played = play("account_security", events, rule="F11")
    last = f"{len(events) - 1:06d}"
    severities = zip(played.hits, played.severities, strict=True)
    assert [found for hit, found in severities if hit[2] == last] == (
        [severity] if severity else []
    )


@pytest.mark.parametrize(
    ("age_years", "expected"),
    [
        # 1 - 0.4 · 0.85 · 0.9: told to pay, three times alike, in a hurry
        (70, ("alert", 694, {"F31", "F26", "F27"}, "hold")),
        (60, None),
    ],
)
def test_signs_of_a_scam_add_up(age_years, expected, play):
    born = 1_767_585_600_000 - age_years * 365 * DAY
    events = [
        payment(
            i * 2 * MINUTE, amount=amount, channel="transfer", counterparty=f"p{i}", birth_date=born
        )
        for i, amount in enumerate([6900, 6900, 7000])
    ]
    assert told(play("account_security", events), "T-SCAM") == expected


@pytest.mark.parametrize(
    ("same", "expected"),
    [
        # 1 - 0.4 · 0.75: the device's tries, and this card's
        (True, ("urgent", 700, {"F04", "F03"}, "freeze")),
        (False, ("alert", 600, {"F04"}, "freeze")),
    ],
)
def test_a_tester_is_urgent_when_a_card_is_tried_again(same, expected, play):
    events = [
        payment(
            i * MINUTE, status="declined", card="c" if same else f"c{i}", device="d",
            ip="10.0.0.1", customer=f"k{i}",
        )
        for i in range(10)
    ]  # fmt: skip
    assert told(play("payments", events), "T-CARD-TEST") == expected


def test_many_and_much_at_once_is_worth_an_alert(play):
    events = [payment(i * 5 * SECOND, amount=3000) for i in range(5)]
    assert told(play("payments", events), "T-VELOCITY") == ("alert", 512, {"F01", "F02"}, "hold")


def test_a_takeover_is_urgent_alone(play):
    login = {"kind": "login", "customer": "k", "device": "d", "ip": "10.0.0.1"}
    events = [
        *({"at": i * SECOND, **login, "outcome": "fail"} for i in range(3)),
        {"at": MINUTE, **login, "outcome": "success"},
        payment(HOUR, amount=3500, counterparty="m", channel="transfer"),
    ]
    played = play("account_security", events)
    assert told(played, "T-ATO") == ("urgent", 800, {"F16"}, "freeze")
    data = played.alerts[-1].content["data"]
    assert data["prompt"] is None  # the thief holds the account


def test_the_customer_is_asked_in_plain_words(play):
    usual = [payment(i * DAY, amount=2000, channel="transfer", counterparty="f") for i in range(5)]
    events = [*usual, payment(30 * DAY, amount=7000, channel="transfer", counterparty="m")]
    prompt = play("account_security", events).alerts[-1].content["data"]["prompt"]
    assert prompt == {
        "en": "Do you know m, and was it your own idea to transfer 7,000.00 CNY?",
        "zh": "您认识 m 吗？转出 7,000.00 CNY 是您自己的主意吗？",
    }
