"""Kafka topics as sinks: one producer for all of them, and nothing lost in silence.

Delivery: at least once, in order per key; within one run librdkafka's idempotence writes each
record once, also when a broker dies. After a crash the replay writes again what was not
committed: readers drop what they have seen, by ``ce_id`` or key (`connectors/kafka_records.py`).
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka_client import LOG, MESSAGE_BYTES_MAX, KafkaConfig, creating
from connectors.kafka_errors import explain
from connectors.kafka_limits import largest_record
from connectors.kafka_records import OURS, KafkaRecord
from connectors.kafka_topics import check_topics
from models.errors import ConfigError, DeliveryError

KEPT_BYTES: Final = 64 << 10
"""How much of the value of a record that is too large is kept, where it may be cut."""
_OVERHEAD_BYTES: Final = 160  # a batch's header (61), and the lengths and times of its one record
ANY_PARTITION: Final = -1
"""By the record's key."""
_POLL_S: Final = 0.05
_DELIVERY_SHARE: Final = 0.75  # of our patience; then librdkafka gives up, and says why

PRODUCER_DEFAULTS: Final = {
    "linger.ms": 1,
    "compression.type": "lz4",
    "batch.size": 1_000_000,
    "message.max.bytes": MESSAGE_BYTES_MAX,
    "queue.buffering.max.messages": 100_000,
    "queue.buffering.max.kbytes": 64 << 10,
    "partitioner": "murmur2_random",  # as Java's producers choose
    "socket.keepalive.enable": True,
}
"""What `KafkaConfig.options` may change."""


class KafkaOutput:
    """The producer of this process, and the sinks on its topics.

    Memory is bounded by librdkafka's queue: ``queue.buffering.max.messages`` (100 000) and
    ``queue.buffering.max.kbytes`` (64 MiB) of `KafkaConfig.options`; when it is full, `write`
    waits.

    Parameters
    ----------
    config
        The cluster.
    patience_s
        How long a record may take to be acknowledged, and `write` may wait for room, seconds;
        after three quarters of it librdkafka gives the record up.

    Raises
    ------
    ConfigError
        librdkafka refuses the settings.

    Examples
    --------
    A sink for each topic, all on one connection::

        output = KafkaOutput(KafkaConfig(servers="kafka-1:9092"))
        alerts = output.sink("alerts", record_of_alert)
        dead = output.sink("dead_letters", record_of_dead_letter, cut=True)
    """

    def __init__(self, config: KafkaConfig, patience_s: float = 120.0) -> None:
        if not patience_s > 0:
            raise ConfigError(
                f"the patience of a Kafka sink must be positive, was {patience_s}",
                hint="leave it out to get 120 s",
            )
        self.config = config
        self.patience_s = patience_s
        self._failure: DeliveryError | None = None
        self._open = 0
        settings = config.librdkafka(
            fixed={
                "enable.idempotence": True,
                "acks": "all",
                "delivery.timeout.ms": max(1, int(patience_s * 1000 * _DELIVERY_SHARE)),
                "delivery.report.only.error": True,
            },
            defaults=PRODUCER_DEFAULTS,
        )
        settings |= {"on_delivery": self._on_delivery, "error_cb": self._on_error, "logger": LOG}
        with creating(config):
            self._producer = Producer(settings)
        self.message_bytes_max = int(settings["message.max.bytes"])
        self.batch_bytes = int(settings["batch.size"])

    def sink(
        self,
        topic: str,
        encode: Callable[[Any], KafkaRecord] | None = None,
        *,
        cut: bool = False,
    ) -> "KafkaSink":
        """Return a sink that writes to a topic.

        Parameters
        ----------
        topic
            Must exist.
        encode
            Item → record; None takes records.
        cut
            Whether a record too large for the topic is sent with the first `KEPT_BYTES` of its
            value and the header ``riverguard-truncated`` (how many bytes the value had); such a
            dead letter must not stop the flow for ever.

        Raises
        ------
        ConfigError
            The topic does not exist, we may not write to it, or it takes less than one of our
            batches.
        DeliveryError
            The cluster does not answer.
        """
        check_topics(self.config, writes=[topic])
        largest = min(self.message_bytes_max, largest_record(self.config, topic))
        if largest < self.batch_bytes:
            raise ConfigError(
                f"the topic {topic} takes {largest} bytes, our batches have up to "
                f"{self.batch_bytes}",
                hint=f"set its max.message.bytes to {self.batch_bytes} or more, or "
                f"kafka.options batch.size to {largest} or less",
            )
        self._open += 1
        return KafkaSink(self, topic, encode, largest - _OVERHEAD_BYTES, cut=cut)

    def partitions(self, topic: str) -> list[int]:
        """Which partitions a topic has now.

        Raises
        ------
        DeliveryError, ConfigError
            The cluster does not answer, or has no such topic.
        """
        try:
            found = self._producer.list_topics(topic, timeout=self.patience_s).topics[topic]
        except KafkaException as error:
            raise explain(error.args[0], self.config, topic) from error
        if found.error is not None:
            raise explain(found.error, self.config, topic)
        return sorted(found.partitions)

    def produce(self, topic: str, record: KafkaRecord, partition: int = ANY_PARTITION) -> None:
        """Enqueue a record, waiting for room; as `KafkaSink.write`."""
        deadline = 0.0
        while True:
            try:
                self._producer.produce(
                    topic, record.value, record.key, partition,
                    headers=list(record.headers) or None,
                )  # fmt: skip
            except BufferError:
                now = time.monotonic()
                deadline = deadline or now + self.patience_s
                self.check()
                if now >= deadline:
                    raise self._stuck() from None
                self._producer.poll(_POLL_S)
            except KafkaException as error:
                self.check()
                cause: KafkaError = error.args[0]
                # kept as well: whoever goes on regardless must not get a good flush
                self._failure = _lost(self.config, topic, len(record.value), cause)
                raise self._failure from error
            else:
                return

    def check(self) -> None:
        """Raise the first failure there was: what came after it is not worth a look."""
        self._producer.poll(0)
        if self._failure is not None:
            raise self._failure

    def flush(self) -> None:
        """Return when everything that any sink wrote is acknowledged; see `KafkaSink.flush`."""
        self.check()
        if not len(self._producer):
            return
        left = self._producer.flush(self.patience_s)
        self.check()
        if left:
            raise self._stuck()

    def release(self) -> None:
        """Close one sink; with the last one, forget what is still in the queue."""
        self._open -= 1
        if self._open == 0:
            self._producer.purge()
            self._producer.poll(0)  # takes the reports of what was purged

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            length = len(message.value() or b"")
            self._failure = _lost(self.config, message.topic() or "", length, error)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal() and self._failure is None:
            self._failure = _lost(self.config, "", 0, error)

    def _stuck(self) -> DeliveryError:
        return DeliveryError(
            f"{len(self._producer)} records are not confirmed by Kafka at {self.config.servers} "
            f"after {self.patience_s:g} s",
            hint="check the brokers, then restart: the run replays from its last commit",
        )


class KafkaSink:
    """One topic to write to; made by `KafkaOutput.sink`."""

    def __init__(
        self,
        output: KafkaOutput,
        topic: str,
        encode: Callable[[Any], KafkaRecord] | None,
        record_bytes_max: int,
        *,
        cut: bool,
    ) -> None:
        self._output = output
        self._topic = topic
        self._encode = encode
        self._record_bytes_max = record_bytes_max
        self._cut = cut
        self._closed = False

    def write(self, items: Sequence[Any]) -> None:
        """Enqueue items; when the queue is full wait until brokers have taken some.

        Raises
        ------
        DeliveryError
            A record written earlier, to whatever topic, was not delivered; one of these is too
            large; or there was no room for `patience_s`.
        """
        self._output.check()
        for item in items:
            record = item if self._encode is None else self._encode(item)
            if _length(record) > self._record_bytes_max:
                record = self._shortened(record)
            self._output.produce(self._topic, record)

    def flush(self) -> None:
        """Return when everything written so far is acknowledged by all in-sync replicas.

        This holds for all sinks of the output, so the next one's flush costs nothing.

        Raises
        ------
        DeliveryError
            A record was not delivered, or not within `patience_s`.
        """
        self._output.flush()

    def close(self) -> None:
        """Let go without flushing: what came after the last flush may be lost, as in a crash."""
        if not self._closed:
            self._closed = True
            self._output.release()

    def _shortened(self, record: KafkaRecord) -> KafkaRecord:
        if not self._cut:
            raise DeliveryError(
                f"a record of {_length(record)} bytes is too large for the topic {self._topic}, "
                f"which takes {self._record_bytes_max}",
                hint="raise its max.message.bytes, and message.max.bytes in kafka.options, "
                "then restart: the run replays from its last commit",
            )
        mark = (f"{OURS}truncated", b"%d" % len(record.value))
        short = KafkaRecord(record.key, record.value[:KEPT_BYTES], [*record.headers, mark])
        if _length(short) > self._record_bytes_max:
            # It was the original headers; ours are small.
            ours = [header for header in short.headers if header[0].startswith(OURS)]
            short = short._replace(headers=ours)
        return short


def _length(record: KafkaRecord) -> int:
    length = len(record.value) + len(record.key or b"")
    for name, value in record.headers:
        length += len(name.encode()) + len(value) + 10  # and the lengths of both
    return length


def _lost(config: KafkaConfig, topic: str, length: int, error: KafkaError) -> DeliveryError:
    what = f"a record of {length} bytes for the topic {topic} was lost" if topic else "it failed"
    return DeliveryError(
        f"Kafka at {config.servers}: {what}: {error.str()}",
        hint="check the brokers, the topic and our permissions, then restart: the run replays "
        "from its last commit",
    )
