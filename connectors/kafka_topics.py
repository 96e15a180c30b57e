"""A look at the cluster before the start: it answers, has our topics and lets us use them."""

import time
from collections.abc import Collection
from concurrent.futures import Future
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclOperation,
    AdminClient,
    TopicDescription,
)

from connectors.kafka_client import KafkaConfig, creating
from connectors.kafka_errors import AUTHENTICATION, TLS, explain
from models.errors import ConfigError, DeliveryError, RiverguardError

_ASK_AGAIN_S: Final = 2.0
_TIMED_OUT: Final = KafkaError._TIMED_OUT  # noqa: SLF001


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
    needs = [(reads, AclOperation.READ), (writes, AclOperation.WRITE)]
    for topic, future in _described(config, admin, sorted({*reads, *writes}), errors).items():
        found = _result(config, future, topic, errors)
        for topics, operation in needs:
            allowed = found.authorized_operations  # None: an old broker that does not tell
            if topic in topics and allowed is not None and operation not in allowed:
                raise ConfigError(
                    f"{config.who} may not {operation.name.lower()} the topic {topic} at "
                    f"{config.servers}",
                    hint=f"add an ACL that allows {operation.name} on it",
                )


def _described(
    config: KafkaConfig, admin: AdminClient, topics: list[str], errors: list[KafkaError]
) -> "dict[str, Future[TopicDescription]]":
    """Ask until there is an answer, and for at most `connect_timeout_s`.

    A broker that was fenced for a moment names no controller, and librdkafka waits for one
    without asking anew.
    """
    deadline = time.monotonic() + config.connect_timeout_s
    while True:
        left_s = max(deadline - time.monotonic(), 0.1)
        futures: dict[str, Future[TopicDescription]] = admin.describe_topics(
            TopicCollection(topics),
            include_authorized_operations=True,
            request_timeout=min(_ASK_AGAIN_S, left_s),
        )
        while not all(future.done() for future in futures.values()):
            admin.poll(0.02)
            for error in errors:
                if error.code() in AUTHENTICATION or error.code() == TLS:
                    raise explain(error, config)
        late = any(_timed_out(future) for future in futures.values())
        if not late or time.monotonic() >= deadline:
            return futures


def _timed_out(future: "Future[TopicDescription]") -> bool:
    error = future.exception()
    return isinstance(error, KafkaException) and error.args[0].code() == _TIMED_OUT


def _result(
    config: KafkaConfig,
    future: "Future[TopicDescription]",
    topic: str,
    errors: list[KafkaError],
) -> TopicDescription:
    try:
        return future.result()
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() == _TIMED_OUT:
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
