"""The Redis sink and reader against a real server, also one that dies."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import orjson
import pytest
from redis.client import Pipeline
from redis.exceptions import RedisError

from connectors.embedded_redis import EmbeddedRedis, _start, _stop, _wait
from connectors.redis import RedisAlerts, RedisConfig
from connectors.redis_reader import AlertReader
from models.errors import ConfigError, DeliveryError
from models.records import Alert, Repeat

_prefixes = count()


@pytest.fixture
def redis_config(server: EmbeddedRedis) -> RedisConfig:
    return RedisConfig(url=server.url, prefix=f"sink{next(_prefixes)}", patience_s=0)


def stream_ids(config: RedisConfig) -> list[str]:
    """Return the alert ids in the stream, oldest first, having checked each one's hash."""
    with config.connect() as client:
        entries = client.xrange(f"{config.prefix}:alerts")
        for _, fields in entries:
            key = f"{config.prefix}:alert:{fields[b'id'].decode()}"
            assert client.hget(key, "body") == fields[b"body"]
        assert len(list(client.scan_iter(f"{config.prefix}:alert:*", 5000))) == len(entries)
        return [fields[b"id"].decode() for _, fields in entries]


def deliver(config: RedisConfig, items: list[Alert | Repeat]) -> RedisAlerts:
    with closing(RedisAlerts(config)) as sink:
        sink.write(items)
        sink.flush()
    return sink


def test_stream_and_hash_hold_the_alert(redis_config, alert) -> None:
    deliver(redis_config, [alert(5)])
    with redis_config.connect() as client:
        ((_, entry),) = client.xrange(f"{redis_config.prefix}:alerts")
        fields = client.hgetall(f"{redis_config.prefix}:alert:{alert(5).id}")
    assert entry == {b"id": alert(5).id.encode(), b"body": orjson.dumps(alert(5).content)}
    assert fields.pop(b"body") == entry[b"body"]
    assert fields == {
        b"pack": b"payments",
        b"tenant": b"t1",
        b"subject": b"account/5",
        b"severity": b"high",
        b"risk": b"0.87",
        b"time_ms": b"1005",
        b"event_id": b"tx-5",
        b"rules": b"F01,F02",
        b"repeats": b"0",
        b"last_ms": b"1005",
    }


def test_a_replay_after_a_crash_adds_only_what_is_missing(redis_config, alert) -> None:
    with closing(RedisAlerts(redis_config)) as crashed:
        crashed.write([alert(1), alert(2)])
        crashed.flush()
        crashed.write([alert(3)])
    assert stream_ids(redis_config) == [alert(1).id, alert(2).id]

    again = deliver(redis_config, [alert(2, reason="other"), alert(3), alert(4), alert(4)])

    assert (again.written, again.refused) == (2, 2)
    assert stream_ids(redis_config) == [alert(n).id for n in (1, 2, 3, 4)]
    with closing(AlertReader(redis_config)) as reader:
        assert reader.show(alert(2).id) == alert(2).content | {
            "data": alert(2).content["data"] | {"last_ms": 1002}
        }


def test_concurrent_replays_write_each_alert_once(redis_config, alert) -> None:
    def replay(seed: int) -> RedisAlerts:
        items = [alert(n) for n in range(400)]
        random.Random(seed).shuffle(items)
        return deliver(redis_config, items)

    with ThreadPoolExecutor(4) as pool:
        sinks = list(pool.map(replay, range(4)))

    assert sum(sink.written for sink in sinks) == 400
    assert sum(sink.refused for sink in sinks) == 1200
    assert sorted(stream_ids(redis_config)) == [alert(n).id for n in range(400)]


def test_repeats_only_rise(redis_config, alert) -> None:
    one = alert(1).id
    sink = deliver(redis_config, [alert(1), Repeat(one, 10, 5_000), Repeat(one, 9, 9_999)])
    assert (sink.written, sink.refused) == (2, 1)
    sink = deliver(redis_config, [alert(1), Repeat(one, 10, 9_999), Repeat(one, 11, 4_000)])
    assert (sink.written, sink.refused) == (1, 2)
    with closing(AlertReader(redis_config)) as reader:
        data = reader.show(one)["data"]
    assert (data["repeats"], data["last_ms"]) == (11, 5_000)


def test_a_repeat_without_its_alert_does_not_keep_the_alert_out(redis_config, alert) -> None:
    deliver(redis_config, [Repeat(alert(1).id, 3, 50)])
    assert deliver(redis_config, [alert(1)]).written == 1
    assert stream_ids(redis_config) == [alert(1).id]


def test_stream_or_hash_alone_is_never_written(redis_config, alert) -> None:
    with redis_config.connect() as client, closing(RedisAlerts(redis_config)) as sink:
        client.set(f"{redis_config.prefix}:alerts", "not a stream")
        sink.write([alert(1)])
        with pytest.raises(DeliveryError, match="1 alerts and repeats are not confirmed") as raised:
            sink.flush()
        assert isinstance(raised.value.__cause__, RedisError)
        assert "replays" in raised.value.hint
        assert not client.exists(f"{redis_config.prefix}:alert:{alert(1).id}")
        assert sink.written == 0

        client.delete(f"{redis_config.prefix}:alerts")
        sink.flush()  # nothing was dropped
    assert stream_ids(redis_config) == [alert(1).id]


def test_one_refused_alert_among_many_is_noticed(redis_config, alert) -> None:
    with redis_config.connect() as client, closing(RedisAlerts(redis_config)) as sink:
        client.set(f"{redis_config.prefix}:alert:{alert(7).id}", "a string where a hash should be")
        sink.write([alert(1), Repeat(alert(7).id, 1, 1), alert(2)])
        with pytest.raises(DeliveryError, match="WRONGTYPE"):
            sink.flush()


def test_a_full_server_is_a_delivery_error(redis_config, alert) -> None:
    with redis_config.connect() as client, closing(RedisAlerts(redis_config)) as sink:
        client.config_set("maxmemory", 1)
        sink.write([alert(1)])
        try:
            with pytest.raises(DeliveryError, match="OOM"):
                sink.flush()
        finally:
            client.config_set("maxmemory", 0)
    assert stream_ids(redis_config) == []


def kill_when(config: RedisConfig, pid: int, then: Callable[[], None]) -> threading.Thread:
    """Kill the server as soon as the stream holds 1000 alerts."""

    def watch() -> None:
        with config.connect() as client:
            while client.xlen(f"{config.prefix}:alerts") < 1000:
                time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        then()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_server_killed_in_mid_flush_and_a_replay(tmp_path: Path, alert) -> None:
    items = [alert(n) for n in range(5000)]
    with EmbeddedRedis(tmp_path / "data") as server:
        config = RedisConfig(url=server.url, patience_s=0)
        with closing(RedisAlerts(config)) as sink:
            thread = kill_when(config, server.pid, lambda: None)
            with pytest.raises(DeliveryError, match="not confirmed") as raised:
                sink.write(items)
            thread.join()
            assert isinstance(raised.value.__cause__, RedisError)
            with pytest.raises(DeliveryError):
                sink.flush()

    with EmbeddedRedis(tmp_path / "data") as server:
        config = replace(config, url=server.url)
        survived = stream_ids(config)
        assert 1000 <= len(survived) < 5000
        again = deliver(config, items)
        assert (again.written, again.refused) == (5000 - len(survived), len(survived))
        assert stream_ids(config) == [item.id for item in items]


def test_a_server_that_comes_back_in_time_is_ridden_out(tmp_path: Path, alert) -> None:
    socket = tmp_path / "redis.sock"
    config = RedisConfig(url=f"unix://{socket}", patience_s=30)
    items = [alert(n) for n in range(3000)]
    processes = [_start(tmp_path, socket)]
    _wait(processes[0], config.url, tmp_path, 10)

    def restart() -> None:
        processes[0].wait()
        processes.append(_start(tmp_path, socket))

    try:
        with closing(RedisAlerts(config)) as sink:
            thread = kill_when(config, processes[0].pid, restart)
            sink.write(items)
            sink.flush()
            thread.join()
        assert stream_ids(config) == [item.id for item in items]
    finally:
        for process in processes:
            _stop(process)


def test_scripts_lost_between_check_and_use_are_loaded_again(
    redis_config, alert, monkeypatch
) -> None:
    load, lost = Pipeline.load_scripts, []

    def load_and_lose_once(self: Pipeline) -> None:
        load(self)
        if not lost:
            with redis_config.connect() as client:
                lost.append(client.script_flush())

    monkeypatch.setattr(Pipeline, "load_scripts", load_and_lose_once)
    patient = replace(redis_config, patience_s=30)
    deliver(patient, [alert(1), Repeat(alert(1).id, 1, 1)])
    assert lost
    assert stream_ids(redis_config) == [alert(1).id]


def test_a_failed_write_keeps_everything_for_the_next_flush(redis_config, alert) -> None:
    items = [alert(n) for n in range(1500)]
    with redis_config.connect() as client, closing(RedisAlerts(redis_config)) as sink:
        client.set(f"{redis_config.prefix}:alerts", "not a stream")
        with pytest.raises(DeliveryError, match="1500 alerts"):
            sink.write(items)
        client.delete(f"{redis_config.prefix}:alerts")
        sink.flush()
    assert stream_ids(redis_config) == [item.id for item in items]


def test_limits(redis_config, alert) -> None:
    config = replace(redis_config, stream_length_max=100, keep_s=60)
    deliver(config, [alert(n) for n in range(1000)])
    with config.connect() as client:
        assert 100 <= client.xlen(f"{config.prefix}:alerts") < 300
        assert 0 < client.ttl(f"{config.prefix}:alert:{alert(1).id}") <= 60
        deliver(replace(config, keep_s=0), [alert(1000)])
        assert client.ttl(f"{config.prefix}:alert:{alert(1000).id}") == -1


def test_an_unreachable_server(tmp_path: Path) -> None:
    config = RedisConfig(url=f"unix://{tmp_path}/none.sock", patience_s=0)
    with pytest.raises(DeliveryError, match="cannot reach"):
        RedisAlerts(config)


def test_messages_keep_the_password_out(redis_config) -> None:
    path = redis_config.url.removeprefix("unix://")
    config = replace(redis_config, url=f"unix://nobody@{path}?password=secret")
    with pytest.raises(ConfigError, match="refused us") as raised:
        RedisAlerts(config)
    assert "secret" not in str(raised.value)
    with pytest.raises(ConfigError, match="not a Redis url") as raised:
        RedisAlerts(RedisConfig(url="http://me:secret@host:1"))
    assert "secret" not in str(raised.value)
    with pytest.raises(ConfigError, match="keep_s must be at least 0, was -1"):
        RedisConfig(keep_s=-1)
