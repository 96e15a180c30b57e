"""Dead letters as JSON lines: what could not become an event, where it stood, and why."""

from collections.abc import Sequence
from pathlib import Path

from connectors.offset_file import OffsetFile
from models.records import DeadLetter


class DeadLetterFile:
    """Append one line per dead letter: partition, offset, code, reason, length, sha256, raw.

    Exactly one line per (partition, offset), over crashes and replays: letters of a partition
    come in the order of their offsets, and one at or below the highest in the file is refused.
    Letters of another run's input need a file of their own.

    Raises
    ------
    ConfigError
        The file cannot be opened, or another sink writes to it.
    StateError
        The file holds something else.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "dead.ndjson")
    >>> sink = DeadLetterFile(path)
    >>> sink.write([DeadLetter(0, 7, "bad_json", "no closing brace", b"{", 1, "021f")])
    >>> sink.flush()
    >>> sink.close()
    >>> path.read_bytes()[:48]
    b'{"partition":0,"offset":7,"code":"bad_json","rea'
    """

    def __init__(self, path: Path) -> None:
        self._file = OffsetFile(path)

    @property
    def written(self) -> int:
        """Letters appended since opening."""
        return self._file.written

    @property
    def refused(self) -> int:
        """Letters recognised as a replay since opening."""
        return self._file.refused

    def write(self, items: Sequence[DeadLetter]) -> None:
        """Add letters; DeliveryError when the disk fails."""
        for item in items:
            fields = {
                "code": item.code,
                "reason": item.reason,
                "length": item.length,
                "sha256": item.sha256,
            }
            self._file.append(item.partition, item.offset, fields, item.raw)

    def flush(self) -> None:
        """Return when every letter is on disk, else raise DeliveryError."""
        self._file.flush()

    def close(self) -> None:
        """Close without flushing: what came after the last flush is lost, as in a crash."""
        self._file.close()
