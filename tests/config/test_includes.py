"""Packs that include others."""

import pytest

from config.packs import load_pack
from models.errors import ConfigError
from models.planning.blueprint import Deployment, draw

BASE = """
pack: base
on: [payment]
columns: {shop_type: text}
conversions: {amount_usd: USD}
params: {most: 3, watched: [IR]}
event_cap: 100
features:
  n_1h: {count: "*", by: account, over: 1h}
  n_1d: {count: "*", by: shop_type, over: 1d}
rules:
  - id: B1
    name: {en: One, zh: 一}
    when: n_1h >= most
    subject: account
    severity: low
    because: {en: "{n_1h}", zh: "{n_1h}"}
    examples: [{fires: true, events: [{account: a, amount: 1, repeat: 3}]}]
  - id: B2
    name: {en: Two, zh: 二}
    when: n_1d >= most AND amount_usd > 1
    subject: account
    severity: low
    because: {en: "{n_1d}", zh: "{n_1d}"}
typologies:
  - {id: T, name: {en: t, zh: t}, rules: {B1: 0.5, B2: 0.5}}
"""


@pytest.fixture
def load(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)

    def pack(text):
        path = tmp_path / "own.yaml"
        path.write_text(text)
        return load_pack(str(path))

    return pack


def test_a_pack_has_the_parts_of_those_it_includes(load):
    pack = load("pack: own\ninclude: base.yaml\n")
    assert pack.name == "own"
    assert [rule.id for rule in pack.rules] == ["B1", "B2"]
    assert [feature.name for feature in pack.features] == ["n_1h", "n_1d"]
    assert (pack.event_cap, pack.params["most"]) == (4096, 3)
    assert set(pack.columns) == {"shop_type", "amount_usd"}
    blueprint = draw([pack], Deployment())
    assert "own.n_1h" in blueprint.columns
    # their examples hold with their own parameters
    assert not any(rule.examples for rule in pack.rules)


def test_its_own_parts_take_the_place_of_theirs(load):
    pack = load(
        "pack: own\non: [payment]\ninclude: [base.yaml]\nparams: {most: 9}\nfeatures:\n"
        '  n_1h: {count: "*", by: card, over: 1h}\n'
    )
    assert pack.params == {"most": 9, "watched": ("IR",)}
    (replaced,) = [feature for feature in pack.features if feature.name == "n_1h"]
    assert replaced.by == ("card",)
    (rule, _other) = draw([pack], Deployment()).rules
    assert rule.comparisons[0].threshold == 9


def test_rules_can_be_left_out_of_typologies_too(load):
    pack = load("pack: own\ninclude: base.yaml\nwithout: B1\n")
    assert [rule.id for rule in pack.rules] == ["B2"]
    assert pack.typologies[0].rules == {"B2": 0.5}


def test_a_typology_weighs_included_rules(load):
    text = "pack: own\ninclude: base.yaml\ntypologies:\n"
    text += "  - {id: U, name: {en: u, zh: u}, rules: {B1: 0.9}}\n"
    assert [typology.id for typology in load(text).typologies] == ["T", "U"]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("pack: own\ninclude: bsae\n", "2:10", "no pack is called bsae"),
        ("pack: own\ninclude: [base.yaml, no.yaml]\n", "2:22", "cannot read"),
        ("pack: own\ninclude: own.yaml\n", "2:10", "own.yaml includes this pack"),
        ("pack: own\ninclude: base.yaml\nwithout: [B1, B3]\n", "3:15", "no rule is called B3"),
        ("pack: own\ninclude: base.yaml\nparams: {n_1h: 3}\n", "2:1", "n_1h is a feature and a"),
        ("pack: own\ninclude: base.yaml\nwithout: B1\ninclude: x\n", "4:1", "stands here twice"),
    ],
)  # fmt: skip
def test_mistakes_are_pointed_at(load, text, place, message):
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert message in str(caught.value)
    assert f"own.yaml:{place}: " in str(caught.value)


def test_a_mistake_in_an_included_pack_is_shown_there(load, tmp_path):
    (tmp_path / "bad.yaml").write_text(BASE.replace("over: 1h", "over: 1q"))
    with pytest.raises(ConfigError) as caught:
        load("pack: own\ninclude: bad.yaml\n")
    assert "bad.yaml:9:" in str(caught.value)
