"""What the flow asks of the world outside, and how Bytewax sees it.

Sources and sinks are plain objects of `connectors`, handed in by the command; these adapters
lend them to the engine.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from models.records import DeadLetter, RawBlock

IDLE: Final = timedelta(milliseconds=2)


class Reader(Protocol):
    """One partition of a source, being read."""

    finished: bool

    def read(self) -> RawBlock | None:
        """The next records, or None for nothing right now."""

    def oversized(self) -> list[DeadLetter]:
        """Records that were too large to keep, since the last call; they stand before the block."""

    def position(self) -> Mapping[str, int]:
        """Where to go on after the last record that `read` returned."""

    def close(self) -> None:
        """Let go."""


class Source(Protocol):
    """Where events come from."""

    def partitions(self) -> list[int]:
        """Numbers of the partitions, from 0."""

    def open(self, partition: int, position: Mapping[str, int] | None) -> Reader:
        """Read a partition from a position, or from its start."""


class Sink(Protocol):
    """Where records go."""

    def write(self, items: Sequence[Any]) -> None:
        """Take items; they may be buffered."""

    def flush(self) -> None:
        """Return when everything written is safe, or raise DeliveryError."""

    def close(self) -> None:
        """Let go, without flushing."""


class _Part(StatefulSourcePartition[RawBlock | DeadLetter, dict[str, int]]):
    def __init__(self, reader: Reader, stopping: threading.Event) -> None:
        self._reader, self._stopping = reader, stopping
        self._idle = False

    def next_batch(self) -> list[RawBlock | DeadLetter]:
        if self._stopping.is_set():
            raise StopIteration
        block = self._reader.read()
        dead = self._reader.oversized()
        self._idle = block is None
        if block is None and not dead and self._reader.finished:
            raise StopIteration
        return [*dead, *([block] if block is not None else [])]

    def next_awake(self) -> datetime | None:
        return datetime.now(UTC) + IDLE if self._idle else None

    def snapshot(self) -> dict[str, int]:
        return dict(self._reader.position())

    def close(self) -> None:
        self._reader.close()


class BytewaxSource(FixedPartitionedSource[RawBlock | DeadLetter, dict[str, int]]):
    """A source as Bytewax sees it; `stopping` ends it as if its input had ended."""

    def __init__(self, source: Source, stopping: threading.Event) -> None:
        self._source, self._stopping = source, stopping

    def list_parts(self) -> list[str]:
        """One part per partition."""
        return [f"{partition:06d}" for partition in self._source.partitions()]

    def build_part(self, step_id: str, for_part: str, resume_state: dict[str, int] | None) -> _Part:  # noqa: ARG002
        """Open one partition where the last commit left it."""
        return _Part(self._source.open(int(for_part), resume_state), self._stopping)


class _SinkPart(StatefulSinkPartition[Any, None]):
    def __init__(self, sink: Sink, after_flush: Callable[[], None]) -> None:
        self._sink, self._after_flush = sink, after_flush

    def write_batch(self, values: list[Any]) -> None:
        for items in values:
            self._sink.write(items)

    def snapshot(self) -> None:
        self._sink.flush()
        self._after_flush()


class BytewaxSink(FixedPartitionedSink[Any, None]):
    """A sink as Bytewax sees it: its flush is part of every epoch's commit.

    Items are (key, sequence of records). There is one part, because a sink is one connection or
    one file per process.
    """

    def __init__(self, sink: Sink, after_flush: Callable[[], None] = lambda: None) -> None:
        self._sink, self._after_flush = sink, after_flush

    def list_parts(self) -> list[str]:
        """The one part."""
        return ["0"]

    def part_fn(self, item_key: str) -> int:  # noqa: ARG002
        """Everything goes to the one part."""
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _SinkPart:  # noqa: ARG002
        """The sink itself."""
        return _SinkPart(self._sink, self._after_flush)


class Fan:
    """Several sinks as one: each gets every record, each must confirm."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)

    def write(self, items: Sequence[Any]) -> None:
        """Write to each."""
        for sink in self._sinks:
            sink.write(items)

    def flush(self) -> None:
        """Flush each."""
        for sink in self._sinks:
            sink.flush()

    def close(self) -> None:
        """Close each."""
        for sink in self._sinks:
            sink.close()
