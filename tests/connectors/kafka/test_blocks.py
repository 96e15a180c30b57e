"""Messages as blocks."""

from confluent_kafka import Message

from connectors.kafka_blocks import by_partition


def test_groups_keep_their_order():
    places = [(1, 5), (0, 7), (0, 8), (1, 6), (1, 9), (2, 0)]
    messages = [Message(partition=partition, offset=offset) for partition, offset in places]

    groups = {p: [m.offset() for m in group] for p, group in by_partition(messages)}

    assert groups == {0: [7, 8], 1: [5, 6, 9], 2: [0]}
