"""Every shipped pack plans, and every example in it does what it says."""

import string

import pytest

from config.packs import load_pack, pack_names
from dataflows.examples import run_examples
from models.planning.blueprint import draw

RULES = [
    pytest.param(name, rule, id=f"{name}-{rule.id}")
    for name in pack_names()
    for rule in load_pack(name).rules
    if rule.status in ("live", "shadow")
]


@pytest.fixture(scope="session")
def outcomes(deployment):
    return {name: run_examples(load_pack(name), deployment) for name in pack_names()}


def test_all_packs_run_together(deployment):
    packs = [load_pack(name) for name in pack_names()]
    blueprint = draw(packs, deployment)
    planned = [(rule.pack, rule.spec.id) for rule in blueprint.rules]
    assert planned == [(pack.name, rule.id) for pack in packs for rule in pack.rules]


@pytest.mark.parametrize("name", pack_names())
def test_every_feature_is_read(name, deployment):
    pack = load_pack(name)
    planned = draw([pack], deployment).columns
    assert [spec.name for spec in pack.features if f"{name}.{spec.name}" not in planned] == []


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_examples_fire_and_stop_short(name, rule, outcomes):
    of_rule = [one for one in outcomes[name] if one.rule == rule.id]
    assert {one.expected for one in of_rule} == {True, False}
    assert [f"{one.place}: {one.seen}" for one in of_rule if not one.ok] == []


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_rules_say_what_an_engineer_needs(name, rule):
    assert rule.source
    assert rule.runbook
    assert rule.group
    assert rule.cooldown_ms >= 600_000
    shown = {language: _fields(text) for language, text in rule.because.items()}
    assert shown["en"] == shown["zh"] != set()


@pytest.mark.parametrize("name", pack_names())
def test_reasons_leave_no_value_empty(name, outcomes):
    reasons = [one.seen for one in outcomes[name] if one.fired]
    assert [reason for reason in reasons if "–" in reason or "{" in reason] == []


def test_tiny_prices_are_readable(outcomes):
    reasons = [one.seen for one in outcomes["trading"] if one.rule == "M12" and one.fired]
    assert any("1.1e-06" in reason or "0.0000011" in reason for reason in reasons)


def _fields(text):
    """The values shown; what a limb says in Chinese is called like what it says in English."""
    parsed = string.Formatter().parse(text)
    return {(field.removesuffix("_zh"), spec) for _, field, spec, _ in parsed if field}
