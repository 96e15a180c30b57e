"""Cooldown, repeats, ids, risk."""

import itertools
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alerting import Alerting, to_alert
from models.alerts import Details, Facts, Hit, RuleHit, alert_id, risk_of
from models.errors import Place
from models.expressions.tree import TRUE
from models.feature_specs import Over
from models.pack import RuleSpec
from models.planning.rules import Rule, Sentence
from models.records import Alert, Repeat
from models.wording import say, shown


def rule(name="R", cooldown_ms=600_000, group="", action="review", index=0):
    spec = RuleSpec(
        name, ("payment",), {"en": name, "zh": name}, "TRUE", "account", (("medium", "TRUE"),),
        {"en": "x", "zh": "x"}, Place("p", 1), cooldown_ms=cooldown_ms, group=group, action=action,
    )  # fmt: skip
    sentence = Sentence((("seen", "", ""),))
    return Rule(
        "p", spec, index, 1, TRUE, (), ("medium",), (), {"en": sentence, "zh": sentence},
        {}, frozenset(), reads_detectors=False, domain="account",
    )  # fmt: skip


@dataclass
class Stream:
    """Hits with running event ids."""

    numbers: itertools.count = field(default_factory=itertools.count)

    def hit(self, time_ms, *hits, subject="a", tenant=""):
        facts = Facts({}, {}, {}, truncated=False, warming={})
        return Hit(
            "p", tenant, "account", subject, "payment", f"e{next(self.numbers)}", time_ms,
            False, hits, Details(lambda: (facts, {"event_id": "e"})), {},
        )  # fmt: skip


def raise_one_by_one(alerting, hits):
    return [item for hit in hits for item in alerting.raise_alerts([hit])]


def test_hits_within_the_cooldown_are_repeats_of_the_alert_that_opened_it():
    stream, one = Stream(), RuleHit(rule(), "medium")
    hits = [stream.hit(t, one) for t in (0, 1000, 599_999, 600_000)]

    first, second, third, fourth = raise_one_by_one(Alerting(), hits)

    assert isinstance(first, Alert)
    assert second == Repeat(first.id, 1, 1000, first.subject)
    assert third == Repeat(first.id, 2, 599_999, first.subject)
    assert isinstance(fourth, Alert)


def test_only_the_last_count_of_several_repeats_is_told():
    stream, one = Stream(), RuleHit(rule(), "medium")
    alerting = Alerting()

    alert, repeat = alerting.raise_alerts([stream.hit(t, one) for t in range(5)])

    assert repeat == Repeat(alert.id, 4, 4, alert.subject)
    assert alerting.repeated == 4


def test_a_higher_severity_breaks_through_and_a_lower_one_does_not():
    stream, a_rule = Stream(), rule()
    severities = ["medium", "low", "high", "medium"]
    hits = [stream.hit(t, RuleHit(a_rule, s)) for t, s in enumerate(severities)]

    kinds = [type(item) for item in raise_one_by_one(Alerting(), hits)]

    assert kinds == [Alert, Repeat, Alert, Repeat]


def test_subjects_rules_and_tenants_cool_down_apart():
    stream, one, other = Stream(), RuleHit(rule("R"), "medium"), RuleHit(rule("S"), "medium")
    hits = [
        stream.hit(0, one), stream.hit(1, one, subject="b"), stream.hit(2, other),
        stream.hit(3, one, tenant="t2"),
    ]  # fmt: skip

    assert all(isinstance(item, Alert) for item in Alerting().raise_alerts(hits))


def test_without_a_cooldown_every_hit_alerts():
    stream, one = Stream(), RuleHit(rule(cooldown_ms=0), "medium")

    out = Alerting().raise_alerts([stream.hit(t, one) for t in range(5)])

    assert len({alert.id for alert in out}) == 5


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.sampled_from("ab")), max_size=40),
    st.integers(0, 40),
)
def test_a_restart_changes_no_decision(script, cut):
    severities = ("low", "medium", "high")
    a_rule = rule(cooldown_ms=5000)
    stream = Stream()
    hits = [stream.hit(t * 1000, RuleHit(a_rule, severities[s]), subject=w) for t, s, w in script]
    expected = raise_one_by_one(Alerting(), hits)
    first = Alerting()
    base = first.save()
    head = raise_one_by_one(first, hits[:cut])
    second = Alerting()
    second.load(base)
    second.replay(first.take_log())

    assert head + raise_one_by_one(second, hits[cut:]) == expected


def test_ids_depend_on_what_an_alert_is_about_not_on_its_reasons():
    one = Stream().hit(0, RuleHit(rule("R"), "low"))
    other = Stream().hit(0, RuleHit(rule("S"), "high"))

    assert one.id == other.id
    assert alert_id("t", "ab", "c") != alert_id("t", "a", "bc")


def test_within_a_group_only_the_strongest_counts_and_groups_combine_by_noisy_or():
    same = [RuleHit(rule("A", group="g"), "medium"), RuleHit(rule("B", group="g"), "high")]
    apart = [RuleHit(rule("A", group="g"), "medium"), RuleHit(rule("B", group="h"), "high")]

    assert risk_of(same) == 0.6
    assert risk_of(apart) == pytest.approx(1 - 0.65 * 0.4)


@pytest.mark.parametrize(
    ("value", "wanted", "text"),
    [
        (12.0, "", "12"), (12.345, "", "12.35"), (1.5e-6, "", "0.0000015"), (None, "", "–"),
        (1234567.5, ",.2f", "1,234,567.50"), ("x", "", "x"), (-0.5, "", "-0.5"),
        (1.23e-6, ".6g", "0.00000123"), (0.01234, "", "0.01234"),
    ],
)  # fmt: skip
def test_values_read_well_in_reasons(value, wanted, text):
    assert shown(value, wanted) == text
    assert say(Sentence((("is ", "v", wanted),)), {"v": value}) == f"is {text}"


def test_what_a_rule_finds_about_a_subject_within_its_period_is_one_incident():
    stream, day = Stream(), Over(period="day", zone="Asia/Shanghai")
    plain = rule(cooldown_ms=0)
    daily = RuleHit(replace(plain, spec=replace(plain.spec, incident=day)), "medium")
    evening = 1_767_600_000_000  # 2026-01-05 16:00 in Shanghai
    times = [(evening, "a"), (evening + 8 * 3_600_000 - 1, "a"), (evening + 8 * 3_600_000, "a"),
             (evening, "b")]  # fmt: skip
    hits = [stream.hit(at, daily, subject=subject) for at, subject in times]

    ids = [item.content["data"]["incident_id"] for item in raise_one_by_one(Alerting(), hits)]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert (
        to_alert(stream.hit(evening, RuleHit(plain, "low"))).content["data"]["incident_id"] is None
    )


def test_a_resume_does_not_take_the_end_of_a_long_cooldown_for_the_present():
    """Cooldowns that are still open would be swept away, and their repeats raised once more."""
    short, long = (RuleHit(rule(n, d * 86_400_000), "medium") for n, d in (("S", 3), ("L", 30)))
    stream = Stream()
    before = [stream.hit(at, short, subject=f"s{at}") for at in range(4200)]
    before.append(stream.hit(4200, long, subject="x"))
    after = [stream.hit(5000, short, subject="new"), stream.hit(5001, short, subject="s1")]
    first = Alerting()
    first.raise_alerts(before)
    replayed, loaded = Alerting(), Alerting()
    loaded.load(first.save())
    replayed.replay(first.take_log())

    for alerting in (replayed, loaded, first):
        assert [type(i).__name__ for i in alerting.raise_alerts(after)] == ["Alert", "Repeat"]


def test_hits_that_waited_come_behind_others_and_still_meet_their_cooldowns():
    many = [RuleHit(rule(f"R{n}", 86_400_000), "medium") for n in range(2)]
    stream, alerting = Stream(), Alerting()
    waited = [replace(stream.hit(at, many[0]), since_ms=0) for at in (0, 1000)]
    alerting.raise_alerts(waited[:1])

    alerting.raise_alerts([stream.hit(10**11 + n, many[1], subject=f"s{n}") for n in range(5000)])

    assert [type(item).__name__ for item in alerting.raise_alerts(waited[1:])] == ["Repeat"]
