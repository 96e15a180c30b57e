"""Only what was committed is seen, and what stands between records is stepped over."""

import uuid

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient


@pytest.fixture
def transact(broker):
    """Write a transaction and ``commit``, ``abort``, leave it ``open``, or end it ``later``."""
    left = []

    def write(topic, values, end):
        conf = {"bootstrap.servers": broker.bootstrap, "transactional.id": uuid.uuid4().hex}
        producer = Producer(conf)
        producer.init_transactions(30)
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value)
        producer.flush(30)
        if end == "commit":
            producer.commit_transaction(30)
        elif end == "abort":
            producer.abort_transaction(30)
        elif end == "open":
            left.append(producer)
        return producer

    yield write
    for producer in left:
        producer.abort_transaction(30)


def _values(blocks, records_of):
    return [value for block in blocks for _, value in records_of(block)]


def test_aborted_records_are_invisible(new_topic, transact, open_source, finish, records_of):
    topic = new_topic()
    transact(topic, [b"never"] * 3, "abort")
    transact(topic, [b"one", b"two"], "commit")
    transact(topic, [b"nor this"], "abort")
    reader = open_source(topic, until_end=True).open(0)

    blocks = finish(reader)

    assert _values(blocks, records_of) == [b"one", b"two"]
    assert [int(o) for b in blocks for o in b.offsets] == [4, 5]
    assert reader.position() == {"record": 9}  # behind the last marker


def test_a_topic_of_markers_only_ends(new_topic, transact, open_source, finish):
    topic = new_topic()
    transact(topic, [b"never"], "abort")
    reader = open_source(topic, until_end=True).open(0)

    assert finish(reader) == []
    assert reader.position() == {"record": 2}


def test_an_open_transaction_is_not_waited_for(
    new_topic, produce, transact, open_source, finish, records_of
):
    topic = new_topic()
    produce(topic, [b"before"])
    transact(topic, [b"pending"], "open")
    produce(topic, [b"behind it"])
    reader = open_source(topic, until_end=True).open(0)

    assert _values(finish(reader), records_of) == [b"before"]
    assert reader.position() == {"record": 1}


def test_the_end_of_a_transaction_shows_its_records(
    new_topic, transact, open_source, read, wait_for
):
    topic = new_topic()
    producer = transact(topic, [b"a", b"b"], "later")
    reader = open_source(topic).open(0)
    wait_for(lambda: reader.read() is None and reader.at_end)

    producer.commit_transaction(30)

    assert read(reader, 2) == [(0, b"a"), (1, b"b")]
    wait_for(lambda: reader.read() is None and reader.position() == {"record": 3})


def test_deleted_markers_are_no_gap(broker, new_topic, produce, transact, open_source, finish):
    topic = new_topic()
    transact(topic, [b"a"], "commit")
    reader = open_source(topic, until_end=True).open(0)
    finish(reader)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 0, 2)]).values():
        future.result(30)
    produce(topic, [b"next"])

    blocks = finish(open_source(topic, until_end=True).open(0, reader.position()))

    assert [block.data for block in blocks] == [b"next"]
