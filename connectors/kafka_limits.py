"""How large a record a topic takes."""

from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]

from connectors.kafka_client import KafkaConfig, creating

RECORD_BYTES_DEFAULT: Final = 1_048_588
"""Kafka's own default of ``max.message.bytes``."""


def largest_record(config: KafkaConfig, topic: str) -> int:
    """Return the topic's ``max.message.bytes``; Kafka's default when we may not ask for it."""
    with creating(config):
        admin = AdminClient(config.librdkafka({}) | {"log_level": 0})
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    futures = admin.describe_configs([resource], request_timeout=config.connect_timeout_s)
    try:
        entries = futures[resource].result(config.connect_timeout_s + 1.0)
        return int(entries["max.message.bytes"].value)
    except (KafkaException, KeyError, TimeoutError):
        # A record that is too large after all fails when it is delivered.
        return RECORD_BYTES_DEFAULT
