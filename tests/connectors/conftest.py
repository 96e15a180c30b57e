"""A real Redis for the session, and alerts to put into sinks."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from connectors.embedded_redis import EmbeddedRedis
from connectors.redis import RedisConfig
from models.records import Alert

_prefixes = count()


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
def redis_config(server: EmbeddedRedis) -> RedisConfig:
    return RedisConfig(url=server.url, prefix=f"test{next(_prefixes)}", patience_s=0)


@pytest.fixture(scope="session")
def alert() -> Callable[..., Alert]:
    def make(number: int, reason: str = "12 payments within a minute, 一分钟") -> Alert:
        alert_id = f"{number:032x}"
        return Alert(
            id=alert_id,
            pack="payments",
            tenant="t1",
            subject=f"account/{number}",
            severity="high",
            risk=0.87,
            time_ms=1_000 + number,
            event_id=f"tx-{number}",
            rules=("F01", "F02"),
            content={
                "specversion": "1.0",
                "type": "riverguard.alert.v1",
                "id": alert_id,
                "data": {"repeats": 0, "reasons": [reason]},
            },
        )

    return make
