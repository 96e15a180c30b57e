"""Publishing in Kafka transactions, for readers that cannot drop what they have seen.

Each `CommittedOutput.publish` is one transaction: its records and its sequence number, stored as
the committed offset of a consumer group named like the transactional id, become visible together
or not at all. Publishing again after a crash is recognised by its number. Readers need
``isolation.level=read_committed``.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from connectors.kafka_client import LOG, KafkaConfig, creating
from connectors.kafka_errors import explain, is_final
from connectors.kafka_records import KafkaRecord
from connectors.kafka_sink import PRODUCER_DEFAULTS
from connectors.kafka_topics import check_topics
from models.errors import ConfigError, DeliveryError

NOTHING: Final = -1
"""The sequence number before the first."""
_TRANSACTION_TIMEOUT_MS: Final = 60_000
_DELIVERY_TIMEOUT_MS: Final = 45_000
_CALL_S: Final = 5.0  # per call of librdkafka; then we look at our patience, and call again
_OFFSETS_S: Final = 30.0
_POLL_S: Final = 0.05
_AGAIN_S: Final = 0.2
_FENCED: Final = {
    KafkaError._FENCED,  # noqa: SLF001 - librdkafka's own codes are spelled so
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
}
_PASSING: Final = {
    # The reading of an offset does not say that it may be tried again.
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._WAIT_COORD,  # noqa: SLF001
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
}


class CommittedOutput:
    """One topic to which every sequence number is published exactly once.

    Opening it takes the transactional id over: an older process with the same id is fenced, and a
    transaction that it left open is aborted, or finished when its commit had begun. Until then,
    or for a minute when nobody takes over, readers with read_committed wait before that
    transaction.

    Kafka forgets a group that has committed nothing for ``offsets.retention.minutes`` (7 days):
    a restart after a longer silence publishes again what the run replays. A cluster with ACLs
    must allow WRITE on the transactional id, and READ on the group of that name and the topic.

    Parameters
    ----------
    config
        The cluster.
    topic
        Must exist.
    encode
        Item → record; None takes records.
    transactional_id
        Names this publisher among all of the cluster, over restarts.
    patience_s
        How long opening, or publishing one sequence number, may take, seconds.

    Attributes
    ----------
    sequence
        The last number published, by whatever process; `NOTHING` at first.

    Raises
    ------
    ConfigError
        The settings are refused, or the topic does not exist or may not be used.
    DeliveryError
        The cluster does not answer.
    """

    def __init__(
        self,
        config: KafkaConfig,
        topic: str,
        encode: Callable[[Any], KafkaRecord] | None,
        transactional_id: str,
        patience_s: float = 120.0,
    ) -> None:
        if not transactional_id:
            raise ConfigError("the transactional id is empty", hint="name the publisher")
        self._config, self._topic, self._encode = config, topic, encode
        self._patience_s = patience_s
        settings = config.librdkafka(
            fixed={
                "transactional.id": transactional_id,
                "enable.idempotence": True,
                "acks": "all",
                "transaction.timeout.ms": _TRANSACTION_TIMEOUT_MS,
                "delivery.timeout.ms": _DELIVERY_TIMEOUT_MS,
                "delivery.report.only.error": True,
            },
            defaults=PRODUCER_DEFAULTS,
        )
        group = config.librdkafka({}) | {
            "group.id": transactional_id,
            "enable.auto.commit": False,
            # What a commit that is under way will store is waited for.
            "isolation.level": "read_committed",
        }
        check_topics(config, writes=[topic])
        with creating(config):
            self._producer = Producer(settings | {"logger": LOG})
            self._group = Consumer(group | {"logger": LOG})
        deadline = time.monotonic() + patience_s
        try:
            # First this: it ends what another process began, and its number is what we read.
            self._insist(self._producer.init_transactions, deadline)
            self.sequence = self._stored(deadline)
        except KafkaException as error:
            self._group.close()
            raise explain(error.args[0], config, topic) from error
        except DeliveryError:
            self._group.close()
            raise

    def publish(self, sequence: int, items: Sequence[Any]) -> bool:
        """Publish items under a number, unless it or a higher one was published before.

        Parameters
        ----------
        sequence
            At least 0, and higher with every call; the same items under the same number in a
            replay.
        items
            In the order in which a reader of one partition is to see them; may be empty.

        Returns
        -------
        Whether they were published now.

        Raises
        ------
        DeliveryError
            Another process has taken over, a record is too large, or the transaction was not
            committed within `patience_s`. A new `CommittedOutput` knows whether it was.
        """
        assert sequence >= 0, sequence
        if sequence <= self.sequence:
            return False
        deadline = time.monotonic() + self._patience_s
        encode = self._encode
        records = [item if encode is None else encode(item) for item in items]
        while True:
            try:
                self._transact(sequence, records, deadline)
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                if is_final(cause) or time.monotonic() >= deadline:
                    raise self._failure(sequence, cause) from error
                LOG.warning("publishing %d again: %s", sequence, cause.str())
                self._abort(sequence, deadline)
                time.sleep(_AGAIN_S)
            else:
                self.sequence = sequence
                return True

    def close(self) -> None:
        """Let go; a transaction that is open is left to the next process, as in a crash."""
        self._group.close()
        self._producer.purge()

    def _transact(self, sequence: int, records: Sequence[KafkaRecord], deadline: float) -> None:
        self._producer.begin_transaction()
        for record in records:
            self._produce(record, sequence, deadline)
        # The offset belongs to the topic's first partition, whichever the records went to.
        number = [TopicPartition(self._topic, 0, sequence)]
        self._store(number, deadline)
        self._insist(self._producer.commit_transaction, deadline)

    def _store(self, number: list[TopicPartition], deadline: float) -> None:
        """Send the sequence number, in a thread that is given up when it hangs.

        librdkafka ignores this call's timeout (its issue 5456): when the coordinator's connection
        is lost meanwhile, it may never return.
        """
        failures: list[KafkaException] = []
        limit = max(0.1, min(_OFFSETS_S, deadline - time.monotonic()))
        group = self._group.consumer_group_metadata()

        def send() -> None:
            try:
                self._producer.send_offsets_to_transaction(number, group, limit)
            except KafkaException as error:
                failures.append(error)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        thread.join(limit)
        if thread.is_alive():
            raise self._stuck("the sequence number was not stored")
        if failures:
            raise failures[0]

    def _produce(self, record: KafkaRecord, sequence: int, deadline: float) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic, record.value, record.key, headers=list(record.headers) or None
                )
            except BufferError:
                if time.monotonic() >= deadline:
                    raise self._stuck(f"publishing {sequence}") from None
                self._producer.poll(_POLL_S)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise
                self._abort(sequence, deadline)
                raise DeliveryError(
                    f"a record of {len(record.value)} bytes is too large for the topic "
                    f"{self._topic}, in {sequence}",
                    hint="raise message.max.bytes in kafka.options, and its max.message.bytes",
                ) from error
            else:
                self._producer.poll(0)
                return

    def _abort(self, sequence: int, deadline: float) -> None:
        try:
            self._insist(self._producer.abort_transaction, deadline)
        except KafkaException as error:
            raise self._failure(sequence, error.args[0]) from error

    def _insist(self, call: Callable[[float], Any], deadline: float) -> None:
        """Call until it is done, as librdkafka asks after a timeout or a passing error."""
        while True:
            left = deadline - time.monotonic()
            try:
                call(max(0.1, min(_CALL_S, left)))
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                passing = cause.retriable() or cause.code() in _PASSING
                if cause.txn_requires_abort() or is_final(cause) or not passing:
                    raise
                if left <= 0:
                    raise self._stuck(cause.str()) from error
            else:
                return

    def _stored(self, deadline: float) -> int:
        found: list[TopicPartition] = []

        def read(limit: float) -> None:
            found[:] = self._group.committed([TopicPartition(self._topic, 0)], timeout=limit)

        self._insist(read, deadline)
        if found[0].error is not None:
            raise KafkaException(found[0].error)
        return NOTHING if found[0].offset == OFFSET_INVALID else found[0].offset

    def _failure(self, sequence: int, error: KafkaError) -> DeliveryError:
        if error.code() in _FENCED:
            return DeliveryError(
                f"{sequence} was not published to {self._topic}: another process has taken over "
                f"our transactional id ({error.str()})",
                hint="run one publisher with this transactional id",
            )
        return DeliveryError(
            f"{sequence} was not published to {self._topic} at {self._config.servers}: "
            f"{error.str()}",
            hint="check the brokers, then restart: the run replays from its last commit",
        )

    def _stuck(self, doing: str) -> DeliveryError:
        return DeliveryError(
            f"no answer from Kafka at {self._config.servers} in time: {doing}",
            hint="check the brokers, then restart: the run replays from its last commit",
        )
