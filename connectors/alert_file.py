"""Alerts as JSON lines: one line per alert, one more each time its repeats have grown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from connectors.append_file import AppendFile
from models.records import Alert, Repeat

_REPEAT_TYPE = "riverguard.repeat.v1"


class AlertFile:
    r"""Append each alert's content once, and each repeat that raises its alert's count.

    Exactly one line per alert id, over crashes and replays: the ids in the file are read when it
    is opened (about 0.1 kB of memory each) and refused afterwards, the first write wins.

    Parameters
    ----------
    path
        Created when missing; its directory must exist.

    Attributes
    ----------
    written, refused
        Lines since opening: appended, and recognised as a replay.

    Raises
    ------
    ConfigError
        The file cannot be opened, or another sink writes to it.
    StateError
        The file holds something else.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "alerts.ndjson")
    >>> sink = AlertFile(path)
    >>> sink.write([Repeat("a1", repeats=2, last_ms=9), Repeat("a1", repeats=2, last_ms=9)])
    >>> sink.flush()
    >>> sink.close()
    >>> path.read_bytes()
    b'{"type":"riverguard.repeat.v1","id":"a1","repeats":2,"last_ms":9}\n'
    """

    def __init__(self, path: Path) -> None:
        self.written = 0
        self.refused = 0
        self._ids: set[str] = set()
        self._repeats: dict[str, int] = {}
        self._file = AppendFile(path, self._remember)

    def write(self, items: Sequence[Alert | Repeat]) -> None:
        """Add alerts and repeats; DeliveryError when the disk fails."""
        for item in items:
            if isinstance(item, Alert):
                known = item.id in self._ids
                # The file knows an alert by its content when it is opened again.
                assert item.content["id"] == item.id, (item.content["id"], item.id)
                content = item.content
            else:
                known = item.repeats <= self._repeats.get(item.id, 0)
                content = {
                    "type": _REPEAT_TYPE,
                    "id": item.id,
                    "repeats": item.repeats,
                    "last_ms": item.last_ms,
                }
            if known:
                self.refused += 1
                continue
            self._file.append(orjson.dumps(content, default=dict))
            self._remember(content)
            self.written += 1

    def flush(self) -> None:
        """Return when every line is on disk, else raise DeliveryError."""
        self._file.flush()

    def close(self) -> None:
        """Close without flushing: what came after the last flush is lost, as in a crash."""
        self._file.close()

    def _remember(self, content: Any) -> None:
        if not content["type"].startswith("riverguard."):
            raise ValueError(content["type"])
        if content["type"] == _REPEAT_TYPE:
            self._repeats[content["id"]] = int(content["repeats"])
        else:
            self._ids.add(content["id"])
