"""Settings to sources and sinks of the production run."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from config.settings import Settings
from connectors.kafka_client import KafkaConfig
from connectors.kafka_records import (
    record_of_alert,
    record_of_dead_letter,
    record_of_decision,
    record_of_late_event,
)
from connectors.kafka_sink import KafkaOutput
from connectors.kafka_source import KafkaSource
from connectors.kafka_transactions import CommittedOutput
from connectors.redis import RedisAlerts, RedisConfig
from dataflows.edges import Fan, Outlets, Sink
from dataflows.identity import identity_of


def kafka_config(settings: Settings) -> KafkaConfig:
    """How to reach the cluster."""
    return KafkaConfig(**settings.kafka.client)


def redis_config(settings: Settings) -> RedisConfig | None:
    """How to reach the server; None for none."""
    if settings.redis.url is None:
        return None
    return RedisConfig(url=settings.redis.url, **settings.redis.client)


def source(settings: Settings, *, until_end: bool) -> KafkaSource:
    """The topic of events."""
    kafka = settings.kafka
    return KafkaSource(
        kafka_config(settings), kafka.topics.events, kafka.group, until_end=until_end
    )


@dataclass(frozen=True)
class Outside:
    """The sinks of one process.

    Attributes
    ----------
    outlets
        As the flow takes them.
    close
        Lets all go.
    """

    outlets: Outlets
    close: Callable[[], None]


def outside(settings: Settings) -> Outside:
    """Connect to everything that is written to.

    Raises
    ------
    ConfigError, DeliveryError
        Something refuses us, or does not answer.
    """
    topics, config = settings.kafka.topics, kafka_config(settings)
    output, undo = KafkaOutput(config), ExitStack()

    def topic(name: str | None, encode: Callable[[Any], Any], *, cut: bool = False) -> Sink:
        if name is None:
            return Fan(())
        sink = output.sink(name, encode, cut=cut)
        undo.callback(sink.close)
        return sink

    committed = settings.publish == "committed" and topics.alerts is not None
    alerts = [topic(None if committed else topics.alerts, record_of_alert)]
    redis = redis_config(settings)
    if redis:
        to_redis = RedisAlerts(redis)
        undo.callback(to_redis.close)
        alerts.append(to_redis)
    outlets = Outlets(
        Fan(alerts),
        topic(topics.dead_letters, record_of_dead_letter, cut=True),
        topic(topics.late, record_of_late_event, cut=True),
        topic(topics.shadow, record_of_alert),
        topic(topics.decisions, record_of_decision) if topics.decisions else None,
        _publisher(settings, config, undo) if committed else None,
    )
    return Outside(outlets, undo.close)


def _publisher(settings: Settings, config: KafkaConfig, undo: ExitStack) -> Callable[[int], Any]:
    def publisher(shard: int) -> CommittedOutput:
        made = CommittedOutput(
            config,
            str(settings.kafka.topics.alerts),
            record_of_alert,
            f"{settings.kafka.group}-{identity_of(settings.state)}-{shard:04d}",
        )
        undo.callback(made.close)
        return made

    return publisher
