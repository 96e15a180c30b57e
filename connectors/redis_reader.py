"""The alerts that `connectors/redis.py` wrote, for a person: follow, list, look one up."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import orjson
from redis.exceptions import RedisError

from connectors.redis_client import RedisConfig
from models.errors import ConfigError

START = "0-0"  # before the oldest entry of a stream


class AlertReader:
    """Read alerts with their current repeats.

    An alert is its content, with ``data.repeats`` and ``data.last_ms`` (epoch ms) as they are
    now; once its hash has expired it is as first written.

    Parameters
    ----------
    config
        As the sink's.
    wait_ms
        How long `tail` waits for something new; 0 does not wait.

    Raises
    ------
    ConfigError
        The url is not one; from every method: the server does not answer.
    """

    def __init__(self, config: RedisConfig, wait_ms: int = 1_000) -> None:
        self._config = config
        self._stream = f"{config.prefix}:alerts"
        self._wait_ms = wait_ms
        self._client = config.connect(wait_s=wait_ms / 1_000)

    def newest(self) -> str:
        """Return the id of the newest stream entry, where `tail` starts to see only new ones."""
        with self._reading():
            entries: Any = self._client.xrevrange(self._stream, count=1)
        return cast("str", entries[0][0].decode()) if entries else START

    def tail(self, last_id: str, count: int = 1_000) -> list[tuple[str, dict[str, Any]]]:
        """Wait for alerts after a stream entry.

        Parameters
        ----------
        last_id
            Id of the last entry seen, from here, `recent` or `newest`; `START` for all.
        count
            Most alerts to return.

        Returns
        -------
        Stream ids and alerts, oldest first; empty when none came in time.
        """
        with self._reading():
            reply: Any = self._client.xread(
                {self._stream: last_id}, count=count, block=self._wait_ms or None
            )
        return self._alerts(reply[0][1]) if reply else []

    def recent(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """Return the newest alerts with their stream ids, oldest first."""
        with self._reading():
            entries: Any = self._client.xrevrange(self._stream, count=count)
        return self._alerts(entries[::-1])

    def show(self, alert_id: str) -> dict[str, Any] | None:
        """Return one alert, or None when there is none of that id."""
        with self._reading():
            values: Any = self._client.hmget(
                f"{self._config.prefix}:alert:{alert_id}", "body", "repeats", "last_ms"
            )
        return None if values[0] is None else _current(*values)

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def _alerts(self, entries: list[Any]) -> list[tuple[str, dict[str, Any]]]:
        with self._reading(), self._client.pipeline(transaction=False) as pipeline:
            for _, fields in entries:
                key = f"{self._config.prefix}:alert:{fields[b'id'].decode()}"
                pipeline.hmget(key, "repeats", "last_ms")
            now = pipeline.execute()
        return [
            (stream_id.decode(), _current(fields[b"body"], *values))
            for (stream_id, fields), values in zip(entries, now, strict=True)
        ]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            raise ConfigError(
                f"cannot read alerts from {self._config.place}: {error}",
                hint="check that Redis runs there, and redis.url and redis.prefix",
            ) from error


def _current(body: bytes, repeats: bytes | None, last_ms: bytes | None) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(body)
    if repeats is not None and last_ms is not None:
        content.setdefault("data", {}).update(repeats=int(repeats), last_ms=int(last_ms))
    return content
