"""`riverguard run` through a real broker: what comes out, and how it ends."""

import json
import signal
import time

import orjson
import pytest

from benchmarks.torture.outside import read_all
from benchmarks.torture.stream import differing, make_stream, outcome
from connectors.redis import RedisConfig
from connectors.redis_reader import AlertReader

EVENTS = 3000


@pytest.fixture(scope="module")
def stream():
    return make_stream(EVENTS, 2, seed=21, ordered=False)


@pytest.fixture(scope="module")
def one_partition():
    return make_stream(EVENTS, 1, seed=22, ordered=True)


def in_kafka(deployment, names):
    records = list(read_all(deployment.broker.bootstrap, deployment.topics["alerts"]))
    alerts = [record for record in records if record["type"] == "riverguard.alert.v1"]
    for alert in alerts:
        alert.pop("traceparent")
    repeats = [(r["data"]["alert"], r["data"]["repeats"]) for r in records if r not in alerts]
    assert len({r["id"] for r in records}) == len(records)
    return outcome(alerts, repeats, names)


def in_redis(deployment):
    reader = AlertReader(RedisConfig(url=deployment.redis_url, prefix=deployment.prefix))
    return [content["id"] for _id, content in reader.recent(1_000_000)]


@pytest.mark.parametrize("processes", [1, 2])
def test_alerts_are_those_of_an_offline_run(deployment, stream, processes):
    made = deployment(2)
    made.settings(processes=processes)
    made.feed(stream.partitions)

    code, summary, said = made.run()

    assert code == 0, said
    assert summary["events"] == sum(map(len, stream.partitions))
    assert summary["restarts"] == 0
    assert not differing(in_kafka(made, stream.names), stream.expected)
    ids = in_redis(made)
    assert sorted(ids) == sorted(stream.expected)


def test_it_goes_on_after_a_stop_with_other_processes(deployment, stream):
    made = deployment(2)
    made.settings(publish="committed")
    made.feed([part[: len(part) // 2] for part in stream.partitions])
    process = made.start()
    while not list((made.state / "state").glob("*.log")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    code, _summary, said = made.finish(process)
    assert code == 0, said

    made.feed([part[len(part) // 2 :] for part in stream.partitions])
    made.settings(publish="committed", processes=2)
    code, _summary, said = made.run()

    assert code == 0, said
    assert not differing(in_kafka(made, stream.names), stream.expected)


def test_alerts_carry_the_trace_of_their_event(deployment, one_partition):
    made = deployment()
    made.settings()
    made.feed(one_partition.partitions)
    made.run()

    (first, *_rest) = made.records("alerts")

    assert dict(first.headers())["traceparent"] == b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
    assert json.loads(first.value())["traceparent"].startswith("00-aaaa")


def test_dead_letters_and_late_events_keep_their_bytes(deployment, one_partition):
    made = deployment()
    made.settings(allowed_lateness="1s")
    (lines,) = one_partition.partitions
    old = orjson.dumps({**json.loads(lines[0]), "event_id": "old"})
    made.feed([[*lines[:500], b"\xff{broken", old]])

    code, summary, said = made.run()

    assert code == 0, said
    assert (summary["rejected"], summary["late"]) == (1, 1)
    (dead,) = made.records("dead_letters")
    assert dead.value() == b"\xff{broken"
    assert dict(dead.headers())["riverguard-code"] == b"bad_json"
    assert dict(dead.headers())["traceparent"].startswith(b"00-")
    (late,) = made.records("late")
    assert late.value() == old


def test_poison_stops_the_run_before_the_topic_is_drained(deployment):
    made = deployment()
    made.settings(commit_every="20ms")
    made.feed([[b"{poison"] * 30_000])

    code, _summary, said = made.run()

    assert code == 1
    assert "are dead letters, the limit is 50 %" in said
    assert "poison_limit" in said
    assert len(made.records("dead_letters")) < 30_000

    made.settings(poison_limit=1)
    code, _summary, said = made.run()
    assert code == 0, said
    offsets = {m.key() for m in made.records("dead_letters")}
    assert len(offsets) == 30_000


def test_encrypted_state_resumes_only_with_its_key(deployment, one_partition):
    made = deployment()
    made.settings()
    (lines,) = one_partition.partitions
    made.feed([lines[:1500]])
    key = {"RIVERGUARD_STATE_KEY": "ab" * 32}
    code, _summary, said = made.run(**key)
    assert code == 0, said
    account = json.loads(lines[0])["account"].encode()
    assert not any(account in p.read_bytes() for p in (made.state / "state").iterdir())

    made.feed([lines[1500:]])
    code, _summary, said = made.run()
    assert code == 1
    assert "is encrypted, and no key is given" in said
    code, _summary, said = made.run(**key)
    assert code == 0, said


@pytest.mark.parametrize(
    ("keys", "code", "said"),
    [
        ({"kafka_topic": "nowhere"}, 2, "nowhere"),
        ({"packs": "[nonsense]"}, 2, "nonsense"),
    ],
)
def test_bad_settings_end_it_at_once(deployment, keys, code, said):
    made = deployment()
    if "kafka_topic" in keys:
        made.topics["alerts"] = keys.pop("kafka_topic")
    made.settings(**keys)

    found, _summary, errors = made.run()

    assert found == code, errors
    assert said in errors
    assert "hint:" in errors
    assert "Traceback" not in errors
