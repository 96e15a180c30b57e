"""`evidence` of a rule: whose events its alerts name, whatever they are compared with."""

import orjson
import pytest

from config.packs import load_pack
from dataflows.offline import Offline
from models.errors import ConfigError
from models.planning.blueprint import Deployment, draw
from models.records import RawBlock

PACK = """
pack: seen
on: [payment]
features:
  paid_1h: {sum: amount_base, by: account, over: 1h}
  usual: {median: amount_base, by: account, over: 30d, exclude_current: true, min_history: 2}
  quiet: {gap: "*", by: account}
  ever: {count: "*", by: account, over: all}
  device_before: {last: device, by: account, exclude_current: true}
detectors:
  odd: {model: half_space_trees, features: amount}
rules:
  - id: R
    name: {en: a, zh: b}
    when: amount_base > 3 * usual AND paid_1h >= 100
    evidence: [usual, paid_1h, quiet]
    subject: account
    severity: low
    because: {en: "{amount_base}", zh: "{amount_base}"}
"""
START_MS = 1_767_585_600_000


def evidence_of(tmp_path, text):
    """Feature → (value, op, events) of the last event's alert."""
    path = tmp_path / "seen.yaml"
    path.write_text(text)
    offline = Offline(draw([load_pack(str(path))], Deployment()))
    lines = [
        orjson.dumps(
            {
                "event_id": f"e{n}", "kind": "payment", "event_time": START_MS + minute * 60_000,
                "account": "a", "amount": amount, "currency": "CNY",
            }
        )
        for n, (minute, amount) in enumerate([(0, 10), (90, 20), (100, 30), (110, 500)])
    ]  # fmt: skip
    offline.feed(RawBlock(0, b"\n".join(lines), 0, 1 << 53))
    (alert,) = offline.finish().alerts
    (reason,) = alert.content["data"]["reasons"]
    return {e["feature"]: (e["value"], e.get("op"), e.get("events")) for e in reason["evidence"]}


def test_events_are_named_of_what_the_rule_asks_for(tmp_path):
    found = evidence_of(tmp_path, PACK)

    assert found == {
        "paid_1h": (550, ">=", ["0:3", "0:2", "0:1"]),
        "usual": (20, None, ["0:2", "0:1", "0:0"]),
        "quiet": (600, None, ["0:2"]),
    }


def test_a_limb_asks_for_what_its_name_means(tmp_path):
    limb = "    for_each: {x: {meant: usual}}\n    evidence: [meant, usual]\n"
    found = evidence_of(tmp_path, PACK.replace("    evidence: [usual, paid_1h, quiet]\n", limb))

    assert found["usual"] == (20, None, ["0:2", "0:1", "0:0"])


def test_without_it_only_what_reaches_a_bound_is_named(tmp_path):
    found = evidence_of(tmp_path, PACK.replace("    evidence: [usual, paid_1h, quiet]\n", ""))

    assert found == {"paid_1h": (550, ">=", ["0:3", "0:2", "0:1"])}


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("usuall", "no feature is called usuall"),
        ("amount", "no feature is called amount"),
        ("odd", "no feature is called odd"),
        ("device_before", "device_before is text, known by its hash"),
        ("usual, usual", "feature usual is listed twice"),
        ("ever", "ever has no events to name"),
    ],
)
def test_only_features_with_events_can_be_asked_for(tmp_path, named, said):
    path = tmp_path / "seen.yaml"
    path.write_text(PACK.replace("[usual, paid_1h, quiet]", f"[paid_1h, {named}]"))

    with pytest.raises(ConfigError) as found:
        draw([load_pack(str(path))], Deployment())

    assert found.value.message == said
    assert found.value.place is not None
    assert found.value.place.line == 16
