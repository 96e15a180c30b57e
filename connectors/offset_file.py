"""A file of records that each stand at an offset of a partition: none twice, after any replay."""

import base64
from pathlib import Path
from typing import Any

import orjson

from connectors.append_file import AppendFile


class OffsetFile:
    """Append records whose offsets rise within their partition.

    A record at or below the highest offset its partition has in the file was written before and
    is refused. So a run from the start over other input needs a new file.

    Attributes
    ----------
    written, refused
        Records since opening: appended, and recognised as a replay.

    Raises
    ------
    ConfigError, StateError
        As `AppendFile`.
    """

    def __init__(self, path: Path) -> None:
        self.written = 0
        self.refused = 0
        self._highest: dict[int, int] = {}
        self._file = AppendFile(path, self._remember)

    def append(self, partition: int, offset: int, fields: dict[str, Any], raw: bytes) -> None:
        """Add one record unless the file has it.

        Raises
        ------
        DeliveryError
            As `AppendFile.append`.
        """
        if offset <= self._highest.get(partition, -1):
            self.refused += 1
            return
        place = {"partition": partition, "offset": offset}
        self._file.append(orjson.dumps(place | fields | encode_raw(raw)))
        self._highest[partition] = offset
        self.written += 1

    def flush(self) -> None:
        """Return when every record is on disk.

        Raises
        ------
        DeliveryError
            As `AppendFile.flush`.
        """
        self._file.flush()

    def close(self) -> None:
        """Close without flushing."""
        self._file.close()

    def _remember(self, content: dict[str, Any]) -> None:
        partition, offset = int(content["partition"]), int(content["offset"])
        self._highest[partition] = max(offset, self._highest.get(partition, -1))


def encode_raw(raw: bytes) -> dict[str, str]:
    """Return a record's bytes as ``raw`` when they are UTF-8, else as ``raw_base64``.

    >>> encode_raw(b"abc"), encode_raw(bytes([255]))
    ({'raw': 'abc'}, {'raw_base64': '/w=='})
    """
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}
