"""A topic as a source: every record, in order, from where it was left."""

import random
import time

import numpy as np
import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from models.errors import ConfigError


def _values(partition, count, seed=0):
    """Values that tell their place, of uneven length."""
    rng = random.Random(seed)
    return [b"%d:%d:" % (partition, i) + b"x" * rng.randrange(300) for i in range(count)]


def _numbered(values):
    return list(enumerate(values))


def test_partitions_read_unevenly_with_tiny_buffers_stay_whole(
    new_topic, produce, open_source, records_of
):
    topic = new_topic(partitions=3)
    written = {p: _values(p, 6_000, seed=p) for p in range(3)}
    for partition, values in written.items():
        produce(topic, values, partition, compression_type="lz4")
    source = open_source(topic, until_end=True, fetch_records_max=97, buffer_bytes_max=20_000)
    readers = {p: source.open(p) for p in source.partitions()}
    got = {p: [] for p in readers}
    rng = random.Random(5)
    deadline = time.monotonic() + 60

    turn = 0
    while not all(reader.finished for reader in readers.values()):
        turn += 1
        # 0 all the time, 1 now and then, 2 only when the others have had hundreds of turns
        for p, chance in ((0, 1.0), (1, 0.1), (2, 0.01 if turn < 3_000 else 1.0)):
            if rng.random() < chance and (block := readers[p].read()) is not None:
                assert block.partition == p
                got[p] += records_of(block)
        held = max(reader._held_bytes for reader in readers.values())
        assert held <= 20_000 + 97 * 320, "a buffer beyond its bound and one batch"
        assert time.monotonic() < deadline, {p: len(found) for p, found in got.items()}

    assert got == {p: _numbered(values) for p, values in written.items()}


def test_a_held_back_partition_pauses_and_goes_on(new_topic, produce, open_source, read):
    topic = new_topic(partitions=2)
    values = _values(1, 5_000)
    produce(topic, values, 1)
    source = open_source(topic, fetch_records_max=100, buffer_bytes_max=10_000)
    quiet, full = source.open(0), source.open(1)
    deadline = time.monotonic() + 30
    while not full._paused:
        assert quiet.read() is None
        assert time.monotonic() < deadline
    for _ in range(100):
        assert quiet.read() is None  # a paused partition grows no more

    assert full._held_bytes <= 10_000 + 100 * 320
    assert full.position() == {"record": 0}  # fetched is not read
    assert read(full, 5_000) == _numbered(values)
    assert not full._paused


def test_a_poll_of_several_partitions_keeps_their_order(
    new_topic, produce, open_source, wait_for, records_of
):
    topic = new_topic(partitions=3)
    for partition in range(3):
        produce(topic, _values(partition, 5), partition)
    source = open_source(topic)
    readers = [source.open(partition) for partition in range(3)]
    places = [TopicPartition(topic, partition) for partition in range(3)]
    high = source.consumer.get_watermark_offsets
    wait_for(lambda: all(high(place, cached=True)[1] == 5 for place in places))  # fetched

    got = {}
    wait_for(
        lambda: (
            got.update({b.partition: records_of(b) for r in readers if (b := r.read())})
            or len(got) == 3
        )
    )

    assert got == {partition: _numbered(_values(partition, 5)) for partition in range(3)}


def test_resumes_after_the_last_record_read(new_topic, produce, open_source, read):
    topic = new_topic()
    values = _values(0, 1_000)
    produce(topic, values)
    first = open_source(topic, fetch_records_max=64)
    reader = first.open(0)
    before = read(reader, 300)
    position = reader.position()

    after = read(open_source(topic).open(0, position), 1_000)

    assert position["record"] == len(before) < 1_000
    assert before + after == _numbered(values)


def test_sees_partitions_that_are_added(broker, new_topic, produce, open_source, read, wait_for):
    topic = new_topic()
    source = open_source(topic)
    source.open(0)
    assert source.partitions() == [0]

    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_partitions([NewPartitions(topic, 3)])[topic].result(30)
    wait_for(lambda: source.partitions() == [0, 1, 2])
    produce(topic, [b"new"], partition=2)

    assert read(source.open(2), 1) == [(0, b"new")]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_reads_compressed_batches(new_topic, produce, open_source, read, codec):
    topic = new_topic()
    values = [b'{"n": %d, "pad": "%s"}' % (i, b"ab" * 100) for i in range(500)]
    produce(topic, values, compression_type=codec)

    assert read(open_source(topic).open(0), 500) == _numbered(values)


def test_reads_a_message_of_ten_mebibytes(new_topic, produce, open_source, read):
    topic = new_topic()
    large = random.Random(1).randbytes(10 << 20)
    produce(topic, [b"before", large, b"after"], message_max_bytes=16 << 20)

    got = read(open_source(topic).open(0), 3)

    assert [value for _, value in got] == [b"before", large, b"after"]


def test_headers_tombstones_and_timestamps_reach_the_block(new_topic, produce, open_source, finish):
    topic = new_topic(retention_ms=-1)  # these are old records
    headers = [("traceparent", b"00-1-2-01"), ("tag", b"a"), ("tag", b"\xff\n")]
    produce(topic, [b"plain"], timestamp_ms=1_000)
    produce(topic, [b"line\nbreak", None, b""], headers=headers, timestamp_ms=2_000)
    produce(topic, [b"last"], headers=[("none", None)], timestamp_ms=500)

    blocks = finish(open_source(topic, until_end=True, fetch_records_max=10).open(0))

    assert b"".join(block.data for block in blocks) == b"plainline\nbreaklast"
    assert [int(n) for b in blocks for n in np.diff(b.ends, prepend=0)] == [5, 10, 0, 0, 4]
    assert [int(t) for b in blocks for t in b.arrivals] == [1_000, 2_000, 2_001, 2_002, 500]
    assert [b.arrival_ms for b in blocks] == [int(b.arrivals[-1]) for b in blocks]
    assert [b.first for b in blocks] == [int(b.offsets[0]) for b in blocks]
    found = {offset: some for block in blocks for offset, some in block.headers.items()}
    assert found == {**dict.fromkeys((1, 2, 3), tuple(headers)), 4: (("none", b""),)}


def test_at_end_only_while_nothing_more_is_there(new_topic, produce, open_source, wait_for):
    topic = new_topic(partitions=2)
    source = open_source(topic)
    reader, other = source.open(0), source.open(1)
    wait_for(lambda: reader.read() is None and reader.at_end)

    produce(topic, [b"a"])
    wait_for(lambda: other.read() is None and reader._held)  # the other's poll brought it

    assert reader.read() is not None
    assert not reader.at_end
    wait_for(lambda: reader.read() is None and reader.at_end)  # the end is told again


def test_a_pause_is_not_the_end(new_topic, produce, open_source, wait_for, records_of):
    topic = new_topic()
    source = open_source(topic, fetch_records_max=10, buffer_bytes_max=1)  # each block pauses
    reader = source.open(0)
    wait_for(lambda: reader.read() is None and reader.at_end)
    values = _values(0, 200)
    produce(topic, values, linger_ms=500)  # one batch: fetched as a whole
    got = []

    def read_on():
        block = reader.read()
        got.extend(records_of(block) if block is not None else [])
        assert not (got and len(got) < 200 and reader.at_end)
        return len(got) == 200

    wait_for(read_on)

    assert got == _numbered(values)


def test_a_topic_without_records_ends_at_once(new_topic, open_source, finish):
    source = open_source(new_topic(), until_end=True)
    reader = source.open(0)

    assert finish(reader) == []
    assert reader.read() is None
    assert reader.position() == {"record": 0}


def test_until_end_stops_where_the_end_was(
    new_topic, produce, open_source, finish, records_of, wait_for
):
    topic = new_topic()
    produce(topic, [b"1", b"2"], headers=[("h", b"")])
    source = open_source(topic, until_end=True)
    reader = source.open(0)
    produce(topic, [b"3", b"4"], headers=[("h", b"")])
    place = TopicPartition(topic, 0)
    wait_for(lambda: source.consumer.get_watermark_offsets(place, cached=True)[1] == 4)  # fetched

    blocks = finish(reader)

    assert [record for block in blocks for record in records_of(block)] == [(0, b"1"), (1, b"2")]
    assert [offset for block in blocks for offset in block.headers] == [0, 1]
    assert reader.position() == {"record": 2}


def test_durable_shows_in_the_consumer_group(broker, new_topic, produce, open_source, read):
    topic, group = new_topic(partitions=2), f"group-{random.randrange(1 << 60)}"
    produce(topic, _values(0, 10))
    source = open_source(topic, group)
    reader = source.open(0)
    read(reader, 10)

    source.durable(0, {"record": 7})
    source.durable(0, reader.position())
    source.close()

    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    asked = ConsumerGroupTopicPartitions(group)
    found = admin.list_consumer_group_offsets([asked])[group].result(30)
    assert [(p.partition, p.offset) for p in found.topic_partitions] == [(0, 10)]
    assert source.commit_failures == 0


def test_a_commit_that_fails_is_counted(broker, new_topic, open_source, wait_for):
    topic, group = new_topic(), f"group-{random.randrange(1 << 60)}"
    member = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    member.subscribe([topic])
    wait_for(lambda: member.poll(0.1) is not None or member.assignment())
    source = open_source(topic, group)
    reader = source.open(0)

    source.durable(0, {"record": 0})  # refused: the group has a member, and it is not us
    wait_for(lambda: reader.read() is None and source.commit_failures == 1)
    member.close()
    source.durable(0, {"record": 0})

    wait_for(
        lambda: (
            reader.read() is None
            and source.consumer.committed([TopicPartition(topic, 0)], 30)[0].offset == 0
        )
    )


@pytest.mark.parametrize("wrong", [{"fetch_records_max": 0}, {"buffer_bytes_max": 0}])
def test_limits_must_be_positive(open_source, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        open_source("any", **wrong)
