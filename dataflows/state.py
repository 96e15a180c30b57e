"""The incremental state store: what changed in an epoch, in one immutable file, before it commits.

Bytewax snapshots only *manifests*: which files, at which offsets, with which checksums, make up a
component's state. At the first snapshot of an epoch close everything that changed is appended to
one new segment and fsynced; so the cost of a commit follows the epoch's events. Now and then a
component's whole state is written as a base, in the background. Because an epoch can only close
after the one before it is durable, only the last two manifests can ever be resumed from: files
that neither names are deleted.
"""

import json
import os
import threading
import uuid
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import DeliveryError, StateError

FORMAT: Final = 1
MANIFESTS_KEPT: Final = 2
LOGS_MAX: Final = 240
"""Logs in a manifest before a base replaces them: two minutes of half-second epochs."""
LOG_BYTES_MAX: Final = 64 << 20
"""Bytes of logs before a base replaces them, unless the base itself is larger."""

Manifest = dict[str, Any]


class Component(Protocol):
    """Anything whose state is a base and a log of what happened since.

    `whole` marks small states whose log is the state itself: only the newest log counts.
    """

    whole: bool

    def take_log(self) -> Sequence[NDArray[Any]]:
        """Chunks to replay, since the last call; the store writes and forgets them."""

    def replay(self, log: Sequence[NDArray[Any]]) -> None:
        """Apply chunks again, after `load`."""

    def save(self) -> dict[str, NDArray[Any]]:
        """The whole state, copied, so that it can be written while work goes on."""

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""


@dataclass(slots=True)
class _Entry:
    """One component's place in the store."""

    component: Component
    manifest: Manifest
    history: deque[Manifest] = field(default_factory=lambda: deque(maxlen=MANIFESTS_KEPT))
    base_job: Future[list[Any]] | None = None
    logs_at_base: int = 0
    dirty: bool = False


def _files(manifest: Manifest) -> set[str]:
    named = {log[0] for log in manifest["logs"]}
    return named | ({manifest["base"][0]} if manifest["base"] else set())


class StateStore:
    """All components of one process.

    Parameters
    ----------
    directory
        Where the files live; made if absent.
    alone
        Whether no other process keeps state there: then whatever no manifest names is deleted,
        else only what this process wrote.
    """

    def __init__(self, directory: Path, *, alone: bool = True) -> None:
        self._directory, self._alone = directory, alone
        directory.mkdir(parents=True, exist_ok=True)
        # unique per start, so a stale manifest meets no file instead of the wrong one
        self._start = uuid.uuid4().hex[:8]
        self._number = 0
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="state-base")
        self._commits = 0
        self.last_commit_bytes = 0

    def attach(self, key: str, component: Component, manifest: Manifest | None) -> None:
        """Register a component; with a manifest, bring it to the state that it names.

        Raises
        ------
        StateError
            When a file is missing or damaged, or of another format.
        """
        if manifest is None:
            manifest = {"format": FORMAT, "key": key, "base": None, "logs": []}
        elif manifest.get("format") != FORMAT:
            raise StateError(
                f"state of {key} has format {manifest.get('format')}, this is {FORMAT}",
                hint="run the version that wrote it, or start with a new state directory",
            )
        else:
            if manifest["base"]:
                component.load(_unpack(self._read(manifest["base"], key)))
            for log in manifest["logs"]:
                component.replay(list(_unpack(self._read(log, key)).values()))
            component.take_log()
        entry = _Entry(component, manifest)
        entry.history.append(manifest)
        self._entries[key] = entry

    def touch(self, key: str) -> None:
        """Note that a component has changed since the last commit."""
        self._entries[key].dirty = True

    def manifest(self, key: str) -> Manifest:
        """The component's state as of now; the first call of an epoch close commits them all."""
        if any(entry.dirty for entry in self._entries.values()):
            self._commit()
        return self._entries[key].manifest

    def _commit(self) -> None:
        dirty = [entry for entry in self._entries.values() if entry.dirty]
        pieces: list[bytes] = []
        at = 0
        name = self._name("log")
        for entry in dirty:
            chunks = entry.component.take_log()
            entry.dirty = False
            self._adopt_base(entry)
            logs = [] if entry.component.whole else list(entry.manifest["logs"])
            if chunks:
                raw = _pack({str(i): chunk for i, chunk in enumerate(chunks)})
                logs.append([name, at, len(raw), zlib.crc32(raw)])
                pieces.append(raw)
                at += len(raw)
            entry.manifest = {**entry.manifest, "logs": logs}
        if pieces:
            self._write(name, pieces)
        self.last_commit_bytes = at
        for entry in dirty:
            entry.history.append(entry.manifest)
            self._start_base(entry)
        self._sweep()

    def _adopt_base(self, entry: _Entry) -> None:
        """A finished base replaces the logs that it includes."""
        if entry.base_job is None or not entry.base_job.done():
            return
        base = entry.base_job.result()
        logs = entry.manifest["logs"][entry.logs_at_base :]
        entry.manifest = {**entry.manifest, "base": base, "logs": logs}
        entry.base_job = None

    def _start_base(self, entry: _Entry) -> None:
        logs = entry.manifest["logs"]
        held = sum(log[2] for log in logs)
        base = entry.manifest["base"][2] if entry.manifest["base"] else 0
        if entry.base_job or (len(logs) < LOGS_MAX and held < max(LOG_BYTES_MAX, base)):
            return
        if any(other.base_job for other in self._entries.values()):
            return  # one copy at a time: each is a pause
        saved, name = entry.component.save(), self._name("base")
        entry.logs_at_base = len(logs)
        entry.base_job = self._background.submit(self._write_base, name, saved)

    def _write_base(self, name: str, saved: dict[str, NDArray[Any]]) -> list[Any]:
        raw = _pack(saved)
        self._write(name, [raw])
        return [name, 0, len(raw), zlib.crc32(raw)]

    def _name(self, kind: str) -> str:
        with self._lock:
            self._number += 1
            return f"{self._number:09d}-{self._start}.{kind}"

    def _write(self, name: str, pieces: Sequence[bytes]) -> None:
        path = self._directory / name
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
            folder = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise DeliveryError(
                f"cannot write state to {path}: {error.strerror}",
                hint="free space or fix permissions, then start again: nothing is lost",
            ) from error

    def _read(self, place: Sequence[Any], key: str) -> bytes:
        name, at, length, checksum = place
        path = self._directory / name
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
        return raw

    def _sweep(self) -> None:
        """Delete files that no manifest which may still be resumed from names.

        Not at the first commit: until then a component may still be on its way to `attach`.
        """
        self._commits += 1
        if self._commits == 1:
            return
        kept = {name for e in self._entries.values() for m in e.history for name in _files(m)}
        for path in self._directory.iterdir():
            number, _, rest = path.name.partition("-")
            if path.name in kept or not number.isdigit() or not rest:
                continue
            if not self._alone and not rest.startswith(self._start):
                continue
            in_flight = path.suffix == ".base" and any(e.base_job for e in self._entries.values())
            if not in_flight:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Wait for a base that is being written."""
        self._background.shutdown(wait=True)


def _pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as one run of bytes: a JSON head with names, types and shapes, then the data."""
    kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    head = json.dumps([[n, a.dtype.str, list(a.shape)] for n, a in kept.items()]).encode()
    return b"".join([len(head).to_bytes(8, "little"), head, *(a.tobytes() for a in kept.values())])


def _unpack(raw: bytes) -> dict[str, NDArray[Any]]:
    """What `_pack` packed; the arrays are copies."""
    size = int.from_bytes(raw[:8], "little")
    at = 8 + size
    arrays = {}
    for name, dtype, shape in json.loads(raw[8:at]):
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(raw, dtype, count, at).reshape(shape).copy()
        at += arrays[name].nbytes
    return arrays
