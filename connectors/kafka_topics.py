"""A look at the cluster before the start: it answers, has our topics and lets us use them."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclOperation,
    AdminClient,
    TopicDescription,
)

from connectors.kafka_client import KafkaConfig, creating
from connectors.kafka_errors import AUTHENTICATION, TLS, explain
from models.errors import ConfigError, DeliveryError, RiverguardError


def check_topics(
    config: KafkaConfig, reads: Collection[str] = (), writes: Collection[str] = ()
) -> None:
    """Return when the cluster answers, has these topics, and lets us read and write them.

    Raises
    ------
    ConfigError
        Wrong login or certificates, a topic that does not exist, or no permission for it.
    DeliveryError
        No broker answered within `connect_timeout_s`.
    """
    errors: list[KafkaError] = []
    settings = config.librdkafka({})
    settings |= {"error_cb": errors.append, "log_level": 0}  # we say ourselves what went wrong
    with creating(config):
        admin = AdminClient(settings)
    futures = admin.describe_topics(
        TopicCollection(sorted({*reads, *writes})),
        include_authorized_operations=True,
        request_timeout=config.connect_timeout_s,
    )
    needs = [(reads, AclOperation.READ), (writes, AclOperation.WRITE)]
    for topic, future in futures.items():
        found = _described(config, future, topic, errors, admin.poll)
        for topics, operation in needs:
            allowed = found.authorized_operations  # None: an old broker that does not tell
            if topic in topics and allowed is not None and operation not in allowed:
                raise ConfigError(
                    f"{config.who} may not {operation.name.lower()} the topic {topic} at "
                    f"{config.servers}",
                    hint=f"add an ACL that allows {operation.name} on it",
                )


def _described(
    config: KafkaConfig,
    future: "Future[TopicDescription]",
    topic: str,
    errors: list[KafkaError],
    poll: Callable[[float], Any],
) -> TopicDescription:
    deadline = time.monotonic() + config.connect_timeout_s + 1.0  # librdkafka's comes first
    while not future.done() and time.monotonic() < deadline:
        poll(0.02)
        for error in errors:
            if error.code() in AUTHENTICATION or error.code() == TLS:
                raise explain(error, config)
    try:
        return future.result(0)
    except TimeoutError as error:
        raise _unreachable(config, errors) from error
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() == KafkaError._TIMED_OUT:  # noqa: SLF001
            raise _unreachable(config, errors) from error
        raise explain(cause, config, topic) from error


def _unreachable(config: KafkaConfig, errors: list[KafkaError]) -> RiverguardError:
    down = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - the errors before it say why
    causes = [error for error in errors if error.code() != down]
    why = causes[-1].str() if causes else "no answer"
    return DeliveryError(
        f"cannot reach Kafka at {config.servers}: {why}",
        hint="start the brokers there, or correct kafka.servers, kafka.tls and the login",
    )
