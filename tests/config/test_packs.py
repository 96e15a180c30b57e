"""A full pack becomes exactly the dataclasses that the planner reads."""

from pathlib import Path

import pytest

import config.packs
from config.packs import load_pack, pack_names
from models.errors import ConfigError, Place
from models.events import Column, ColumnType
from models.feature_specs import Over

FULL = """\
pack: payments
on: [payment]              # default kinds for features, detectors and rules
map:
  amount: amt
  kind: {constant: payment}
columns: {basket_size: number, shop: text}
params: {ceiling: 10000, half: 0.5, strict: true, watch: [IR, KP], tiers: [1, 2.5]}
event_cap: 100
features:
  payments_1m:  {count: "*", by: account, over: 1m}
  paid_1h:      {sum: amount_base, by: account, over: 1h30m, on: [payment, ledger], where: "cash",
                 delay: 5m, exclude_current: true, min_history: 10}
  received_48h: {sum: amount_base, by: counterparty, of: account, over: 48h}
  pairs_7d:     {count: "*", by: [account, merchant], over: 1w}
  cash_today:   {sum: amount_base, by: shop, over: "day(Asia/Shanghai)"}
  declined:     {share: "status = 'declined'", by: card, over: 500ms}
  before_here:  {last: [lat, event_time], by: card}
  last_amount:  {previous: amount, by: account}
  idle:         {since: "*", by: account, exclude_current: true}
  failed:       {since: "outcome = 'fail'", by: customer, on: login, over: 30d}
detectors:
  isolation: {model: half_space_trees, features: [paid_1h, amount], trees: 5,
              limits: {paid_1h: [0, 100000]}, learn: all}
  other: {model: river, class: river.anomaly.HalfSpaceTrees, features: [paid_1h], on: ledger,
          options: {n_trees: 10, deep: [1, x]}, when: "amount > 10"}
rules:
  - id: F01
    on: [payment]
    name: {en: Payment velocity, zh: 高频支付}
    when: >-
      payments_1m >= 5
      OR paid_1h >= 10
    subject: account
    severity: {medium: TRUE, critical: payments_1m >= 20}
    group: velocity
    cooldown: 10m
    because: {en: "{payments_1m:,.2f} {{now}}", zh: '{before_here.lat} 笔'}
    action: hold
    status: shadow
    source: catalogue F01
    runbook: |
      Call the customer.
    revision: 3
    examples:
      - fires: false
        events:
          - {account: 0042, amount: 10, currency: CNY, repeat: 5, every: 10s}
          - {account: a1, amount: "10.50", cash: true, merchant: ~, at: 59s}
  - {id: 7, name: {en: a, zh: b}, when: TRUE, subject: card, severity: low, because: {en: a, zh: b}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "full.yaml"
    path.write_text(FULL, encoding="utf-8")
    return path


def test_pack(path: Path) -> None:
    pack = load_pack(str(path))
    assert (pack.name, pack.on, pack.event_cap, pack.file) == (
        "payments",
        ("payment",),
        100,
        str(path),
    )
    assert pack.aliases == {"amt": "amount"}
    assert pack.constants == {"kind": "payment"}
    assert pack.columns == {
        "basket_size": Column("basket_size", ColumnType.NUMBER, "basket_size"),
        "shop": Column("shop", ColumnType.TEXT, "shop"),
    }
    assert pack.params == {
        "ceiling": 10000, "half": 0.5, "strict": True, "watch": ("IR", "KP"), "tiers": (1, 2.5),
    }  # fmt: skip
    assert pack.params["strict"] is True


def test_features(path: Path) -> None:
    features = load_pack(str(path)).features
    seen = {
        f.name: (f.aggregate, f.value, f.by, f.of, f.over, f.where, f.exclude_current)
        for f in features
    }
    account, card, hour = ("account",), ("card",), 3_600_000
    assert seen == {
        "payments_1m": ("count", "", account, account, Over(60_000), "", False),
        "paid_1h": ("sum", "amount_base", account, account, Over(hour * 3 // 2), "cash", True),
        "received_48h": (
            "sum", "amount_base", ("counterparty",), account, Over(48 * hour), "", False,
        ),
        "pairs_7d": ("count", "", *[("account", "merchant")] * 2, Over(168 * hour), "", False),
        "cash_today": (
            "sum", "amount_base", ("shop",), ("shop",), Over(0, "day", "Asia/Shanghai"), "", False,
        ),
        "declined": ("share", "status = 'declined'", card, card, Over(500), "", False),
        "before_here.lat": ("last", "lat", card, card, Over(), "", False),
        "before_here.event_time": ("last", "event_time", card, card, Over(), "", False),
        "last_amount": ("previous", "amount", account, account, Over(), "", True),
        "idle": ("since", "", account, account, Over(), "", True),
        "failed": (
            "since", "", ("customer",), ("customer",), Over(720 * hour), "outcome = 'fail'", False,
        ),
    }  # fmt: skip
    paid = features[1]
    assert (paid.delay_ms, paid.min_history) == (300_000, 10)
    assert paid.on == ("payment", "ledger")
    assert (features[0].on, features[-1].on) == (("payment",), ("login",))


def test_detectors(path: Path) -> None:
    isolation, other = load_pack(str(path)).detectors
    assert (isolation.name, isolation.model, isolation.on) == (
        "isolation", "half_space_trees", ("payment",),
    )  # fmt: skip
    assert isolation.features == ("paid_1h", "amount")
    assert isolation.options == {"trees": 5, "limits": {"paid_1h": (0, 100000)}, "learn": "all"}
    assert (other.model, other.on) == ("river", ("ledger",))
    assert other.options == {
        "class": "river.anomaly.HalfSpaceTrees",
        "options": {"n_trees": 10, "deep": [1, "x"]},
        "when": "amount > 10",
    }


def test_rules(path: Path) -> None:
    rule, short = load_pack(str(path)).rules
    assert rule.severity == (("critical", "payments_1m >= 20"), ("medium", "TRUE"))
    assert rule.when == "payments_1m >= 5 OR paid_1h >= 10"
    assert rule.name == {"en": "Payment velocity", "zh": "高频支付"}
    assert rule.because == {"en": "{payments_1m:,.2f} {{now}}", "zh": "{before_here.lat} 笔"}
    assert (rule.subject, rule.group, rule.cooldown_ms) == ("account", "velocity", 600_000)
    assert (rule.action, rule.status, rule.revision) == ("hold", "shadow", 3)
    assert (rule.source, rule.runbook) == ("catalogue F01", "Call the customer.")
    (example,) = rule.examples
    assert not example.fires
    assert example.events == (
        {"account": "0042", "amount": 10, "currency": "CNY", "repeat": 5, "every": 10_000},
        {"account": "a1", "amount": "10.50", "cash": True, "merchant": None, "at": 59_000},
    )
    assert (short.id, short.when, short.severity) == ("7", "TRUE", (("low", "TRUE"),))
    assert (short.action, short.status, short.on) == ("review", "live", ("payment",))


def test_places_point_at_the_first_character_of_each_text(path: Path) -> None:
    pack = load_pack(str(path))
    lines = FULL.splitlines()

    def text_at(place: Place) -> str:
        assert place.file == str(path)
        return lines[place.line - 1][place.column - 1 :]

    feature = {f.name: f for f in pack.features}
    expected = [
        (feature["paid_1h"].place, "paid_1h:"),
        (feature["paid_1h"].places["value"], "amount_base, by"),
        (feature["paid_1h"].places["where"], 'cash"'),
        (feature["pairs_7d"].places["by.1"], "merchant]"),
        (feature["cash_today"].places["over"], "day(Asia"),
        (feature["declined"].places["value"], "status = "),
        (feature["before_here.event_time"].places["value"], "event_time]"),
        (feature["failed"].places["where"], "outcome = "),
        (feature["failed"].places["on.0"], "login"),
        (pack.detectors[0].places["features.1"], "amount]"),
        (pack.detectors[1].places["when"], "amount > 10"),
        (pack.rules[0].place, "id: F01"),
        (pack.rules[0].places["when"], "payments_1m >= 5"),
        (pack.rules[0].places["severity.critical"], "payments_1m >= 20"),
        (pack.rules[0].places["because.zh"], "{before_here.lat}"),
        (pack.rules[0].places["runbook"], "Call"),
        (pack.rules[0].examples[0].place, "fires: false"),
        (pack.rules[1].places["severity.low"], "low"),
        (pack.rules[1].places["when"], "TRUE"),
    ]
    for place, text in expected:
        assert text_at(place).startswith(text)


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.packs, "FOLDER", tmp_path)
    (tmp_path / "payments.yaml").write_text(FULL, encoding="utf-8")
    (tmp_path / "cards.yaml").write_text("pack: cards\n")
    assert pack_names() == ["cards", "payments"]
    assert load_pack("payments").name == "payments"
    with pytest.raises(ConfigError, match="no pack is called payment") as caught:
        load_pack("payment")
    assert caught.value.hint == "did you mean payments? known packs: cards, payments"


@pytest.mark.parametrize("name", ["", "..", "a\0b", "a\0b.yaml", "/", "missing/x.yaml", "x.yml"])
def test_names_that_lead_nowhere(name: str) -> None:
    with pytest.raises(ConfigError):
        load_pack(name)


def test_shipped_packs_load() -> None:
    for name in pack_names():
        assert load_pack(name).name == name
