"""Segments: immutable files of named arrays, written once, fsynced, and checked when read."""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dataflows.sealing import Sealer, open_piece
from models.errors import DeliveryError, StateError

Place = list[Any]
"""[file name, first byte, length, CRC-32] of a piece, as JSON and pickle keep it."""
Manifest = dict[str, Any]

FORMAT: Final = 2
"""1: one part per partition, intake without offsets. 2: lanes, holds, offsets in intake."""


def files_of(manifest: Manifest) -> set[str]:
    """Names of the segments that a manifest needs."""
    return {place[0] for place in pieces_of(manifest)}


def pieces_of(manifest: Manifest) -> list[Place]:
    """The base, if any, then the logs in order."""
    return [*([manifest["base"]] if manifest["base"] else []), *manifest["logs"]]


class Segments:
    """A directory of segments.

    Parameters
    ----------
    directory
        Made if absent.
    sealer
        Encrypts what is written; None writes in clear.
    """

    def __init__(self, directory: Path, sealer: Sealer | None = None) -> None:
        self.directory, self._sealer = directory, sealer
        directory.mkdir(parents=True, exist_ok=True)

    def pack(self, arrays: Mapping[str, NDArray[Any]], key: str) -> bytes:
        """Arrays as one piece: a JSON head with names, types and shapes, then the data."""
        kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        head = json.dumps([[n, a.dtype.str, list(a.shape)] for n, a in kept.items()]).encode()
        size = len(head).to_bytes(8, "little")
        raw = b"".join([size, head, *(a.tobytes() for a in kept.values())])
        return self._sealer.seal(raw, key) if self._sealer else raw

    def write(self, name: str, pieces: Sequence[bytes]) -> None:
        """Write a new segment; return when it and its name are on disk.

        Raises
        ------
        DeliveryError
            The disk is full or failed.
        """
        path = self.directory / name
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640)
            try:
                for piece in pieces:
                    view = memoryview(piece)
                    while view:
                        view = view[os.write(descriptor, view) :]
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            folder = os.open(self.directory, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise DeliveryError(
                f"cannot write state to {path}: {error.strerror}",
                hint="free space or fix permissions, then start again: nothing is lost",
            ) from error

    def write_alone(self, name: str, arrays: Mapping[str, NDArray[Any]], key: str) -> Place:
        """Write arrays as a new segment's only piece; return where it is."""
        raw = self.pack(arrays, key)
        self.write(name, [raw])
        return [name, 0, len(raw), zlib.crc32(raw)]

    def read(self, place: Sequence[Any], key: str) -> dict[str, NDArray[Any]]:
        """The arrays of one piece, copied.

        Raises
        ------
        StateError
            The piece is missing or damaged, or its key is.
        """
        name, at, length, checksum = place[:4]
        path = self.directory / name
        try:
            with path.open("rb") as file:
                file.seek(at)
                raw = file.read(length)
        except OSError as error:
            raise StateError(
                f"state of {key} is missing: {path}: {error.strerror}",
                hint="restore the state directory from a backup",
            ) from error
        if len(raw) != length or zlib.crc32(raw) != checksum:
            raise StateError(
                f"state of {key} is damaged: {path} at {at}",
                hint="restore the state directory from a backup",
            )
        return _unpacked(open_piece(self._sealer, raw, key))


def _unpacked(raw: bytes) -> dict[str, NDArray[Any]]:
    size = int.from_bytes(raw[:8], "little")
    at = 8 + size
    arrays = {}
    for name, dtype, shape in json.loads(raw[8:at]):
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(raw, dtype, count, at).reshape(shape).copy()
        at += arrays[name].nbytes
    return arrays
