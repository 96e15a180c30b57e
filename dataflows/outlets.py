"""Sinks as Bytewax sees them: their flush is part of every epoch's commit."""

from collections.abc import Callable
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from dataflows.edges import Publisher, Sink
from dataflows.guarding import Guard
from dataflows.shards import shard_number

Published = tuple[int, list[Any]]


class _SinkPart(StatefulSinkPartition[Any, None]):
    def __init__(self, sink: Sink, guard: Guard) -> None:
        self._sink, self._guard = sink, guard

    def write_batch(self, values: list[Any]) -> None:
        with self._guard:
            for items in values:
                self._sink.write(items)

    def snapshot(self) -> None:
        with self._guard:
            self._sink.flush()


class ShardedSink(FixedPartitionedSink[Any, None]):
    """A sink for items of (shard's key, sequence of records).

    There is a part per shard, so that records leave the process in which they were made; the
    parts of one process share one sink.
    """

    def __init__(self, sink: Sink, shards: int, guard: Guard) -> None:
        self._sink, self._shards, self._guard = sink, shards, guard

    def list_parts(self) -> list[str]:
        """One part per shard."""
        return [f"{shard:04d}" for shard in range(self._shards)]

    def part_fn(self, item_key: str) -> int:
        """The shard of the key."""
        return shard_number(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _SinkPart:  # noqa: ARG002
        """The sink itself."""
        return _SinkPart(self._sink, self._guard)


class _PublisherPart(StatefulSinkPartition[Any, Published]):
    """Keeps an epoch's records in its snapshot, and publishes them when that is durable."""

    def __init__(self, publisher: Publisher, resumed: Published | None, guard: Guard) -> None:
        self._publisher, self._guard = publisher, guard
        self._durable = resumed
        self._sequence = resumed[0] if resumed else 0
        self._records: list[Any] = []

    def write_batch(self, values: list[Any]) -> None:
        with self._guard:
            # the engine hands over nothing of an epoch before the one before it is durable
            self.publish()
            for items in values:
                self._records.extend(items)

    def publish(self) -> None:
        """Publish what the last snapshot holds."""
        if self._durable and self._durable[1]:
            self._publisher.publish(*self._durable)
        self._durable = None

    def snapshot(self) -> Published:
        with self._guard:
            self.publish()
            if self._records:
                self._sequence += 1
            self._durable = (self._sequence, self._records)
            self._records = []
            return self._durable


class PublisherSink(FixedPartitionedSink[Any, Published]):
    """Publishes every shard's records once they are durable, never before."""

    def __init__(self, publisher: Callable[[int], Publisher], shards: int, guard: Guard) -> None:
        self._publisher, self._shards, self._guard = publisher, shards, guard
        self._parts: list[_PublisherPart] = []

    def list_parts(self) -> list[str]:
        """One part per shard."""
        return [f"{shard:04d}" for shard in range(self._shards)]

    def part_fn(self, item_key: str) -> int:
        """The shard of the key."""
        return shard_number(item_key)

    def build_part(
        self,
        step_id: str,  # noqa: ARG002
        for_part: str,
        resume_state: Published | None,
    ) -> _PublisherPart:
        """Go on with what an earlier run may not have published."""
        with self._guard:
            part = _PublisherPart(self._publisher(int(for_part)), resume_state, self._guard)
        self._parts.append(part)
        return part

    def publish_rest(self) -> None:
        """After a run that ended well: its last epoch is durable too."""
        for part in self._parts:
            part.publish()
