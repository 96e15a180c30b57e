"""How to reach a Kafka cluster: what its source and its sinks have in common."""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import KafkaException

from models.errors import ConfigError

LOG: Final = logging.getLogger("riverguard.kafka")
MESSAGE_BYTES_MAX: Final = 16 << 20

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_FIELDS = {
    "bootstrap.servers": "servers",
    "metadata.broker.list": "servers",
    "security.protocol": "tls, username",
    "sasl.username": "username",
    "sasl.password": "password",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "ssl.ca.location": "ca_file",
    "ssl.certificate.location": "certificate_file",
    "ssl.key.location": "key_file",
}


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """How to reach a Kafka cluster.

    Attributes
    ----------
    servers
        ``host:port`` of one or more brokers, comma separated.
    username, password
        For SASL; empty logs in to nothing.
    sasl_mechanism
        PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; only with a username.
    tls
        Encrypt, and verify the brokers' certificates and host names.
    ca_file
        PEM file of the authority that signed the brokers' certificates; empty takes the system's.
    certificate_file, key_file
        PEM files by which the brokers know us (mutual TLS); both or none.
    connect_timeout_s
        How long `check_topics` waits for a cluster that does not answer, seconds.
    options
        Any other option of librdkafka, by its name there; may hold secrets, so it is not shown.

    Raises
    ------
    ConfigError
        A value is not one of the above, a file cannot be read, or `options` holds what has a
        field here.
    """

    servers: str = "localhost:9092"
    username: str = ""
    password: str = field(default="", repr=False)
    sasl_mechanism: str = "SCRAM-SHA-512"
    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    connect_timeout_s: float = 10.0
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not all(server.strip() for server in self.servers.split(",")):
            raise ConfigError(
                f"kafka.servers must name brokers, was {self.servers!r}",
                hint="write host:port, comma separated",
            )
        if self.sasl_mechanism not in _MECHANISMS:
            raise ConfigError(
                f"kafka.sasl_mechanism must be one of {', '.join(_MECHANISMS)}, "
                f"was {self.sasl_mechanism!r}",
                hint="SCRAM-SHA-512 is the usual one",
            )
        if bool(self.username) != bool(self.password):
            raise ConfigError(
                "kafka.username and kafka.password belong together, one of them is empty",
                hint="give both, or none for a cluster without login",
            )
        if bool(self.certificate_file) != bool(self.key_file):
            raise ConfigError(
                "kafka.certificate_file and kafka.key_file belong together, one of them is empty",
                hint="give both, or none",
            )
        if not self.connect_timeout_s > 0:
            raise ConfigError(
                f"kafka.connect_timeout_s must be positive, was {self.connect_timeout_s}",
                hint="leave it out to get the default",
            )
        for name in ("ca_file", "certificate_file", "key_file"):
            path = getattr(self, name)
            if path and not self.tls:
                raise ConfigError(
                    f"kafka.{name} is given, but kafka.tls is off", hint="set kafka.tls: true"
                )
            if path and not os.access(path, os.R_OK):
                raise ConfigError(
                    f"kafka.{name}: cannot read {path}", hint="check its path and permissions"
                )
        for option in self.options:
            if option in _FIELDS:
                raise ConfigError(
                    f"kafka.options.{option} is not taken from there",
                    hint=f"use kafka's own: {_FIELDS[option]}",
                )

    def librdkafka(
        self, fixed: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the settings of a client; they hold the password.

        Parameters
        ----------
        fixed
            What the client's guarantees rest on; `options` may not name it.
        defaults
            What `options` may change.

        Raises
        ------
        ConfigError
            `options` names a fixed setting.
        """
        for option in self.options:
            if option in fixed:
                raise ConfigError(
                    f"kafka.options.{option} cannot be changed: our guarantees rest on it",
                    hint="leave it out",
                )
        settings: dict[str, Any] = {**(defaults or {}), **self.options, **fixed}
        settings["bootstrap.servers"] = self.servers
        security = "SSL" if self.tls else "PLAINTEXT"
        if self.username:
            security = f"SASL_{security}"
            settings["sasl.mechanism"] = self.sasl_mechanism
            settings["sasl.username"] = self.username
            settings["sasl.password"] = self.password
        settings["security.protocol"] = security
        files = {"ca": self.ca_file, "certificate": self.certificate_file, "key": self.key_file}
        settings |= {f"ssl.{name}.location": path for name, path in files.items() if path}
        return settings

    @property
    def who(self) -> str:
        """The user that we are there, for messages."""
        return self.username or ("the client certificate" if self.key_file else "anonymous")


@contextlib.contextmanager
def creating(config: KafkaConfig) -> Iterator[None]:
    """Around the making of a client: an option that librdkafka refuses is a ConfigError."""
    try:
        yield
    except KafkaException as error:
        raise ConfigError(
            f"the settings for Kafka at {config.servers} are refused: {error.args[0].str()}",
            hint="correct kafka.options, or the certificate files",
        ) from error
