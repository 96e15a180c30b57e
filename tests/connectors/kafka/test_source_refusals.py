"""What must not be skipped in silence: lost records, wrong logins, brokers that are away."""

import socket
import threading

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from connectors.kafka_client import KafkaConfig
from deploy.certificates import make_certificates
from deploy.kafka_settings import PASSWORD, USERNAME
from models.errors import ConfigError, DeliveryError, StateError


@pytest.fixture
def admin(broker):
    return AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})


@pytest.fixture
def delete_before(admin):
    def delete(topic, offset):
        for future in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
            future.result(30)

    return delete


@pytest.fixture
def secure(broker):
    """A config that logs in over TLS; what is given takes the place of what is right."""

    def make(**wrong):
        right = {"username": USERNAME, "password": PASSWORD, "ca_file": str(broker.ca_path)}
        return KafkaConfig(broker.sasl_ssl_bootstrap, tls=True, **{**right, **wrong})

    return make


def test_an_expired_position_is_refused(new_topic, produce, open_source, delete_before):
    topic = new_topic()
    produce(topic, [b"x"] * 10)
    delete_before(topic, 6)
    source = open_source(topic)

    with pytest.raises(StateError, match=rf"offset 5 of partition 0 of.*{topic}.*holds 6 to 9"):
        source.open(0, {"record": 5})

    assert source.open(0, {"record": 6}).position() == {"record": 6}


def test_a_position_beyond_the_end_is_refused(new_topic, produce, open_source):
    topic = new_topic()
    produce(topic, [b"x"] * 10)
    source = open_source(topic)

    with pytest.raises(StateError, match=r"offset 11 .*holds 0 to 9 now.*made anew"):
        source.open(0, {"record": 11})

    assert source.open(0, {"record": 10}).read() is None


@pytest.mark.parametrize("position", [{}, {"byte": 3}, {"record": -2}])
def test_a_foreign_position_is_refused(new_topic, open_source, position):
    with pytest.raises(StateError, match="not a position in a Kafka topic"):
        open_source(new_topic()).open(0, position)


def test_records_that_expire_before_they_are_read_are_a_gap(
    new_topic, produce, open_source, delete_before, wait_for
):
    topic = new_topic()
    produce(topic, [b"x" * 1_000] * 200)
    # so small a queue that most of the log is still to be fetched
    source = open_source(topic, fetch_records_max=10, buffer_bytes_max=10_000)
    reader = source.open(0)
    wait_for(lambda: source.poll() or reader._paused)
    delete_before(topic, 150)

    with pytest.raises(StateError, match=rf"{topic}.*holds 150 to 199 now"):
        wait_for(lambda: reader.read() and False)

    assert reader.position()["record"] < 150


def test_a_topic_that_is_deleted_is_told(broker, admin, new_topic, produce, open_source, wait_for):
    topic = new_topic()
    produce(topic, [b"x"])
    quick = KafkaConfig(broker.bootstrap, options={"topic.metadata.propagation.max.ms": "100"})
    source = open_source(topic, config=quick)
    reader = source.open(0)
    wait_for(lambda: reader.read() is None and reader.at_end)

    admin.delete_topics([topic])[topic].result(30)

    with pytest.raises(ConfigError, match=topic):
        wait_for(lambda: reader.read() and False)
    with pytest.raises(ConfigError, match=topic):
        wait_for(lambda: source.partitions() and False)


def test_a_topic_must_exist(open_source):
    with pytest.raises(ConfigError, match=r"no topic .*nowhere"):
        open_source("nowhere")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_reads_with_a_login_over_tls(secure, new_topic, produce, open_source, read, mechanism):
    topic = new_topic()
    produce(topic, [b"secret"])
    source = open_source(topic, config=secure(sasl_mechanism=mechanism))

    assert read(source.open(0), 1) == [(0, b"secret")]


def test_reads_with_a_client_certificate(broker, new_topic, produce, open_source, read):
    topic = new_topic()
    produce(topic, [b"secret"])
    config = KafkaConfig(
        broker.ssl_bootstrap,
        tls=True,
        ca_file=str(broker.ca_path),
        certificate_file=str(broker.certificates.client_certificate),
        key_file=str(broker.certificates.client_key),
    )

    assert read(open_source(topic, config=config).open(0), 1) == [(0, b"secret")]


def test_a_wrong_password_is_told_but_not_shown(secure, new_topic, open_source):
    config = secure(password="hunter2")  # noqa: S106

    with pytest.raises(ConfigError, match=f"refused the login of {USERNAME}") as raised:
        open_source(new_topic(), config=config)

    assert "hunter2" not in f"{raised.value} {raised.value.__cause__} {config!r}"


def test_a_foreign_authority_is_not_trusted(secure, new_topic, open_source, tmp_path):
    foreign = make_certificates(tmp_path).ca

    with pytest.raises(ConfigError, match=r"TLS.*certificate verify failed"):
        open_source(new_topic(), config=secure(ca_file=str(foreign)))


def test_a_topic_that_may_not_be_read_is_told(secure, admin, new_topic, open_source):
    topic = new_topic()
    acl = AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{USERNAME}",
        "*",
        AclOperation.WRITE,
        AclPermissionType.ALLOW,
    )
    for future in admin.create_acls([acl]).values():
        future.result(30)

    with pytest.raises(ConfigError, match=f"{USERNAME} may not read the topic {topic}"):
        open_source(topic, config=secure())


def test_nobody_there_is_a_delivery_error(open_source):
    with socket.socket() as nobody:  # bound and never listening: nothing else can take it
        nobody.bind(("127.0.0.1", 0))
        config = KafkaConfig(f"127.0.0.1:{nobody.getsockname()[1]}", connect_timeout_s=0.5)

        with pytest.raises(DeliveryError, match=r"cannot reach Kafka.*Connection refused"):
            open_source("any", config=config)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_broker_that_comes_back_has_lost_nothing(
    broker, new_topic, produce, open_source, wait_for, records_of, how
):
    topic = new_topic()
    source = open_source(topic, fetch_records_max=10)
    assert source.partitions() == [0]
    reader = source.open(0)
    got = []

    def read_on():
        if (block := reader.read()) is not None:
            got.extend(records_of(block))
        return len(got)

    produce(topic, [b"%d" % i for i in range(100)])
    wait_for(lambda: read_on() >= 50)
    if how == "stop":
        away = threading.Thread(target=broker.stop)
        away.start()
        wait_for(lambda: read_on() and not away.is_alive())
    else:
        broker.kill()
    wait_for(lambda: read_on() and source.transient_errors > 0)
    assert source.partitions() == [0]  # nobody answers: as last known
    broker.start()
    produce(topic, [b"%d" % i for i in range(100, 200)])
    wait_for(lambda: read_on() >= 200)

    assert got == [(i, b"%d" % i) for i in range(200)]
    assert source.last_error
