"""What `check` says of examples that fail, to a person and to a program."""

import json

import pytest

from cli.check import check

PACK = """pack: mine
on: [payment]
features:
  paid: {sum: amount, by: account, over: 1h}
rules:
  - id: BIG
    name: {en: a, zh: b}
    when: paid >= 100
    subject: account
    severity: low
    because: {en: "{paid} paid", zh: "{paid}"}
    examples:
      - fires: true
        events: [{account: a, amount: 100}]
      - fires: true
        events: [{account: a, amount: 99}]
      - fires: false
        events: [{account: a, amount: 60, repeat: 2}]
  - id: BAD
    name: {en: a, zh: b}
    when: amount >= 100
    subject: account
    severity: low
    because: {en: x, zh: y}
    examples:
      - fires: false
        events: [{account: a, amount: 1, event_id: e}, {account: a, amount: 1, event_id: e}]
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(PACK)
    return str(path)


def test_each_failure_says_where_it_stands_what_was_expected_and_what_was_seen(path, capsys):
    assert not check([path], None, with_cost=False, as_json=True)

    result = json.loads(capsys.readouterr().out)
    assert result.keys() == {"packs", "rules", "examples", "failed", "errors", "failures"}
    assert [result[key] for key in ("packs", "rules", "examples", "failed")] == [1, 2, 4, 3]
    assert result["errors"] == []
    bad = result["failures"].pop()
    common = {"pack": "mine", "rule": "BIG", "file": path}
    assert result["failures"] == [
        {**common, "line": 15, "expected": True, "fired": False, "seen": "paid = 99"},
        {**common, "line": 17, "expected": False, "fired": True, "seen": "120 paid"},
    ]
    assert (bad["rule"], bad["line"], bad["expected"], bad["fired"]) == ("BAD", 26, False, False)
    assert bad["seen"] == "two events have one event_id"


def test_a_person_sees_the_same(path, capsys):
    assert not check([path], None, with_cost=False, as_json=False)

    shown = "".join(capsys.readouterr().out.split())
    assert "mine:2rules,4examples,3failed" in shown
    assert "paid=99" in shown


def test_packs_that_keep_their_promises_have_no_failures(capsys):
    assert check(["trading"], None, with_cost=False, as_json=True)

    result = json.loads(capsys.readouterr().out)
    assert result["failures"] == []
    assert result["failed"] == 0
    assert "cost" not in result
