"""The Kafka sinks while brokers die, freeze or refuse: nothing is lost in silence."""

import threading
import time
from contextlib import closing

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from connectors.kafka_client import KafkaConfig
from connectors.kafka_records import KafkaRecord
from connectors.kafka_sink import KafkaOutput
from connectors.kafka_topics import check_topics
from models.errors import ConfigError, DeliveryError
from tests.kafka_reading import read_topic

COUNT = 60_000
KEYS = 40


def records() -> list[KafkaRecord]:
    return [KafkaRecord(b"%d" % (n % KEYS), b"%d" % n) for n in range(COUNT)]


def values_by_key(broker, topic) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {}
    for message in read_topic(broker.bootstrap, topic):
        found.setdefault(message.key(), []).append(int(message.value()))
    return found


ALL_IN_ORDER = {b"%d" % key: list(range(key, COUNT, KEYS)) for key in range(KEYS)}


def test_a_broker_killed_in_the_middle(broker, new_topic) -> None:
    topic = new_topic(partitions=3)
    config = KafkaConfig(broker.bootstrap, options={"queue.buffering.max.messages": "5000"})
    half = threading.Event()

    def kill_and_start() -> None:
        half.wait()
        broker.kill()
        broker.start()

    thread = threading.Thread(target=kill_and_start)
    thread.start()
    with closing(KafkaOutput(config).sink(topic)) as sink:
        items = records()
        for start in range(0, COUNT, 1000):
            if start == COUNT // 2:
                half.set()
            sink.write(items[start : start + 1000])
        sink.flush()
        thread.join()
        assert values_by_key(broker, topic) == ALL_IN_ORDER


def test_patience_ends_and_a_replay_delivers(broker, new_topic) -> None:
    topic = new_topic(partitions=3)
    config = KafkaConfig(broker.bootstrap)
    output = KafkaOutput(config, patience_s=2.0)
    other = new_topic()
    with closing(output.sink(topic)) as sink, closing(output.sink(other)) as neighbour:
        sink.write([KafkaRecord(b"0", b"0")])
        sink.flush()
        broker.pause()
        try:
            sink.write(records()[1:1000])
            with pytest.raises(DeliveryError, match=r"lost|not confirmed"):
                sink.flush()
            # It stays so: what came after a loss must not be committed.
            for again in (sink, neighbour):
                with pytest.raises(DeliveryError):
                    again.flush()
                with pytest.raises(DeliveryError):
                    again.write([KafkaRecord(b"0", b"0")])
        finally:
            broker.resume()
    with closing(KafkaOutput(config).sink(topic)) as sink:
        sink.write(records())
        sink.flush()
    found = values_by_key(broker, topic)
    assert {key: sorted(set(values)) for key, values in found.items()} == ALL_IN_ORDER


def test_a_full_queue_before_a_frozen_broker_ends_too(broker, new_topic) -> None:
    options = {"queue.buffering.max.messages": "100"}
    output = KafkaOutput(KafkaConfig(broker.bootstrap, options=options), patience_s=1.0)
    with closing(output.sink(new_topic())) as sink:
        broker.pause()
        try:
            with pytest.raises(DeliveryError, match="replays from its last commit"):
                sink.write(records())
            assert len(output._producer) <= 100
        finally:
            broker.resume()


def test_a_loss_is_raised_by_the_next_write(broker, new_topic) -> None:
    """A topic deleted while we run: librdkafka reports each record in a callback, later."""
    topic = new_topic()
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    options = {"topic.metadata.propagation.max.ms": "0", "topic.metadata.refresh.interval.ms": "50"}
    output = KafkaOutput(KafkaConfig(broker.bootstrap, options=options), patience_s=4.0)
    with closing(output.sink(topic)) as sink:
        sink.write([KafkaRecord(None, b"x")])
        sink.flush()
        admin.delete_topics([topic])[topic].result(30)

        def write_until_it_fails() -> None:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                sink.write([KafkaRecord(None, b"y" * 77)])
                time.sleep(0.01)

        with pytest.raises(DeliveryError, match=rf"77 bytes for the topic {topic} was lost"):
            write_until_it_fails()
        with pytest.raises(DeliveryError, match="was lost"):
            sink.flush()


def test_a_record_that_the_topic_refuses_after_all(broker, new_topic) -> None:
    """Its limit was lowered after the start: only the callback knows."""
    topic = new_topic(max_message_bytes=2_000_000)
    output = KafkaOutput(KafkaConfig(broker.bootstrap, options={"compression.type": "none"}))
    with closing(output.sink(topic)) as sink:
        entry = ConfigEntry(
            "max.message.bytes", "1000", incremental_operation=AlterConfigOpType.SET
        )
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.incremental_alter_configs([resource])[resource].result(30)
        sink.write([KafkaRecord(None, b"x" * 1_500_000)])
        with pytest.raises(DeliveryError, match=rf"1500000 bytes for the topic {topic} was lost"):
            sink.flush()


def test_closing_does_not_wait_for_brokers(broker, new_topic) -> None:
    topic = new_topic()
    output = KafkaOutput(KafkaConfig(broker.bootstrap))
    sink = output.sink(topic)
    sink.write([KafkaRecord(None, b"x")])
    sink.flush()
    broker.pause()
    try:
        sink.write([KafkaRecord(None, b"y")])
        sink.close()
        assert len(output._producer) == 0
    finally:
        broker.resume()


def test_our_guarantees_are_not_options(broker) -> None:
    for option in ("enable.idempotence", "acks", "delivery.timeout.ms"):
        with pytest.raises(ConfigError, match=option):
            KafkaOutput(KafkaConfig(broker.bootstrap, options={option: "1"}))
    with pytest.raises(ConfigError, match="refused"):
        KafkaOutput(KafkaConfig(broker.bootstrap, options={"message.max.bytes": "many"}))
    with pytest.raises(ConfigError, match="must be positive, was 0"):
        KafkaOutput(KafkaConfig(broker.bootstrap), patience_s=0)


def test_a_broker_that_was_fenced_is_asked_again(broker, new_topic) -> None:
    topic = new_topic()
    broker.pause()
    try:
        # beyond its session with the controller: it comes back knowing none
        threading.Event().wait(5.0)
    finally:
        broker.resume()
    check_topics(KafkaConfig(broker.bootstrap), reads=[topic], writes=[topic])
