"""Alerts in Redis: a stream to follow and a hash per alert, each alert exactly once.

Keys under the prefix: ``alerts`` (stream: id, body) and ``alert:<id>`` (hash: body, pack, tenant,
subject, severity, risk, time_ms, event_id, rules, repeats, last_ms). Acknowledged means that the
server has it; how it survives a power failure is the server's ``appendfsync``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import AuthenticationError, NoScriptError, RedisError
from redis.retry import Retry

from models.errors import ConfigError, DeliveryError
from models.records import Alert, Repeat

# The stream goes first: of the two writes only XADD can fail (another type under its key), and
# Redis does not roll a script back.
_WRITE_ALERT = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'id', ARGV[3], 'body', ARGV[4])
redis.call('HSET', KEYS[2], 'body', unpack(ARGV, 4))
if ARGV[2] ~= '0' then redis.call('EXPIRE', KEYS[2], ARGV[2]) end
return 1
"""
# Without its alert a repeat would make a hash that keeps the alert out.
_RAISE_REPEATS = """
local known = redis.call('HMGET', KEYS[1], 'repeats', 'last_ms')
if not known[1] or tonumber(ARGV[1]) <= tonumber(known[1]) then return 0 end
redis.call('HSET', KEYS[1], 'repeats', ARGV[1])
if tonumber(ARGV[2]) > tonumber(known[2]) then redis.call('HSET', KEYS[1], 'last_ms', ARGV[2]) end
return 1
"""
_CHUNK = 512  # commands per round trip: about 1 MB of alerts


@dataclass(frozen=True, slots=True)
class RedisConfig:
    """Where the alerts live and how long to insist.

    Attributes
    ----------
    url
        ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user and password if any.
    prefix
        Of every key. For Redis Cluster put it in braces, so that all keys share a slot.
    stream_length_max
        About how many alerts the stream keeps.
    keep_s
        Seconds an alert's hash lives; 0 keeps it for ever. Longer than any replay.
    connect_timeout_s, reply_timeout_s
        Patience with the server, seconds.
    retries_max
        Further attempts after a lost connection or a timeout, waiting 0.1 s, then twice as long
        each time up to 0.5 s. Connecting and sending each count their own.
    """

    url: str = "redis://localhost:6379/0"
    prefix: str = "riverguard"
    stream_length_max: int = 1_000_000
    keep_s: int = 90 * 86_400
    connect_timeout_s: float = 2.0
    reply_timeout_s: float = 5.0
    retries_max: int = 3

    def __post_init__(self) -> None:
        least = {
            "stream_length_max": 1,
            "keep_s": 0,
            "connect_timeout_s": 0.001,
            "reply_timeout_s": 0.001,
            "retries_max": 0,
        }
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise ConfigError(
                    f"redis.{name} must be at least {low}, was {getattr(self, name)}",
                    hint="leave it out to get the default",
                )

    @property
    def place(self) -> str:
        """The server without user and password, for messages."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def connect(self, wait_s: float = 0.0) -> "redis.Redis":
        """Return a client, not yet connected; replies may take `wait_s` longer than usual.

        Raises
        ------
        ConfigError
            The url is not one.
        """
        try:
            return redis.Redis.from_url(
                self.url,
                protocol=2,
                socket_connect_timeout=self.connect_timeout_s,
                socket_timeout=self.reply_timeout_s + wait_s,
                retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), self.retries_max),
            )
        except ValueError as error:
            raise ConfigError(
                f"redis.url is not a Redis url: {self.place}",
                hint="write redis://host:6379/0, rediss://… or unix:///path",
            ) from error


class RedisAlerts:
    """The alert sink.

    Delivery: at least once to Redis, exactly once in it. A script writes an alert's stream entry
    and hash or neither, so sending again after a lost reply, or replaying after a crash, changes
    nothing; the first write wins. Repeats only rise.

    Attributes
    ----------
    written, refused
        Commands since opening that changed Redis, and that found their work done. A lost reply
        turns one of the first into one of the second.

    Raises
    ------
    ConfigError
        The url is not one, or the server refuses the password.
    DeliveryError
        The server does not answer.
    """

    def __init__(self, config: RedisConfig) -> None:
        self.written = 0
        self.refused = 0
        self._config = config
        self._pending: list[tuple[Any, list[str], list[Any]]] = []
        self._client = config.connect()
        self._write_alert = self._client.register_script(_WRITE_ALERT)
        self._raise_repeats = self._client.register_script(_RAISE_REPEATS)
        try:
            self._client.ping()
        except AuthenticationError as error:
            self._client.close()
            raise ConfigError(
                f"{config.place} refused us: {error}", hint="check user and password in redis.url"
            ) from error
        except RedisError as error:
            self._client.close()
            raise DeliveryError(
                f"cannot reach {config.place}: {error}",
                hint="start Redis there, or correct redis.url",
            ) from error

    def write(self, items: Sequence[Alert | Repeat]) -> None:
        """Buffer items and send full chunks.

        Raises
        ------
        DeliveryError
            As `flush`.
        """
        for item in items:
            if isinstance(item, Alert):
                keys = [f"{self._config.prefix}:alerts", self._key(item.id)]
                self._pending.append((self._write_alert, keys, self._arguments(item)))
            else:
                arguments = [item.repeats, item.last_ms]
                self._pending.append((self._raise_repeats, [self._key(item.id)], arguments))
        while len(self._pending) >= _CHUNK:
            self._send()

    def flush(self) -> None:
        """Send everything; return when the server has acknowledged each item.

        Raises
        ------
        DeliveryError
            No connection after all retries, or the server refused an item. Nothing is dropped:
            another flush, or a replay, sends again.
        """
        while self._pending:
            self._send()

    def close(self) -> None:
        """Disconnect without flushing: what came after the last flush is lost, as in a crash."""
        self._client.close()

    def _key(self, alert_id: str) -> str:
        return f"{self._config.prefix}:alert:{alert_id}"

    def _arguments(self, alert: Alert) -> list[Any]:
        fields = {
            "pack": alert.pack,
            "tenant": alert.tenant,
            "subject": alert.subject,
            "severity": alert.severity,
            "risk": alert.risk,
            "time_ms": alert.time_ms,
            "event_id": alert.event_id,
            "rules": ",".join(alert.rules),
            "repeats": 0,
            "last_ms": alert.time_ms,
        }
        body = orjson.dumps(alert.content, default=dict)
        settings = [self._config.stream_length_max, self._config.keep_s]
        return [*settings, alert.id, body, *(x for pair in fields.items() for x in pair)]

    def _send(self) -> None:
        chunk = self._pending[:_CHUNK]
        replies = self._execute(chunk)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            # The server restarted within a retry and forgot the scripts; all are idempotent.
            replies = self._execute(chunk)
        for reply in replies:
            if isinstance(reply, Exception):
                raise self._failure(reply) from reply
        changed = sum(reply == 1 for reply in replies)
        self.written += changed
        self.refused += len(chunk) - changed
        del self._pending[: len(chunk)]

    def _execute(self, chunk: list[tuple[Any, list[str], list[Any]]]) -> list[Any]:
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for script, keys, arguments in chunk:
                    script(keys, arguments, client=pipeline)
                replies = pipeline.execute(raise_on_error=False)
        except RedisError as error:
            raise self._failure(error) from error
        assert len(replies) == len(chunk), (len(replies), len(chunk))
        return replies

    def _failure(self, error: Exception) -> DeliveryError:
        return DeliveryError(
            f"{len(self._pending)} alerts and repeats are not confirmed by "
            f"{self._config.place}: {error}",
            hint="check that Redis runs, has memory and holds no other data under redis.prefix, "
            "then restart: the run replays from its last commit",
        )
