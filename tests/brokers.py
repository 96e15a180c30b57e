"""A Kafka broker for the tests of one worker, as fixtures: import them in a conftest.

``RIVERGUARD_TEST_KAFKA`` names a broker to use instead (``host:port``, without security); what
needs a broker of one's own is then skipped.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.kafka_broker import BrokerUnavailableError, KafkaBroker

GIVEN = "RIVERGUARD_TEST_KAFKA"
CREATE_S = 60.0
ASK_AGAIN_S = 5.0
FENCED = {
    KafkaError.INVALID_REPLICATION_FACTOR,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError._TIMED_OUT,
}
"""What a cluster without a broker that is up says: of one broker there is no replica."""


class GivenBroker:
    """Somebody else's broker: its address is all that we have."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def __getattr__(self, name: str) -> NoReturn:
        pytest.skip(f"needs a broker of its own ({name}): unset {GIVEN}")


@pytest.fixture(scope="session")
def broker(tmp_path_factory) -> Iterator[KafkaBroker | GivenBroker]:
    """One for each worker, so that a test may restart it."""
    if given := os.environ.get(GIVEN):
        yield GivenBroker(given)
        return
    try:
        started = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    except BrokerUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Kafka: {error}")
    with started:
        yield started


def _create(bootstrap: str, topic: NewTopic) -> AdminClient:
    """Create a topic; a broker that was fenced for a moment, as behind a restart, is asked anew."""
    deadline = time.monotonic() + CREATE_S
    while True:
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        try:
            admin.create_topics([topic], request_timeout=ASK_AGAIN_S)[topic.topic].result()
        except KafkaException as error:
            code = error.args[0].code()
            if code == KafkaError.TOPIC_ALREADY_EXISTS:
                return admin  # by the request before, whose answer was lost
            if code not in FENCED or time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
        else:
            return admin


@pytest.fixture
def new_topic(broker) -> Callable[..., str]:
    """Create a topic with a name of its own: ``new_topic(partitions=1, **config)``."""

    def create(partitions: int = 1, **config: Any) -> str:
        name = f"test-{uuid.uuid4().hex[:12]}"
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        admin = _create(broker.bootstrap, NewTopic(name, partitions, 1, config=settings))
        # made is not yet known: the broker learns of it from its controller
        while name not in admin.list_topics(timeout=30).topics:
            pass
        return name

    return create
