"""What the flow asks of the world outside.

Sources and sinks are plain objects of `connectors`, handed in by the command; `lanes` and
`outlets` lend them to the engine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from models.records import DeadLetter, RawBlock


class Reader(Protocol):
    """One partition of a source, being read.

    Attributes
    ----------
    finished
        The input has ended for good: nothing will ever follow.
    at_end
        The last `read` found that nothing more was there: we have caught up with the source.
    """

    finished: bool
    at_end: bool

    def read(self) -> RawBlock | None:
        """The next records, or None for nothing right now; never waits."""

    def oversized(self) -> list[DeadLetter]:
        """Records that were too large to keep, since the last call; they stand before the block."""

    def position(self) -> Mapping[str, int]:
        """Where to go on after the last record that `read` returned; ``record`` is its offset."""

    def close(self) -> None:
        """Let go."""


class Source(Protocol):
    """Where events come from."""

    @property
    def grows(self) -> bool:
        """Whether partitions may be added while we read."""

    def partitions(self) -> list[int]:
        """Numbers of the partitions, from 0; asked again now and then where the source grows."""

    def open(self, partition: int, position: Mapping[str, int] | None) -> Reader:
        """Read a partition from a position, or from its start."""

    def durable(self, partition: int, position: Mapping[str, int]) -> None:
        """Everything before a position is safely done: for tools that show lag; may do nothing."""


class Sink(Protocol):
    """Where records go."""

    def write(self, items: Sequence[Any]) -> None:
        """Take items; they may be buffered."""

    def flush(self) -> None:
        """Return when everything written is safe, or raise DeliveryError."""

    def close(self) -> None:
        """Let go, without flushing."""


class Publisher(Protocol):
    """Where records go that must not come twice, even to those who cannot tell."""

    def publish(self, sequence: int, items: Sequence[Any]) -> None:
        """Publish items in one piece, unless this or a later sequence number was published."""

    def close(self) -> None:
        """Let go."""


@dataclass(frozen=True)
class Outlets:
    """Where the flow's results go; an absent sink drops them (and counts).

    Attributes
    ----------
    publisher
        Given a shard, who publishes its alerts once they are durable, beside `alerts`.
    """

    alerts: Sink
    dead_letters: Sink
    late: Sink
    shadow: Sink | None = None
    decisions: Sink | None = None
    publisher: Callable[[int], Publisher] | None = None


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
