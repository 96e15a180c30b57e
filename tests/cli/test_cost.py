"""What packs cost: sizes are exact, shared work is nobody's, lesser forms answer alike."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cli.check import check
from cli.cost import cost_of
from cli.cost_report import show_cost
from cli.cost_spaces import without_each
from cli.cost_traffic import STEPS, Sizes, entries_of, simulated
from cli.deployment import deployment_of
from config.packs import load_pack, pack_names
from config.settings import Settings
from models.features.layout import F_GROUP
from models.features.placing import place_answers
from models.features.state import SpaceState
from models.planning.blueprint import Deployment, draw

SIZES = Sizes(accounts=500, warm=60, timed=12, repeats=1)
RULE = (
    "  - {{id: {0}, name: {{en: a, zh: b}}, when: {1}, subject: account, severity: low,"
    " because: {{en: x, zh: y}}, on: [{2}]}}\n"
)
FEATURES = """pack: mine
on: [payment]
features:
  day: {count: "*", by: account, over: 1d}
  day_again: {count: "*", by: account, over: 1d}
  hour: {count: "*", by: account, over: 1h}
  paid: {sum: amount, by: account, over: 1d}
  shops: {count: "*", by: merchant, over: 1d}
rules:
"""
PACK = (
    FEATURES
    + RULE.format("ALL", "TRUE", "payment")
    + RULE.format("DAY", "day > 3 AND day_again > 3", "payment")
    + RULE.format("SAME", "day > 4 AND day_again > 4", "payment")
    + RULE.format("PAID", "hour > 3 AND paid > 10", "payment")
    + RULE.format("SHOP", "shops > 1000", "payment")
    + RULE.format("LOGIN", "outcome = 'fail'", "login")
)
WINDOW_BYTES, CELL_BYTES, VALUE_BYTES = 32, 8, 8


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    path = tmp_path_factory.mktemp("cost") / "mine.yaml"
    path.write_text(PACK)
    return load_pack(str(path))


@pytest.fixture(scope="module")
def cost(pack):
    return cost_of([pack], Deployment(), SIZES)


def named(parts, key="name"):
    return {getattr(part, key): part for part in parts}


def test_a_feature_costs_the_words_that_only_it_needs(cost):
    accounts = named(cost.spaces)["account"]
    features = named(accounts.features)

    assert features["mine.day"].entity_bytes == features["mine.day_again"].entity_bytes == 0
    # how many events there are follows from where its window begins and ends
    assert features["mine.hour"].entity_bytes == WINDOW_BYTES
    # a sum keeps its cell in the row and the amount of every event, in blocks of four and more
    assert features["mine.paid"].entity_bytes > CELL_BYTES + 4 * VALUE_BYTES
    assert accounts.row_bytes == 56 + 2 * WINDOW_BYTES + CELL_BYTES
    assert accounts.event_bytes == 3 * 8 + VALUE_BYTES
    assert accounts.entity_bytes > accounts.row_bytes + accounts.event_bytes


def test_a_rule_costs_only_what_no_other_rule_reads(cost):
    rules, spaces = named(cost.rules, "rule"), named(cost.spaces)

    assert rules["DAY"].features == rules["SAME"].features == rules["ALL"].features == ()
    assert rules["SAME"].entity_bytes == {}
    assert rules["SAME"].windows_ns == rules["SAME"].windows_exact_ns == 0
    assert rules["PAID"].features == ("mine.hour", "mine.paid")
    assert rules["PAID"].entity_bytes.keys() == {"account"}
    assert rules["PAID"].entity_bytes["account"] >= sum(
        named(spaces["account"].features)[name].entity_bytes for name in rules["PAID"].features
    )
    assert rules["SHOP"].entity_bytes == {"merchant": spaces["merchant"].entity_bytes}
    assert rules["SHOP"].windows_ns == spaces["merchant"].ns


def test_hits_are_counted_among_the_timed_events(cost, pack):
    rules = named(cost.rules, "rule")
    blueprint = draw([pack], replace(Deployment(), shards=1))
    blocks = list(simulated(blueprint, SIZES))
    events = [json.loads(line) for block in blocks[SIZES.warm :] for line in
              block.data.splitlines()]  # fmt: skip

    assert cost.events == len(events)
    assert cost.batch_events == len(events) / SIZES.timed
    assert rules["ALL"].hits == sum(event["kind"] == "payment" for event in events) > 0
    every = [json.loads(line) for block in blocks for line in block.data.splitlines()]
    payers = [event["account"] for event in every if event["kind"] == "payment"]
    busy = [payers[: at + 1].count(payer) > 3 for at, payer in enumerate(payers)]
    assert rules["DAY"].hits == sum(busy[-rules["ALL"].hits :]) > 0
    failed = [e for e in events if e["kind"] == "login" and e["outcome"] == "fail"]
    assert rules["LOGIN"].hits == sum("account" in event for event in failed)


def test_columns_under_other_names_are_met(pack):
    renamed = replace(pack, aliases={"payer": "account", "value": "amount"})

    cost = cost_of([renamed], Deployment(), SIZES)

    assert named(cost.spaces)["account"].entities > 100


@pytest.mark.parametrize("name", pack_names())
def test_a_space_without_one_feature_answers_the_others_alike(name):
    blueprint = draw([load_pack(name)], replace(deployment_of(Settings()), shards=1))
    blocks = list(simulated(blueprint, SIZES))
    compared = 0
    for space, thinner in zip(blueprint.spaces, without_each(blueprint), strict=True):
        assert len(thinner) == (len(space.features) if len(space.features) > 1 else 0)
        forms = [space, *thinner.values()]
        whole, *others = (
            answers(form, entries, blocks)
            for form, entries in zip(forms, entries_of(blueprint, forms, blocks), strict=True)
        )
        for left_out, answer in zip(thinner, others, strict=True):
            assert answer.keys() == whole.keys() - {left_out}
            for feature, values in answer.items():
                # a group that nobody but the left-out feature read on a kind is not read there now
                known = ~np.isnan(values)
                assert np.array_equal(values[known], whole[feature][known])
                compared += int(known.sum())
    assert compared > 1000


def answers(form, entries, blocks):
    """Feature → its values, event by event."""
    state = SpaceState(form.plan, form.before_groups, form.name)
    found = []
    for some, block in zip(entries, blocks, strict=True):
        answer, events = state.run(some), len(block.data.splitlines())
        values = np.full((len(form.features), events), np.nan)
        place_answers(
            answer.words, answer.values, form.plan.features[:, F_GROUP].copy(), 0, values,
            answer.truncated, np.zeros(events, np.bool_),
        )  # fmt: skip
        found.append(values)
    return dict(zip((f.name for f in form.features), np.concatenate(found, axis=1), strict=True))


def test_the_tables_name_every_space_feature_and_rule(cost, capsys):
    show_cost(cost)

    shown = capsys.readouterr().out
    assert all(step in shown for step in STEPS)
    assert "account (payment)" in shown
    assert all(f"  {f.name} " in shown for space in cost.spaces for f in space.features)
    assert all(f"mine {rule.rule} " in shown for rule in cost.rules)


def test_a_difference_within_that_of_copies_is_not_shown_as_a_number(cost, capsys):
    space = replace(named(cost.spaces)["account"], exact_ns=7.0)
    first, second, *_rest = space.features
    features = [replace(first, ns=6.9), replace(second, ns=7.6)]

    show_cost(replace(cost, spaces=[replace(space, features=features)]))

    lines = capsys.readouterr().out.splitlines()
    assert next(ln for ln in lines if f" {first.name} " in ln).split()[1:3] == ["<", "7"]
    assert next(ln for ln in lines if f" {second.name} " in ln).split()[1] == "8"


def test_check_measures_the_packs_that_load_and_stays_one_object(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cli.cost_traffic.Sizes.__init__.__defaults__", (500, 60, 12, 1))
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(PACK)
    bad.write_text(PACK.replace("day > 3", "dya > 3"))

    assert not check([str(good), str(bad)], None, with_cost=True, as_json=True)

    (line,) = capsys.readouterr().out.splitlines()
    result = json.loads(line)
    assert result["packs"] == 1
    assert "dya" in result["errors"][0]
    assert [rule["rule"] for rule in result["cost"]["rules"]] == [
        "ALL", "DAY", "SAME", "PAID", "SHOP", "LOGIN",
    ]  # fmt: skip
    assert {space["name"] for space in result["cost"]["spaces"]} == {"account", "merchant"}
    assert result["cost"]["steps_ns"].keys() == set(STEPS)
