"""Rules that work together: limbs of one, typologies, rules that raise no alert alone."""

from datetime import UTC, datetime

import orjson
import pytest

from config.packs import load_pack
from dataflows.offline import Offline
from models.errors import ConfigError
from models.planning.blueprint import Deployment, draw
from models.records import Alert, RawBlock

START_MS = 1_767_585_600_000  # 2026-01-05T04:00:00Z
HOUR_MS = 3_600_000
PACK = """
pack: p
on: [payment]
params: {most: 100}
rules:
  - id: BIG
    name: {en: Big, zh: 大额}
    when: amount >= most
    subject: account
    severity: medium
    because: {en: "{amount}", zh: "{amount}"}
    prompt: {en: "{amount:,.2f} to {counterparty}?", zh: "是否向 {counterparty} 付款？"}
  - id: NEAR
    name: {en: Near, zh: 近}
    when: amount >= 50
    subject: account
    severity: low
    because: {en: near, zh: 近}
    alone: false
  - id: ABROAD
    name: {en: Abroad, zh: 境外}
    when: cross_border
    subject: counterparty
    severity: low
    because: {en: abroad, zh: 境外}
    alone: false
typologies:
  - id: T
    name: {en: Together, zh: 合计}
    rules: {BIG: 0.5, NEAR: 0.2, ABROAD: 0.45}
    alert: 550
    urgent: 760
    interdict: true
"""


@pytest.fixture
def raised(tmp_path):
    def run(text, *events):
        path = tmp_path / "p.yaml"
        path.write_text(text)
        offline = Offline(draw([load_pack(str(path))], Deployment()))
        lines = [
            orjson.dumps(
                {
                    "event_id": str(n), "kind": "payment", "account": "a", "counterparty": "b",
                    "currency": "CNY", "event_time": START_MS + n * 1000, **event,
                }
            )
            for n, event in enumerate(events)
        ]  # fmt: skip
        alerts = offline.feed(RawBlock(0, b"\n".join(lines), 0, 1 << 53)).alerts
        return [one for one in (*alerts, *offline.finish().alerts) if isinstance(one, Alert)]

    return run


def rules_of(alerts):
    return [(alert.event_id, alert.rules) for alert in alerts]


def test_a_rule_that_does_not_stand_alone_raises_nothing_by_itself(raised):
    alerts = raised(PACK, {"amount": 60}, {"amount": 120})
    assert rules_of(alerts) == [("1", ("BIG", "NEAR"))]


def test_a_typology_counts_rules_about_any_subject(raised):
    # near and abroad: 1 - 0.8 * 0.55 = 0.56, worth an alert about both, though neither is alone
    alerts = raised(PACK, {"amount": 60, "cross_border": True})
    assert sorted(rules_of(alerts)) == [("0", ("ABROAD",)), ("0", ("NEAR",))]
    for alert in alerts:
        (told,) = alert.content["data"]["typologies"]
        assert (told["id"], told["score"], told["level"]) == ("T", 560, "alert")
        assert told["rules"] == ("NEAR", "ABROAD")
        assert alert.content["data"]["action"] == "review"


def test_an_urgent_typology_that_interdicts_holds(raised):
    alerts = raised(PACK, {"amount": 120, "cross_border": True})
    assert {a.content["data"]["action"] for a in alerts} == {"hold"}
    assert {a.content["data"]["typologies"][0]["score"] for a in alerts} == {780}


def test_a_shadow_rule_weighs_nothing(raised):
    text = PACK.replace("id: ABROAD", "id: ABROAD\n    status: shadow")
    assert rules_of(raised(text, {"amount": 60, "cross_border": True})) == []


def test_the_customer_is_asked_in_both_languages(raised):
    (alert,) = raised(PACK, {"amount": 1234.5})
    prompt = {"en": "1,234.50 to b?", "zh": "是否向 b 付款？"}
    assert alert.content["data"]["prompt"] == prompt


def test_a_new_period_is_a_new_incident_whatever_the_cooldown(raised):
    text = PACK.replace(
        "severity: medium", "severity: medium\n    incident: day(UTC)\n    cooldown: 1d"
    )
    times = [START_MS, START_MS + 19 * HOUR_MS, START_MS + 21 * HOUR_MS]
    alerts = raised(text, *({"amount": 120, "event_time": at} for at in times))
    assert [alert.event_id for alert in alerts] == ["0", "2"]
    incidents = {alert.content["data"]["incident_id"] for alert in alerts}
    assert len(incidents) == 2
    days = [datetime.fromtimestamp(at / 1000, UTC).day for at in times]
    assert days == [5, 5, 6]


def test_a_typology_that_becomes_urgent_breaks_through_a_cooldown_once(raised):
    text = PACK.replace("severity: medium", "severity: medium\n    cooldown: 1d")
    alerts = raised(
        text, {"amount": 120}, {"amount": 130}, *[{"amount": 120, "cross_border": True}] * 2
    )
    about = [alert.event_id for alert in alerts if alert.subject == "account/a"]
    assert about == ["0", "2"]


DETECTED = (
    PACK
    + """
detectors:
  odd:
    {model: half_space_trees, features: [amount], trees: 3, height: 4, window: 20,
     limits: {amount: [0, 200]}}
"""
)


@pytest.mark.parametrize(
    ("change", "learns"),
    [(("", ""), False), (("id: BIG", "id: BIG\n    status: shadow"), True),
     (("id: BIG", "id: BIG\n    alone: false"), True)],
)  # fmt: skip
def test_only_a_rule_that_raises_alerts_keeps_an_event_from_being_learnt(change, learns, tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(DETECTED.replace(*change, 1).replace("amount >= 50", "amount >= 1000"))
    offline = Offline(draw([load_pack(str(path))], Deployment()))
    lines = [
        b'{"event_id":"%d","kind":"payment","account":"a","amount":%d,"currency":"CNY",'
        b'"event_time":%d}' % (n, 100 + n * 37 % 100, START_MS + n * 1000) for n in range(60)
    ]  # fmt: skip
    fed = offline.feed(RawBlock(0, b"\n".join(lines), 0, 1 << 53))
    scored = [*fed.scored, *offline.finish().scored]
    scores = [score for one in scored for score in one.scores["p.odd"]]
    # until a window is full of learnt events nothing is scored
    assert any(score > 0 for score in scores) is learns


LIMBS = """
pack: p
on: [payment]
features:
  here:   {sum: amount, by: account, over: 1d, where: "NOT cross_border"}
  abroad: {sum: amount, by: account, over: 1d, where: cross_border}
rules:
  - id: L
    name: {en: Sum, zh: 合计}
    for_each:
      near: {total: here, least: 100, place: at home}
      far:  {total: abroad, least: 10, place: outside}
    when: total >= least
    subject: account
    severity: {high: total >= 2 * least, low: TRUE}
    because: {en: "{total} {place}", zh: "{total}"}
typologies:
  - {id: T, name: {en: t, zh: t}, rules: {L: 0.5}}
"""


def test_each_limb_is_a_rule_with_its_own_names(raised):
    (alert,) = raised(LIMBS, {"amount": 20, "cross_border": True})
    (reason,) = alert.content["data"]["reasons"]
    assert (reason["rule"], reason["severity"], reason["en"]) == ("L.far", "high", "20 outside")
    (evidence,) = reason["evidence"]
    assert (evidence["feature"], evidence["threshold"]) == ("abroad", 10.0)
    assert alert.content["data"]["typologies"][0]["rules"] == ("L",)
    (both,) = raised(
        LIMBS,
        {"amount": 100, "cross_border": False},
        {"amount": 15, "cross_border": True, "event_id": "x"},
    )[1:]
    assert sorted(both.rules) == ["L.far", "L.near"]
    # the limbs of a rule weigh as one
    assert both.content["data"]["typologies"][0]["score"] == 500


def test_a_limb_without_names_weighs_for_its_rule_too(raised):
    pack = LIMBS.replace("total", "here").replace("least", "100").replace("{place}", "")
    for meanings in (
        "{here: here, 100: 100, place: at home}",
        "{here: abroad, 100: 10, place: outside}",
    ):
        assert meanings in pack
        pack = pack.replace(meanings, "{}")
    (alert,) = raised(pack, {"amount": 100, "cross_border": False})
    assert sorted(alert.rules) == ["L.far", "L.near"]
    assert alert.content["data"]["typologies"][0]["rules"] == ("L",)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("least: 10,", "amount: 10,", 11, "amount has a meaning already"),
        ("least: 10,", "laest: 10,", 12, "no column, feature or parameter is called least"),
        ("rules: {L: 0.5}", "rules: {M: 0.5}", 17, "no rule is called M"),
        ("rules: {L: 0.5}", "rules: {L: 1}", 17, "was 1"),
        ("rules: {L: 0.5}", "rules: {L: 0.5}, urgent: 300", 17, "urgent from 300"),
    ],
)
def test_mistakes_are_pointed_at(old, new, line, message, tmp_path):
    path = tmp_path / "p.yaml"
    assert old in LIMBS
    path.write_text(LIMBS.replace(old, new, 1).lstrip("\n"))
    with pytest.raises(ConfigError) as caught:
        draw([load_pack(str(path))], Deployment())
    assert message in str(caught.value)
    assert f"p.yaml:{line}:" in str(caught.value)


WAITING = """
pack: within_it
on: [payment]
rules:
  - {{id: A, name: {{en: a, zh: b}}, when: amount > 1, subject: account, severity: low{first},
     because: {{en: "x", zh: "x"}}}}
  - {{id: B, name: {{en: a, zh: b}}, when: amount > 2, subject: account, severity: low,
     because: {{en: "x", zh: "x"}}}}
{typologies}
"""
WEIGHS = "typologies: [{id: T, name: {en: a, zh: b}, rules: {A: 0.5, B: 0.5}}]"
OUTER = """
pack: around
include: inner.yaml
on: [payment]
rules:
  - {{id: A, name: {{en: a, zh: b}}, when: amount > 3, subject: account, severity: low{own},
     because: {{en: "x", zh: "x"}}}}
{typologies}
"""
WAITS = ", absent: {within: 1h}"


def included(tmp_path, *, inner="", inner_typologies="", outer="", outer_typologies=""):
    text = WAITING.format(first=inner, typologies=inner_typologies)
    (tmp_path / "inner.yaml").write_text(text)
    path = tmp_path / "outer.yaml"
    path.write_text(OUTER.format(own=outer, typologies=outer_typologies))
    return load_pack(str(path))


def test_a_rule_that_takes_the_place_of_one_that_waits_may_weigh(tmp_path):
    pack = included(tmp_path, inner=WAITS, outer_typologies=WEIGHS)

    assert [rule.absent for rule in pack.rules] == [None, None]


def test_a_rule_that_waits_may_not_take_the_place_of_one_that_weighs(tmp_path):
    with pytest.raises(ConfigError, match="A waits, but weighs in the included T"):
        included(tmp_path, inner_typologies=WEIGHS, outer=WAITS)
    with pytest.raises(ConfigError, match="A waits for what stays away"):
        included(tmp_path, outer=WAITS, outer_typologies=WEIGHS)
