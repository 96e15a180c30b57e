"""The sections ``kafka`` and ``redis`` of the settings: where events come from, where alerts go."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from config.sections import Section
from config.words import Flag, Text, span, text_of, whole, word

KAFKA_PASSWORD: Final = "RIVERGUARD_KAFKA_PASSWORD"  # noqa: S105 - its name, not its value
REDIS_PASSWORD: Final = "RIVERGUARD_REDIS_PASSWORD"  # noqa: S105
REDIS_URL: Final = "RIVERGUARD_REDIS_URL"
NONE: Final = "none"
"""Written for what is not there."""

_FILES: Final = ("ca_file", "certificate_file", "key_file")


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of topics; None: what would go there is dropped, and counted.

    Attributes
    ----------
    events
        What is read.
    alerts, shadow, decisions, late, dead_letters
        What is written.
    """

    events: str = "events"
    alerts: str | None = "alerts"
    shadow: str | None = "shadow"
    decisions: str | None = None
    late: str | None = "late"
    dead_letters: str | None = "dead_letters"


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """The section ``kafka``.

    Attributes
    ----------
    group
        Consumer group whose offsets show the lag.
    topics
        Their names.
    client
        The other keys: what `connectors.kafka_client.KafkaConfig` takes.
    """

    group: str = "riverguard"
    topics: Topics = field(default_factory=Topics)
    client: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """The section ``redis``.

    Attributes
    ----------
    url
        None: alerts do not go to Redis.
    client
        The other keys: what `connectors.redis.RedisConfig` takes.
    """

    url: str | None = field(default="redis://localhost:6379/0", repr=False)
    client: Mapping[str, Any] = field(default_factory=dict, repr=False)


_Options = Annotated[dict[str, Annotated[str, BeforeValidator(text_of)]], Field()]


class TopicsSection(Section):
    """``kafka: topics:`` as written; ``none`` for a topic that is not wanted."""

    events: Text | None = None
    alerts: Text | None = None
    shadow: Text | None = None
    decisions: Text | None = None
    late: Text | None = None
    dead_letters: Text | None = None


class KafkaSection(Section):
    """``kafka:`` as written."""

    servers: Text | None = None
    group: Text | None = None
    topics: TopicsSection | None = None
    username: Text | None = None
    sasl_mechanism: Annotated[
        str | None, word("mechanism", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"))
    ] = None
    tls: Flag | None = None
    ca_file: Text | None = None
    certificate_file: Text | None = None
    key_file: Text | None = None
    options: _Options = Field(default_factory=dict)


class RedisSection(Section):
    """``redis:`` as written; ``url: none`` for no Redis."""

    url: Text | None = None
    username: Text | None = None
    ca_file: Text | None = None
    certificate_file: Text | None = None
    key_file: Text | None = None
    prefix: Text | None = None
    stream_length_max: Annotated[int | None, whole(1, 1_000_000_000)] = None
    keep: Annotated[int | None, span(0)] = None
    patience: Annotated[int | None, span(0, 3_600_000)] = None


def kafka_settings(section: KafkaSection | None, folder: Path) -> KafkaSettings:
    """The settings; files are relative to `folder`, the password comes from the environment."""
    given = section.model_dump(exclude_none=True) if section else {}
    topics: dict[str, Any] = {
        name: None if topic == NONE else topic for name, topic in given.pop("topics", {}).items()
    }
    password = os.environ.get(KAFKA_PASSWORD)
    if password:
        given["password"] = password
    return KafkaSettings(
        given.pop("group", KafkaSettings().group),
        replace(Topics(), **topics),
        _placed(given, folder),
    )


def redis_settings(section: RedisSection | None, folder: Path) -> RedisSettings:
    """As `kafka_settings`; RIVERGUARD_REDIS_URL overrides the url."""
    given = section.model_dump(exclude_none=True) if section else {}
    url = os.environ.get(REDIS_URL) or given.pop("url", RedisSettings().url)
    given.pop("url", None)
    for name, seconds in (("keep", "keep_s"), ("patience", "patience_s")):
        if name in given:
            given[seconds] = given.pop(name) / 1000
    if "keep_s" in given:
        given["keep_s"] = round(given["keep_s"])
    password = os.environ.get(REDIS_PASSWORD)
    if password:
        given["password"] = password
    return RedisSettings(None if url == NONE else url, _placed(given, folder))


def _placed(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    return {name: str(folder / value) if name in _FILES else value for name, value in given.items()}
