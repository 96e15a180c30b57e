"""How to reach a Redis server, and which of its errors waiting can mend."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - redis-py's own names, used nowhere else
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,  # noqa: A004
    TryAgainError,
)
from redis.retry import Retry

from models.errors import ConfigError

_MENDING = (
    ConnectionError,  # LOADING is one
    TimeoutError,
    OutOfMemoryError,
    ReadOnlyError,
    ClusterDownError,  # MASTERDOWN is one
    TryAgainError,
    NoScriptError,  # the server restarted; the next attempt loads the scripts again
)
# For errors that redis-py has no class for, and those that Redis 6 quotes inside a script's error.
_MENDING_WORDS = re.compile(r"(^|[ -])(MISCONF|NOREPLICAS|BUSY|OOM|READONLY|LOADING|MASTERDOWN) ")

# OpenSSL's reasons; others, such as an early end, are ordinary lost connections.
_UNTRUSTED = re.compile("CERTIFICATE|UNKNOWN_CA|WRONG_VERSION")
# What Redis 6 and 7 say when it is a script that may not.
_DENIED = re.compile("executing the script can't|NOPERM|ACL failure in script")


@dataclass(frozen=True, slots=True)
class RedisConfig:
    """Where the alerts live, who we are there, and how long to insist.

    Attributes
    ----------
    url
        ``redis://``, ``rediss://`` (TLS, with the host's name checked) or ``unix://``, with user
        and password if any; not shown in the repr.
    username, password
        Of the ACL user, when the url has none; a password alone is the default user's. The
        password is not shown in the repr.
    ca_file
        PEM file of the certificate authorities to trust; empty for the system's. Only with
        ``rediss://``, as the next two.
    certificate_file, key_file
        PEM files of our own certificate and its key, for servers that ask for one.
    prefix
        Of every key. For Redis Cluster put it in braces, so that all keys share a slot.
    stream_length_max
        About how many alerts the stream keeps.
    keep_s
        Seconds an alert's hash lives; 0 keeps it for ever. Longer than any replay.
    connect_timeout_s, reply_timeout_s
        Patience with one connection and one reply, seconds.
    patience_s
        How long an alert may wait for a server that is down, loading, read-only or full, seconds;
        0 fails at once. An attempt that has begun then is finished, so it may take
        `reply_timeout_s` longer.

    Raises
    ------
    ConfigError
        A number is out of its range, a file is missing, credentials are given twice or TLS files
        without TLS.
    """

    url: str = field(default="redis://localhost:6379/0", repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    prefix: str = "riverguard"
    stream_length_max: int = 1_000_000
    keep_s: int = 90 * 86_400
    connect_timeout_s: float = 2.0
    reply_timeout_s: float = 5.0
    patience_s: float = 60.0

    def __post_init__(self) -> None:
        least = {
            "stream_length_max": 1,
            "keep_s": 0,
            "connect_timeout_s": 0.001,
            "reply_timeout_s": 0.001,
            "patience_s": 0,
        }
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise ConfigError(
                    f"redis.{name} must be at least {low}, was {getattr(self, name)}",
                    hint="leave it out to get the default",
                )
        self._check_files()
        if self.username and self.password is None:
            raise ConfigError(
                f"redis.username is {self.username}, but redis.password is missing",
                hint="give both, or neither",
            )

    @property
    def place(self) -> str:
        """The server without user and password, for messages."""
        scheme, _, rest = self.url.partition("://")
        address = re.split("[?#]", rest, maxsplit=1)[0]
        host = address.partition("/")[0]
        if "@" in rest.removeprefix(host):
            # An unquoted / or ? in a password: nobody knows where the host begins.
            return f"{scheme}://…"
        return f"{scheme}://{host.rpartition('@')[2]}{address.removeprefix(host)}"

    def connect(self, wait_s: float = 0.0, retries: int = 3) -> "redis.Redis":
        """Return a client, not yet connected.

        Parameters
        ----------
        wait_s
            How much longer than usual a reply may take, seconds.
        retries
            Further attempts of redis-py itself after a lost connection or a timeout.

        Raises
        ------
        ConfigError
            The url is not one, or has credentials besides ours.
        """
        options: dict[str, Any] = {"username": self.username, "password": self.password}
        if self.url.startswith("rediss://"):
            options |= {
                "ssl_ca_certs": self.ca_file or None,
                "ssl_certfile": self.certificate_file or None,
                "ssl_keyfile": self.key_file or None,
                "ssl_min_version": ssl.TLSVersion.TLSv1_2,
            }
        try:
            client = redis.Redis.from_url(
                self.url,
                protocol=2,
                socket_connect_timeout=self.connect_timeout_s,
                socket_timeout=self.reply_timeout_s + wait_s,
                retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries),
                **options,
            )
        except ValueError:
            # Not chained: its message may quote the password.
            raise ConfigError(
                f"redis.url is not a Redis url: {self.place}",
                hint="write redis://host:6379/0, rediss://… or unix:///path, and in a password "
                "%2F for /, %3F for ?, %23 for # and %40 for @",
            ) from None
        used = client.connection_pool.connection_kwargs
        if self.password is not None and used.get("password") != self.password:
            raise ConfigError(
                f"a password stands in the url of {self.place} and in redis.password",
                hint="take it out of the url",
            )
        return client

    def _check_files(self) -> None:
        files = {name: getattr(self, name) for name in ("ca_file", "certificate_file", "key_file")}
        for name, path in files.items():
            if path and not Path(path).is_file():
                raise ConfigError(f"redis.{name}: no file {path}", hint="check the path")
            if path and urlsplit(self.url).scheme != "rediss":
                raise ConfigError(
                    f"redis.{name} is given, but {self.place} is not TLS",
                    hint="write rediss:// in redis.url",
                )
        if bool(self.certificate_file) != bool(self.key_file):
            raise ConfigError(
                "redis.certificate_file and redis.key_file go together, one is missing",
                hint="give both, or neither",
            )


def waiting_mends(error: Exception) -> bool:
    """Whether the same commands may succeed later with nobody changing our settings.

    So it is with a lost connection, a timeout, LOADING, READONLY, OOM, MISCONF and a cluster that
    moves; a wrong password, a missing permission, a certificate that we do not trust and another
    type under our key stay as they are.
    """
    if isinstance(error, AuthenticationError | AuthorizationError) or untrusted(error):
        return False
    return isinstance(error, _MENDING) or _MENDING_WORDS.search(str(error)) is not None


def untrusted(error: BaseException) -> bool:
    """Whether a connection failed over a certificate, theirs or ours."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError) and _UNTRUSTED.search(cause.reason or ""):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def denied(error: Exception) -> bool:
    """Whether our ACL user may not do this, also when a script tried."""
    return isinstance(error, NoPermissionError) or _DENIED.search(str(error)) is not None
