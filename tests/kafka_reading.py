"""What a reader of a topic finds, for tests of what writes there."""

import time
from collections import defaultdict

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

READ_TIMEOUT_S = 60.0


def read_topic(bootstrap: str, topic: str, isolation: str = "read_committed") -> list[Message]:
    """Return all messages of a topic, partition by partition, each in its order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tests",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
            "allow.auto.create.topics": False,
            "fetch.message.max.bytes": 20 << 20,
        }
    )
    try:
        partitions = list(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        found: dict[int, list[Message]] = defaultdict(list)
        at_end: set[int] = set()
        deadline = time.monotonic() + READ_TIMEOUT_S
        while len(at_end) < len(partitions):
            assert time.monotonic() < deadline, f"{topic} was not read in time"
            for message in consumer.consume(1000, 0.2):
                error = message.error()
                if error is None:
                    found[message.partition()].append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    at_end.add(message.partition())
                else:
                    assert error.retriable() or error.code() == KafkaError._TRANSPORT, error
        return [message for partition in sorted(found) for message in found[partition]]
    finally:
        consumer.close()
