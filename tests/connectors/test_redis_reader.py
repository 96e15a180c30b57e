"""The reader sees what the sink wrote, with the repeats as they are now."""

import threading
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from connectors.embedded_redis import EmbeddedRedis
from connectors.redis import RedisAlerts, RedisConfig
from connectors.redis_reader import START, AlertReader
from models.errors import ConfigError
from models.records import Repeat

_prefixes = count()


@pytest.fixture
def redis_config(server: EmbeddedRedis) -> RedisConfig:
    return RedisConfig(url=server.url, prefix=f"reader{next(_prefixes)}", patience_s=0)


def deliver(config: RedisConfig, items: list) -> None:
    with closing(RedisAlerts(config)) as sink:
        sink.write(items)
        sink.flush()


def test_the_reader_follows(redis_config, alert) -> None:
    with closing(AlertReader(redis_config, wait_ms=30)) as reader:
        assert reader.newest() == START
        assert reader.tail(START) == []
        assert reader.recent(5) == []
        assert reader.show("nothing") is None
        deliver(redis_config, [alert(n) for n in range(4)])
        deliver(redis_config, [Repeat(alert(2).id, 7, 70_000)])

        recent = reader.recent(2)
        assert [content["id"] for _, content in recent] == [alert(2).id, alert(3).id]
        assert [content["data"]["repeats"] for _, content in recent] == [7, 0]
        assert recent[-1][0] == reader.newest()
        everything = reader.tail(START)
        assert [content["id"] for _, content in everything] == [alert(n).id for n in range(4)]
        assert everything[2:] == recent
        assert reader.tail(START, count=1) == everything[:1]
        assert reader.tail(everything[0][0]) == everything[1:]
        assert reader.tail(reader.newest()) == []


def test_the_reader_waits_for_what_comes(redis_config, alert) -> None:
    with closing(AlertReader(redis_config, wait_ms=5_000)) as reader:
        timer = threading.Timer(0.05, deliver, (redis_config, [alert(1)]))
        timer.start()
        ((_, content),) = reader.tail(reader.newest())
        timer.join()
    assert content["id"] == alert(1).id


def test_an_expired_alert_is_shown_as_first_written(redis_config, alert) -> None:
    deliver(redis_config, [alert(1)])
    with redis_config.connect() as client, closing(AlertReader(redis_config)) as reader:
        client.delete(f"{redis_config.prefix}:alert:{alert(1).id}")
        ((_, content),) = reader.recent(1)
    assert content == alert(1).content


def test_an_unreachable_server(tmp_path: Path) -> None:
    config = RedisConfig(url=f"unix://{tmp_path}/none.sock")
    with closing(AlertReader(config)) as reader, pytest.raises(ConfigError, match="cannot read"):
        reader.recent(1)
