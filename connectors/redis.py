"""Alerts in Redis: a stream to follow and a hash per alert, each alert exactly once.

Keys under the prefix: ``alerts`` (stream: id, body) and ``alert:<id>`` (hash: body, pack, tenant,
subject, severity, risk, time_ms, event_id, rules, repeats, last_ms).

**Trimming.** The stream keeps about ``stream_length_max`` alerts; adding one drops the oldest, in
whole nodes, so there may be some hundreds more and never fewer. A trimmed alert can no longer be
followed or listed, but its hash lives on: it is still found by its id, still counts repeats and
still keeps a replay from adding it again, until ``keep_s`` after it was first written. A replay of
an alert older than that is a new alert. So memory is bounded by ``stream_length_max`` bodies plus
the alerts of ``keep_s``, with about 0.5 kB each besides the body.

**The server.** Acknowledged means that the server has it; what survives its own crash is a matter
of its settings. Expected are ``appendonly yes`` with ``appendfsync everysec`` (a power failure
takes up to the last second of acknowledged alerts; a killed process takes none) or ``always`` (it
takes none), and ``maxmemory-policy noeviction``: any other policy would delete alerts silently,
so `RedisAlerts` refuses it. When memory is full we wait.

**The user.** `ACL_RULES` is all that its ACL needs.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import orjson
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from connectors.redis_client import RedisConfig, denied, untrusted, waiting_mends
from models.errors import ConfigError, DeliveryError
from models.records import Alert, Repeat

__all__ = ["ACL_RULES", "RedisAlerts", "RedisConfig"]

ACL_RULES = (
    "+ping +evalsha +script|exists +script|load +exists +xadd +hset +hmget +expire +config|get"
)
"""What the sink's user may do, beside ``~riverguard:*`` (the prefix) for its keys.

``+config|get`` is for the check of maxmemory-policy, which is left out without it. A database
other than 0 needs ``+select``, and `connectors.redis_reader` ``+xread +xrevrange +hmget``. From
Redis 7.2 on ``+client|setinfo`` keeps redis-py's introduction out of ACL LOG; its refusal is
ignored.
"""

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
# Does every command without effect: a permission that is missing must not be found between the
# two writes of an alert.
_TRY_PERMISSIONS = """
redis.call('EXISTS', KEYS[1])
redis.call('HMGET', KEYS[1], 'field')
redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'field', '')
redis.call('EXPIRE', KEYS[1], 0)
redis.call('HSET', KEYS[1], 'field', '')
redis.call('EXPIRE', KEYS[1], 0)
"""
_CHUNK = 512  # commands per round trip: about 1 MB of alerts
T = TypeVar("T")
_BACKOFF = ExponentialBackoff(cap=1.0, base=0.025)  # 0.05 s, 0.1 s, … 1 s


class RedisAlerts:
    """The alert sink.

    Delivery: at least once to Redis, exactly once in it. A script writes an alert's stream entry
    and hash or neither, so sending again after a lost reply, or replaying after a crash, changes
    nothing; the first write wins. Repeats only rise.

    A server that is down, loading, read-only or full is waited for, `RedisConfig.patience_s` from
    the last progress; meanwhile `write` and `flush` do not return, so no more than one chunk and
    the items of one `write` are held. At the start only a loading server is waited for.

    Attributes
    ----------
    written, refused
        Commands since opening that changed Redis, and that found their work done. A lost reply
        or a retry turns some of the first into the second.

    Raises
    ------
    ConfigError
        The url is not one, the server refuses the password, a permission or the certificate, or
        it evicts keys.
    DeliveryError
        The server does not answer.
    """

    def __init__(self, config: RedisConfig) -> None:
        self.written = 0
        self.refused = 0
        self._config = config
        self._pending: list[tuple[Any, list[str], list[Any]]] = []
        self._client = config.connect(retries=0)
        self._write_alert = self._client.register_script(_WRITE_ALERT)
        self._raise_repeats = self._client.register_script(_RAISE_REPEATS)
        try:
            self._patiently(self._client.ping, lambda error: isinstance(error, BusyLoadingError))
            self._check_permissions()
            self._check_eviction()
        except RedisError as error:
            self._client.close()
            raise _start_failure(config, error) from error
        except ConfigError:
            self._client.close()
            raise

    def write(self, items: Sequence[Alert | Repeat]) -> None:
        """Buffer items and send full chunks, waiting as `flush` does.

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
            No progress for `patience_s`, or an error that waiting cannot mend. Nothing is
            dropped: another flush, or a replay, sends again.
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
        """Send one chunk, until all of it is acknowledged."""
        left = len(self._pending[:_CHUNK])
        try:
            while left:
                attempt = partial(self._execute, self._pending[:left])
                left -= self._patiently(attempt, waiting_mends)
        except RedisError as error:
            raise self._failure(error) from error

    def _execute(self, chunk: list[tuple[Any, list[str], list[Any]]]) -> int:
        """Send a chunk once; how many from its start are done. Raises when none is."""
        with self._client.pipeline(transaction=False) as pipeline:
            for script, keys, arguments in chunk:
                script(keys, arguments, client=pipeline)
            replies = pipeline.execute(raise_on_error=False)
        assert len(replies) == len(chunk), (len(replies), len(chunk))
        errors = [reply for reply in replies if isinstance(reply, Exception)]
        done = len(replies)
        if errors:
            # All from the first failure on is sent again: a repeat before its alert does nothing.
            done = next(i for i, reply in enumerate(replies) if isinstance(reply, Exception))
            if done == 0:
                raise errors[0]
        changed = sum(reply == 1 for reply in replies[:done])
        self.written += changed
        self.refused += done - changed
        del self._pending[:done]
        return done

    def _patiently(self, work: Callable[[], T], mends: Callable[[Exception], bool]) -> T:
        """Do the work, again and again while its errors mend and patience lasts."""
        deadline = time.monotonic() + self._config.patience_s

        def give_up(error: Exception) -> None:
            if time.monotonic() >= deadline:
                raise error

        forever = Retry(_BACKOFF, -1, supported_errors=(RedisError,))
        return forever.call_with_retry(work, give_up, is_retryable=mends)

    def _check_permissions(self) -> None:
        attempt = self._client.register_script(_TRY_PERMISSIONS)
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                attempt([f"{self._config.prefix}:permissions"], client=pipeline)
                pipeline.execute()
        except ResponseError as error:
            if not waiting_mends(error):  # full or a replica: the first write waits
                raise

    def _check_eviction(self) -> None:
        try:
            policy: Any = self._client.config_get("maxmemory-policy")
        except ResponseError:
            return  # not permitted, or a hosted Redis without CONFIG: its owner must know
        name = policy.get("maxmemory-policy", "noeviction")
        if name != "noeviction":
            raise ConfigError(
                f"{self._config.place} has maxmemory-policy {name}: when its memory is full it "
                "would delete alerts silently",
                hint="CONFIG SET maxmemory-policy noeviction, or give the alerts a Redis of "
                "their own",
            )

    def _failure(self, error: Exception) -> DeliveryError:
        if waiting_mends(error):
            what = f"after {self._config.patience_s:g} s"
            hint = "check that Redis runs, is not a replica and has memory"
        elif denied(error):
            what, hint = "for want of a permission", _acl_hint(self._config)
        else:
            what = "and waiting would not help"
            hint = "check the password, and that no other data is under redis.prefix"
        return DeliveryError(
            f"{len(self._pending)} alerts and repeats are not confirmed by {self._config.place} "
            f"{what}: {error}",
            hint=f"{hint}, then restart: the run replays from its last commit",
        )


def _start_failure(config: RedisConfig, error: RedisError) -> ConfigError | DeliveryError:
    if isinstance(error, AuthenticationError):
        return ConfigError(
            f"{config.place} refused us: {error}", hint="check user and password in redis.url"
        )
    if denied(error):
        return ConfigError(f"{config.place} refused us: {error}", hint=_acl_hint(config))
    if untrusted(error):
        return ConfigError(
            f"no TLS with {config.place}: {error}",
            hint="redis.ca_file must be the authority of the server's certificate, the host must "
            "stand in it, and a server may ask for redis.certificate_file and key_file",
        )
    return DeliveryError(
        f"cannot reach {config.place}: {error}",
        hint="start Redis there, or correct redis.url; one with TLS may hang up on clients without "
        "a certificate of its liking",
    )


def _acl_hint(config: RedisConfig) -> str:
    return f"ACL SETUSER our user with ~{config.prefix}:* {ACL_RULES}"
