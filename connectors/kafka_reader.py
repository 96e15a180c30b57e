"""One partition of a Kafka topic: what was fetched and not yet read, and where it ends."""

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from connectors.kafka_blocks import cut
from connectors.kafka_errors import explain
from models.errors import RiverguardError, StateError
from models.records import DeadLetter, RawBlock

if TYPE_CHECKING:
    from connectors.kafka_source import KafkaSource

Position = Mapping[str, int]

_ASK_TIMEOUT_S = 3.0


class KafkaReader:
    """One partition of a `KafkaSource`, being read.

    Attributes
    ----------
    finished
        With `until_end`: everything before the end that was there at the opening has been read.
    at_end
        The last `read` returned None, and the partition held nothing more.
    """

    def __init__(self, source: "KafkaSource", partition: int, position: Position | None) -> None:
        self.at_end = False
        self._source = source
        self._partition = partition
        self._assigned = TopicPartition(source.topic, partition)
        self._held: deque[RawBlock] = deque()
        self._held_bytes = 0
        self._paused = False
        self._end_seen = -1  # offset of the end, when nothing came after it
        low, high = self._log_holds(source.config.connect_timeout_s)
        self._next = low if position is None else self._resume(position, low, high)
        self._stop = high if source.until_end else None
        self.finished = self._stop is not None and self._next >= self._stop
        if not self.finished:
            # The beginning by name, not by number: retention may move it just now.
            start = OFFSET_BEGINNING if position is None else self._next
            source.consumer.incremental_assign([TopicPartition(source.topic, partition, start)])

    def read(self) -> RawBlock | None:
        """Return the next records, or None for nothing right now; never waits.

        Raises
        ------
        ConfigError, StateError, DeliveryError
            As `KafkaSource.poll`.
        """
        if self.finished:
            return None
        if not self._held:
            self._source.poll()
        block = self._take() if self._held else None
        if not self._held and self._end_seen > self._next:
            # Markers of transactions and compacted records stand between; nothing was skipped.
            self._next = self._end_seen
        if self._stop is not None and self._next >= self._stop:
            block = None if block is None else cut(block, self._stop)
            self._next = self._stop
            self.finished = True
            self.close()
        self.at_end = block is None and (self.finished or self._end_seen >= 0)
        return block

    def oversized(self) -> list[DeadLetter]:
        """Return nothing: what a broker accepted is kept whole."""
        return []

    def position(self) -> dict[str, int]:
        """Return where a new reader goes on: the next offset."""
        return {"record": self._next}

    def close(self) -> None:
        """Stop fetching; what was not read is forgotten."""
        self._held.clear()
        self._source.forget(self._partition)

    def keep(self, block: RawBlock) -> None:
        """Take records that came with a poll, whoever polled; pause when there are too many."""
        self._held.append(block)
        self._held_bytes += len(block.data)
        self._end_seen = -1
        if self._held_bytes > self._source.buffer_bytes_max and not self._paused:
            self._source.consumer.pause([self._assigned])
            self._paused = True

    def reached(self, offset: int) -> None:
        """Note that the partition ended at an offset, after what was kept."""
        self._end_seen = offset

    def gap(self, cause: str) -> StateError:
        """Return the error for an offset that the log does not hold."""
        try:
            low, high = self._log_holds(_ASK_TIMEOUT_S)
        except RiverguardError as error:
            return self._refusal(self._next, f"cannot be asked: {error.message}", cause)
        return self._refusal(self._next, _holds(low, high), cause)

    def _take(self) -> RawBlock:
        block = self._held.popleft()
        self._held_bytes -= len(block.data)
        assert block.offsets is not None
        self._next = int(block.offsets[-1]) + 1
        if self._paused and self._held_bytes * 2 <= self._source.buffer_bytes_max:
            self._source.consumer.resume([self._assigned])
            self._paused = False
        return block

    def _resume(self, position: Position, low: int, high: int) -> int:
        offset = position.get("record", -1)
        if offset < 0:
            raise StateError(
                f"not a position in a Kafka topic: {dict(position)}",
                hint="the state belongs to another source; start with an empty state directory",
            )
        if offset < low:
            cause = "retention has deleted what was not read yet"
        elif offset > high:
            cause = "the topic was made anew, or its log was cut"
        else:
            return offset
        raise self._refusal(offset, _holds(low, high), cause)

    def _refusal(self, offset: int, holds: str, cause: str) -> StateError:
        return StateError(
            f"cannot go on at offset {offset} of partition {self._partition} of the topic "
            f"{self._source.topic}: its log {holds} ({cause})",
            hint="records may be lost: bring them back, or start with an empty state directory, "
            "which reads what the log still holds",
        )

    def _log_holds(self, timeout_s: float) -> tuple[int, int]:
        """Return the first offset of the log, and the offset after its last stable record."""
        source = self._source
        try:
            found = source.consumer.get_watermark_offsets(self._assigned, timeout=timeout_s)
        except KafkaException as error:
            raise explain(error.args[0], source.config, source.topic) from error
        return found


def _holds(low: int, high: int) -> str:
    return f"holds {low} to {high - 1} now" if low < high else f"is empty at {low} now"
