"""docs/alerts.md names every field of an alert, and every key in Redis."""

import dataclasses
from types import SimpleNamespace

import orjson
import pytest

from config.packs import load_pack
from connectors.redis import RedisAlerts, RedisConfig
from dataflows.examples import START_MS, example_events
from dataflows.offline import Offline
from models.planning.blueprint import Deployment, draw
from models.records import RawBlock
from tests.documents import PACKS, first_words, section

LEAVES = (
    "data.event", "data.reasons[].name", "data.reasons[].warming", "data.prompt",
    "data.typologies[].name",
)  # fmt: skip


def _paths(value, at):
    """Dotted paths of an alert; lists as [], detectors as {}, texts and events as they are."""
    found = {at} - {"", "data"}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return found.union(*(_paths(item, f"{at}[]") for item in value)) - {f"{at}[]"}
    if at == "data.scores":
        return found | {f"{at}{{}}.{name}" for scores in value.values() for name in scores}
    if isinstance(value, dict) and at not in LEAVES:
        dot = f"{at}." if at else ""
        return found.union(*(_paths(item, f"{dot}{name}") for name, item in value.items()))
    return found


@pytest.fixture
def alert(tmp_path):
    """An alert of the pack in docs/packs.md, its condition reading a column and a new feature."""
    path = tmp_path / "small.yaml"
    text = next(p.values[0] for p in PACKS if p.values[0].startswith("pack: small"))
    asked = '    prompt: {en: "Was it you?", zh: "是您本人吗？"}\n    action: review'
    text = text.replace("when: payments_10m", "when: amount >= 1 AND payments_10m")
    text = text.replace("    action: review", f"    incident: day(UTC)\n{asked}", 1)
    path.write_text(f"{text}typologies: [{{id: T, name: {{en: a, zh: b}}, rules: {{S1: 0.5}}}}]\n")
    head = b'{"kind":"payment","account":"a","amount":10,"currency":"CNY","event_id":'
    lines = [head + b'"%d","event_time":%d}' % (n, START_MS + n) for n in range(3)]
    blueprint = draw([load_pack(str(path))], Deployment())
    offline = Offline(
        dataclasses.replace(blueprint, since_ms=dict.fromkeys(blueprint.specs, START_MS))
    )
    offline.feed(RawBlock(0, b"\n".join(lines), 0, START_MS))
    return offline.finish().alerts[0]


@pytest.fixture
def waited(tmp_path):
    """An alert of the rule in docs/packs.md that waits."""
    path = tmp_path / "promises.yaml"
    path.write_text(next(p.values[0] for p in PACKS if p.values[0].startswith("pack: promises")))
    pack = load_pack(str(path))
    events = example_events(pack.rules[0], pack.rules[0].examples[0], "CNY")
    offline = Offline(draw([pack], Deployment()))
    offline.feed(RawBlock(0, b"\n".join(map(orjson.dumps, events)), 0, 1 << 53))
    return offline.finish().alerts[0]


def test_every_field_of_an_alert_is_explained(alert, waited):
    found = [orjson.loads(orjson.dumps(one.content, default=dict)) for one in (alert, waited)]
    paths = {path for content in found for path in _paths(content, "")}

    assert sorted(first_words(section("docs/alerts.md", ""))) == sorted(paths)


def test_the_keys_in_redis_are_explained(alert):
    config, text = RedisConfig(), section("docs/alerts.md", "Redis")
    sink = SimpleNamespace(_config=config)
    fields = RedisAlerts._arguments(sink, alert)[4::2]
    listed = first_words(text)

    assert listed[:2] == [f"{config.prefix}:alerts", RedisAlerts._key(sink, "ID")]
    assert listed[2:] == ["body", *fields]
    assert f"{config.stream_length_max:,}" in text
    assert f"{config.keep_s // 86_400} days" in text
