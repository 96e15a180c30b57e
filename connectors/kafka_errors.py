"""Errors of Kafka, and what they mean for us: a person must act, or a restart helps."""

from confluent_kafka import KafkaError

from connectors.kafka_client import KafkaConfig
from models.errors import ConfigError, DeliveryError, RiverguardError

AUTHENTICATION = {
    KafkaError._AUTHENTICATION,  # noqa: SLF001 - librdkafka's own codes are spelled so
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
    KafkaError.ILLEGAL_SASL_STATE,
}
_AUTHORISATION = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
_MISSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_TOPIC_ID,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
}
TLS = KafkaError._SSL  # noqa: SLF001
TRANSIENT = {
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._WAIT_COORD,  # noqa: SLF001
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
}
"""Errors that librdkafka mends by trying again."""


def is_final(error: KafkaError) -> bool:
    """Whether trying again cannot help: a fatal error, no login, no permission, no such topic."""
    code = error.code()
    return bool(
        error.fatal() or code in AUTHENTICATION or code in _AUTHORISATION or code in _MISSING
    )


def explain(error: KafkaError, config: KafkaConfig, topic: str = "") -> RiverguardError:
    """Return our error for one of Kafka's; ConfigError when a person must change something."""
    code, text, where = error.code(), error.str(), f"Kafka at {config.servers}"
    of_topic = f" (topic {topic})" if topic else ""
    if code in AUTHENTICATION:
        return ConfigError(
            f"{where} refused the login of {config.who}: {text}",
            hint="check kafka.username, kafka.password and kafka.sasl_mechanism",
        )
    if code == TLS:
        return ConfigError(
            f"no TLS connection to {where}: {text}",
            hint="check kafka.ca_file, and that the broker's certificate names its host",
        )
    if code in _AUTHORISATION:
        return ConfigError(
            f"{config.who} is not authorised at {where}{of_topic}: {text}",
            hint="add an ACL for this user on the topic and the group",
        )
    if code in _MISSING:
        return ConfigError(
            f"{where} has no topic or partition like this{of_topic}: {text}",
            hint="create the topic, or correct its name",
        )
    return DeliveryError(
        f"{where} failed{of_topic}: {text}",
        hint="check the brokers, then restart: the run replays from its last commit",
    )
