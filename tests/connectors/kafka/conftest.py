"""The broker for the tests of this folder, topics with records, and sources that are closed."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from connectors.kafka_client import KafkaConfig
from connectors.kafka_reader import KafkaReader
from connectors.kafka_source import KafkaSource
from models.records import RawBlock
from tests.brokers import broker, new_topic

__all__ = ["broker", "new_topic"]

PATIENCE_S = 60.0


@pytest.fixture
def kafka_config(broker) -> KafkaConfig:
    return KafkaConfig(broker.bootstrap)


@pytest.fixture
def produce(broker) -> Callable[..., None]:
    """Write values to a partition and wait until the broker has them all."""

    def write(
        topic: str,
        values: Iterable[bytes | None],
        partition: int = 0,
        *,
        headers: list[tuple[str, bytes]] | None = None,
        timestamp_ms: int = 0,
        **settings: Any,
    ) -> None:
        errors: list[Any] = []
        conf = {name.replace("_", "."): value for name, value in settings.items()}
        # idempotent: a retry, as of a topic whose leader is not ready, keeps the order
        own = {"bootstrap.servers": broker.bootstrap, "linger.ms": 1, "enable.idempotence": True}
        producer = Producer({**own, **conf})
        for number, value in enumerate(values):
            producer.produce(
                topic,
                value,
                partition=partition,
                headers=headers,
                timestamp=timestamp_ms and timestamp_ms + number,
                on_delivery=lambda error, _: errors.append(error) if error else None,
            )
            producer.poll(0)
        assert producer.flush(PATIENCE_S) == 0
        assert not errors

    return write


@pytest.fixture
def open_source(kafka_config) -> Iterator[Callable[..., KafkaSource]]:
    opened: list[KafkaSource] = []

    def make(topic: str, group: str = "riverguard", **settings: Any) -> KafkaSource:
        settings.setdefault("config", kafka_config)
        source = KafkaSource(topic=topic, group=group, **settings)
        opened.append(source)
        return source

    yield make
    for source in opened:
        source.close()


def records(block: RawBlock) -> list[tuple[int, bytes]]:
    """Offsets and values of a block."""
    starts = [0, *block.ends[:-1]]
    values = [block.data[a:b] for a, b in zip(starts, block.ends, strict=True)]
    return list(zip(block.offsets.tolist(), values, strict=True))


def read_until(done: Callable[[], bool], readers: Iterable[KafkaReader]) -> list[RawBlock]:
    """Read in turn until something holds; what was read."""
    readers, blocks = list(readers), []
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        got = [block for reader in readers if (block := reader.read()) is not None]
        blocks += got
        assert time.monotonic() < deadline, [reader.position() for reader in readers]
        if not got:
            time.sleep(0.002)
    return blocks


@pytest.fixture
def read() -> Callable[[KafkaReader, int], list[tuple[int, bytes]]]:
    """Read a partition up to an offset; offsets and values."""

    def read_to(reader: KafkaReader, offset: int) -> list[tuple[int, bytes]]:
        blocks = read_until(lambda: reader.position()["record"] >= offset, [reader])
        return [record for block in blocks for record in records(block)]

    return read_to


@pytest.fixture
def finish() -> Callable[..., list[RawBlock]]:
    """Read partitions until each has finished; their blocks."""

    def to_end(*readers: KafkaReader) -> list[RawBlock]:
        return read_until(lambda: all(reader.finished for reader in readers), readers)

    return to_end


@pytest.fixture
def records_of() -> Callable[[RawBlock], list[tuple[int, bytes]]]:
    return records


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    """Ask until the answer is yes."""

    def ask(question: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not question():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    return ask
