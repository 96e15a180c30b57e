"""The broker that the other tests stand on."""

import time

import pytest
from confluent_kafka.admin import AdminClient

from deploy.kafka_broker import PASSWORD, USERNAME


def _partitions(conf, topic):
    """How many there are; a new topic may not be in the broker's metadata yet."""
    admin, deadline = AdminClient(conf), time.monotonic() + 30
    while True:
        found = len(admin.list_topics(topic, timeout=30).topics[topic].partitions)
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_a_topic_outlives_a_kill(broker, new_topic):
    topic = new_topic(partitions=3)

    broker.kill()
    broker.start()

    assert _partitions({"bootstrap.servers": broker.bootstrap}, topic) == 3


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_a_user_logs_in_over_tls(broker, new_topic, mechanism):
    conf = {
        "bootstrap.servers": broker.sasl_ssl_bootstrap,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "sasl.username": USERNAME,
        "sasl.password": PASSWORD,
        "ssl.ca.location": str(broker.ca_path),
    }

    assert _partitions(conf, new_topic()) == 1


def test_a_client_logs_in_with_its_certificate(broker, new_topic):
    conf = {
        "bootstrap.servers": broker.ssl_bootstrap,
        "security.protocol": "SSL",
        "ssl.ca.location": str(broker.ca_path),
        "ssl.certificate.location": str(broker.certificates.client_certificate),
        "ssl.key.location": str(broker.certificates.client_key),
    }

    assert _partitions(conf, new_topic()) == 1
