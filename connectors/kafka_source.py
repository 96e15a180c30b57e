"""A Kafka topic as a source: every partition in order, resumable, and never a silent gap.

The offsets that count are the run's own positions; those in the consumer group are there for the
usual lag tools to look at.
"""

import contextlib
from typing import Any

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from connectors.kafka_blocks import by_partition, raw_block
from connectors.kafka_client import LOG, MESSAGE_BYTES_MAX, KafkaConfig, creating
from connectors.kafka_errors import TRANSIENT, explain, is_final
from connectors.kafka_reader import KafkaReader, Position
from connectors.kafka_topics import check_topics
from models.errors import ConfigError, RiverguardError

_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's own codes are spelled so
_LOST = {
    KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001
    KafkaError._LOG_TRUNCATION,  # noqa: SLF001
    KafkaError.OFFSET_OUT_OF_RANGE,
}
_LIST_TIMEOUT_S = 3.0
_DEFAULTS = {
    "fetch.wait.max.ms": 10,
    "queued.max.messages.kbytes": 64 << 10,
    "fetch.queue.backoff.ms": 10,  # its default of 1 s halts a full queue for as long
    "message.max.bytes": MESSAGE_BYTES_MAX,
    "check.crcs": True,
    "topic.metadata.propagation.max.ms": 5_000,  # until a topic that is not seen is gone
    "client.id": "riverguard",
}


class KafkaSource:
    """One topic, read by one consumer per object; for one thread.

    Delivery: at least once from any position. Only committed transactions are seen. A position
    that the log no longer holds is refused, at the start and while running. Brokers that go away
    are waited for.

    Parameters
    ----------
    config
        The cluster.
    topic
        Must exist.
    group
        Consumer group that `durable` commits to; nobody joins it.
    until_end
        Each partition ends at the end it has when it is opened.
    fetch_records_max
        Most records in a block.
    buffer_bytes_max
        A partition whose unread records exceed this many bytes is not fetched further until half
        of them are read. Beside these buffers librdkafka holds up to 64 MiB (option
        ``queued.max.messages.kbytes``).

    Attributes
    ----------
    transient_errors
        Faults since the start that librdkafka mends by itself: brokers away, leaders moved.
    last_error
        The text of the newest of them.
    commit_failures
        Commits to the group that failed.

    Raises
    ------
    ConfigError
        A limit or an option is wrong, the login or the certificates are refused, the topic does
        not exist or may not be read.
    DeliveryError
        The cluster does not answer.
    """

    def __init__(
        self,
        config: KafkaConfig,
        topic: str,
        group: str,
        *,
        until_end: bool = False,
        fetch_records_max: int = 4096,
        buffer_bytes_max: int = 16 << 20,
    ) -> None:
        for name, value in (
            ("fetch_records_max", fetch_records_max),
            ("buffer_bytes_max", buffer_bytes_max),
        ):
            if value < 1:
                raise ConfigError(
                    f"{name} must be positive, was {value}", hint="leave it out to get the default"
                )
        if not group:
            raise ConfigError(
                f"no consumer group for the topic {topic}", hint="name one, e.g. riverguard"
            )
        self.transient_errors = 0
        self.last_error = ""
        self.commit_failures = 0
        self.topic = topic
        self.config = config
        self.until_end = until_end
        self.buffer_bytes_max = buffer_bytes_max
        self._fetch_records_max = fetch_records_max
        self._readers: dict[int, KafkaReader] = {}
        self._known: list[int] = []
        self._committed: dict[int, int] = {}
        self._failure: RiverguardError | None = None
        check_topics(config, reads=[topic])
        with creating(config):
            self.consumer = Consumer(config.librdkafka(self._fixed(group), _DEFAULTS))

    @property
    def grows(self) -> bool:
        """Whether partitions may be added while we read."""
        return not self.until_end

    def partitions(self) -> list[int]:
        """Return the partitions that the topic has now; the last known while no broker answers.

        Waits at most three seconds for the answer.

        Raises
        ------
        ConfigError
            The topic was deleted, or may not be read any more.
        DeliveryError
            No broker has ever answered.
        """
        try:
            found = self.consumer.list_topics(self.topic, timeout=_LIST_TIMEOUT_S)
        except KafkaException as error:
            if not self._known or is_final(error.args[0]):
                raise explain(error.args[0], self.config, self.topic) from error
            self._count(error.args[0])
            return self._known
        topic = found.topics[self.topic]
        if topic.error is None:
            self._known = sorted({*self._known, *topic.partitions})
        elif is_final(topic.error):
            raise explain(topic.error, self.config, self.topic)
        else:
            self._count(topic.error)
        return self._known

    def open(self, partition: int, position: Position | None = None) -> KafkaReader:
        """Read a partition from a position, or from the beginning of its log.

        Raises
        ------
        StateError
            The position is not one of ours, or the log does not hold it.
        ConfigError, DeliveryError
            As for the source.
        """
        assert partition not in self._readers, partition
        reader = KafkaReader(self, partition, position)
        self._readers[partition] = reader
        return reader

    def durable(self, partition: int, position: Position) -> None:
        """Commit a position to the group, without waiting; a failure is only counted."""
        offset = position["record"]
        if self._committed.get(partition) == offset:
            return
        self._committed[partition] = offset
        try:
            self.consumer.commit(
                offsets=[TopicPartition(self.topic, partition, offset)], asynchronous=True
            )
        except KafkaException as error:
            self._after_commit(error.args[0], [TopicPartition(self.topic, partition)])

    def close(self) -> None:
        """Let go of the cluster; commits under way are waited for."""
        self._readers.clear()
        self.consumer.close()

    def poll(self) -> None:
        """Hand whatever has come to the readers it belongs to; never waits.

        Raises
        ------
        ConfigError
            Login or permission were refused, or the topic was deleted.
        StateError
            A partition's log no longer holds what comes next.
        DeliveryError
            Records cannot be read: a damaged batch, or an error unknown to us.
        """
        try:
            messages = self.consumer.consume(self._fetch_records_max, 0)
        except KafkaException as error:
            raise explain(error.args[0], self.config, self.topic) from error
        if self._failure is not None:
            raise self._failure
        errors = list(map(Message.error, messages))
        start = 0
        if any(errors):  # never compare: a KafkaError that meets None leaves an exception behind
            for at, fault in enumerate(errors):
                if fault is not None:
                    self._keep(messages[start:at])
                    self._meet(messages[at].partition(), messages[at].offset(), fault)
                    start = at + 1
        self._keep(messages[start:] if start else messages)

    def forget(self, partition: int) -> None:
        """Stop fetching a partition."""
        if self._readers.pop(partition, None) is not None:
            with contextlib.suppress(KafkaException):
                self.consumer.incremental_unassign([TopicPartition(self.topic, partition)])

    def _keep(self, messages: list[Message]) -> None:
        if not messages:
            return
        for partition, group in by_partition(messages):
            if (reader := self._readers.get(partition)) is not None:
                reader.keep(raw_block(partition, group))

    def _meet(self, partition: int | None, offset: int | None, error: KafkaError) -> None:
        code = error.code()
        reader = self._readers.get(-1 if partition is None else partition)
        if code == _EOF:
            if reader is not None and offset is not None:
                reader.reached(offset)
        elif code in _LOST:
            if reader is not None:
                raise reader.gap(error.str())
        elif code in TRANSIENT and not error.fatal():
            self._count(error)
        else:
            raise explain(error, self.config, self.topic)

    def _count(self, error: KafkaError) -> None:
        self.transient_errors += 1
        self.last_error = error.str()

    def _on_error(self, error: KafkaError) -> None:
        # Called within consume; what is raised here would hide what it consumed.
        if is_final(error):
            self._failure = explain(error, self.config, self.topic)
        else:
            self._count(error)

    def _after_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        for committed in partitions:
            if error is not None or committed.error is not None:
                self.commit_failures += 1
                self._committed.pop(committed.partition, None)

    def _fixed(self, group: str) -> dict[str, Any]:
        return {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "error_cb": self._on_error,
            "on_commit": self._after_commit,
            "logger": LOG,
        }
