"""Kafka messages as raw blocks, with a constant number of Python operations per batch.

Every pass over the messages is a `map` of a C method; no Python code runs per record.
"""

import time
from collections.abc import Iterable
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from confluent_kafka import Message

from models.records import Headers, RawBlock

_timestamp_ms = itemgetter(1)


def by_partition(messages: list[Message]) -> Iterable[tuple[int, list[Message]]]:
    """Group messages by partition, each group in its order."""
    partitions: list[Any] = list(map(Message.partition, messages))
    first = partitions[0]
    if partitions.count(first) == len(partitions):
        return ((first, messages),)
    groups: dict[int, list[Message]] = {}
    numbers = np.array(partitions)
    cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(messages)]
    for start, end in pairwise(cuts):
        groups.setdefault(partitions[start], []).extend(messages[start:end])
    return groups.items()


def raw_block(partition: int, messages: list[Message]) -> RawBlock:
    """Return messages of one partition as a block; a tombstone is a record of zero bytes.

    The arrival is Kafka's timestamp (created or appended, as the topic is set), or now for
    messages of ancient producers that carry none.
    """
    count = len(messages)
    values: list[Any] = list(map(Message.value, messages))
    try:
        lengths = np.fromiter(map(len, values), np.int64, count)
    except TypeError:
        values = [value or b"" for value in values]
        lengths = np.fromiter(map(len, values), np.int64, count)
    offsets = np.fromiter(map(Message.offset, messages), np.int64, count)
    times = map(_timestamp_ms, map(Message.timestamp, messages))
    arrivals = np.fromiter(times, np.int64, count)
    if arrivals.min() < 0:
        arrivals[arrivals < 0] = time.time_ns() // 1_000_000
    return RawBlock(
        partition,
        b"".join(values),
        int(offsets[0]),
        int(arrivals[-1]),
        ends=np.cumsum(lengths),
        offsets=offsets,
        arrivals=arrivals,
        headers=_headers(messages),
    )


def cut(block: RawBlock, end: int) -> RawBlock | None:
    """Return the part of a block before the offset `end`, or None when there is none."""
    assert block.ends is not None
    assert block.offsets is not None
    assert block.arrivals is not None
    count = int(np.searchsorted(block.offsets, end))
    if count == len(block.offsets):
        return block
    if count == 0:
        return None
    return RawBlock(
        block.partition,
        block.data[: block.ends[count - 1]],
        block.first,
        int(block.arrivals[count - 1]),
        ends=block.ends[:count],
        offsets=block.offsets[:count],
        arrivals=block.arrivals[:count],
        headers={offset: found for offset, found in block.headers.items() if offset < end},
    )


def _headers(messages: list[Message]) -> dict[int, Headers]:
    found: list[Any] = list(map(Message.headers, messages))
    offsets: Iterable[Any] = map(Message.offset, messages)
    if found.count(None) == len(found):
        return {}
    return {
        offset: tuple((name, value or b"") for name, value in headers)
        for offset, headers in zip(offsets, found, strict=True)
        if headers
    }
