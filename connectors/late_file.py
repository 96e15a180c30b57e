"""Late events as JSON lines: good events that came after the watermark, for reprocessing."""

from collections.abc import Sequence
from pathlib import Path

from connectors.offset_file import OffsetFile
from models.records import LateEvent


class LateFile:
    r"""Append one line per late event: partition, offset, late_by_ms, raw.

    Exactly one line per (partition, offset), over crashes and replays: events of a partition
    come in the order of their offsets, and one at or below the highest in the file is refused.
    Events of another run's input need a file of their own.

    Raises
    ------
    ConfigError
        The file cannot be opened, or another sink writes to it.
    StateError
        The file holds something else.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "late.ndjson")
    >>> sink = LateFile(path)
    >>> sink.write([LateEvent(0, 7, 61_000, b"{}")])
    >>> sink.flush()
    >>> sink.close()
    >>> path.read_bytes()
    b'{"partition":0,"offset":7,"late_by_ms":61000,"raw":"{}"}\n'
    """

    def __init__(self, path: Path) -> None:
        self._file = OffsetFile(path)

    @property
    def written(self) -> int:
        """Events appended since opening."""
        return self._file.written

    @property
    def refused(self) -> int:
        """Events recognised as a replay since opening."""
        return self._file.refused

    def write(self, items: Sequence[LateEvent]) -> None:
        """Add events; DeliveryError when the disk fails."""
        for item in items:
            fields = {"late_by_ms": item.late_by_ms}
            self._file.append(item.partition, item.offset, fields, item.raw)

    def flush(self) -> None:
        """Return when every event is on disk, else raise DeliveryError."""
        self._file.flush()

    def close(self) -> None:
        """Close without flushing: what came after the last flush is lost, as in a crash."""
        self._file.close()
