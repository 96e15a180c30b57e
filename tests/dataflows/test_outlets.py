"""The publishing sink: nothing before it is durable, everything once, under rising numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.guarding import Guard
from dataflows.outlets import PublisherSink, ShardedSink
from dataflows.shards import shard_key


class Published:
    """A topic that drops what it has seen, as `edges.Publisher` asks; it outlives runs."""

    def __init__(self):
        self.sequence, self.items, self.calls = -1, [], 0

    def publish(self, sequence, items):
        self.calls += 1
        if sequence > self.sequence:
            self.sequence = sequence
            self.items += items

    def close(self):
        pass


@pytest.fixture
def topic():
    return Published()


def opened(topic, resumed=None):
    sink = PublisherSink(lambda _shard: topic, 2, Guard())
    return sink, sink.build_part("publish", "0001", resumed)


def test_nothing_is_published_before_the_next_epoch(topic):
    _sink, part = opened(topic)

    part.write_batch([["a"], ["b", "c"]])
    part.snapshot()
    assert topic.items == []

    part.write_batch([()])
    assert topic.items == ["a", "b", "c"]


def test_a_snapshot_publishes_what_the_one_before_it_held(topic):
    _sink, part = opened(topic)
    part.write_batch([["a"]])
    part.snapshot()

    part.snapshot()

    assert topic.items == ["a"]
    part.snapshot()
    assert topic.calls == 1


def test_a_resume_publishes_what_the_snapshot_held(topic):
    _sink, part = opened(topic)
    part.write_batch([["a", "b"]])
    snapshot = part.snapshot()

    _sink, resumed = opened(topic, snapshot)
    resumed.write_batch([["c"]])

    assert topic.items == ["a", "b"]
    assert resumed.snapshot() == (snapshot[0] + 1, ["c"])


def test_the_rest_is_published_after_a_good_end(topic):
    sink, part = opened(topic)
    part.write_batch([["a"]])
    part.snapshot()

    sink.publish_rest()
    sink.publish_rest()

    assert topic.items == ["a"]
    assert topic.calls == 1


def test_a_resume_that_ends_at_once_publishes_too(topic):
    sink, _part = opened(topic, (7, ["a"]))

    sink.publish_rest()

    assert (topic.sequence, topic.items) == (7, ["a"])


def test_an_epoch_without_records_takes_no_number(topic):
    _sink, part = opened(topic)
    part.write_batch([["a"]])
    first = part.snapshot()[0]
    part.write_batch([()])

    assert part.snapshot() == (first, [])


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["go", "die", "die late"]))))
def test_crashes_neither_lose_nor_double(epochs):
    """An input of numbered records; a crash before or after the commit of an epoch."""
    topic, durable = Published(), (0, None)
    _sink, part = opened(topic)
    read = 0
    for count, fate in epochs:
        part.write_batch([()])
        part.write_batch([[number] for number in range(read, read + count)])
        assert topic.items == list(range(durable[0]))
        if fate != "die":
            read += count
            durable = (read, part.snapshot())
        if fate != "go":
            read = durable[0]
            _sink, part = opened(topic, durable[1])
    sink, part = opened(topic, durable[1])
    sink.publish_rest()

    assert topic.items == list(range(read))


def test_parts_of_one_process_share_a_sink(remembering):
    shared = remembering()
    sink = ShardedSink(shared, 3, Guard())
    parts = [sink.build_part("alerts", name, None) for name in sink.list_parts()]

    parts[sink.part_fn(shard_key(2))].write_batch([["a"], ["b"]])
    parts[0].write_batch([["c"]])
    parts[2].snapshot()

    assert shared.items == ["a", "b", "c"]
    assert shared.flushed == 1


def test_an_error_is_told_before_it_travels(topic):
    told = []
    sink = PublisherSink(lambda _shard: topic, 2, Guard(told.append))
    part = sink.build_part("publish", "0000", (1, ["a"]))
    topic.publish = lambda *_: (_ for _ in ()).throw(OSError("away"))

    with pytest.raises(OSError, match="away"):
        part.write_batch([()])
    assert [str(error) for error in told] == ["away"]
