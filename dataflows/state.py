"""The incremental state store: what changed in an epoch, in one immutable file, before it commits.

Bytewax snapshots only *manifests*: which files, at which offsets, with which checksums, make up a
component's state. At the first snapshot of an epoch close everything that changed is appended to
one new segment and fsynced; so the cost of a commit follows the epoch's events. Now and then a
component's whole state is written as a base, in the background. Because an epoch can only close
after the one before it is durable, only the last two manifests can ever be resumed from: files
that neither names are deleted.
"""

import threading
import uuid
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from numpy.typing import NDArray

from dataflows.migration import renewed_log
from dataflows.sealing import Sealer
from dataflows.segments import FORMAT, Manifest, Segments, files_of
from models.errors import StateError

MANIFESTS_KEPT: Final = 2
LOGS_MAX: Final = 240
"""Logs in a manifest before a base replaces them: two minutes of half-second epochs."""
LOG_BYTES_MAX: Final = 64 << 20
"""Bytes of logs before a base replaces them, unless the base itself is larger."""


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


def restore(segments: Segments, manifest: Manifest, component: Component) -> None:
    """Bring a new component to the state that a manifest names.

    Raises
    ------
    StateError
        When a file is missing or damaged, or of another format.
    """
    key = manifest["key"]
    if manifest.get("format") != FORMAT:
        raise StateError(
            f"state of {key} has format {manifest.get('format')}, this is {FORMAT}",
            hint="run the version that wrote it, or start with a new state directory",
        )
    if manifest["base"]:
        component.load(segments.read(manifest["base"], key))
    for log in manifest["logs"]:
        component.replay(renewed_log(log, list(segments.read(log, key).values())))


@dataclass(slots=True)
class _Entry:
    """One component's place in the store."""

    component: Component
    manifest: Manifest
    history: deque[Manifest] = field(default_factory=lambda: deque(maxlen=MANIFESTS_KEPT))
    base_job: Future[list[Any]] | None = None
    logs_at_base: int = 0
    dirty: bool = False


class StateStore:
    """All components of one process.

    Parameters
    ----------
    directory
        Where the files live; made if absent.
    alone
        Whether no other process keeps state there: then whatever no manifest names is deleted,
        else only what this process wrote, and bases of components that it took over.
    sealer
        Encrypts what is written; None writes in clear.
    """

    def __init__(
        self, directory: Path, *, alone: bool = True, sealer: Sealer | None = None
    ) -> None:
        self._segments, self._alone = Segments(directory, sealer), alone
        # unique per start, so a stale manifest meets no file instead of the wrong one
        self._start = uuid.uuid4().hex[:8]
        self._number = 0
        self._entries: dict[str, _Entry] = {}
        self._inherited: set[str] = set()
        self._lock = threading.Lock()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="state-base")
        self._commits = 0

    def attach(self, key: str, component: Component, manifest: Manifest | None) -> None:
        """Register a component; with a manifest, bring it to the state that it names.

        Raises
        ------
        StateError
            When a file is missing or damaged, or of another format.
        """
        if manifest is None:
            manifest = {"format": FORMAT, "key": key, "base": None, "logs": []}
        else:
            restore(self._segments, manifest, component)
            component.take_log()
            if manifest["base"]:
                # a base is one component's; logs hold pieces of several, which others may need
                self._inherited.add(manifest["base"][0])
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
        entry = self._entries[key]
        # only what the engine was given can be resumed from, however often it was written
        entry.history.append(entry.manifest)
        return entry.manifest

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
                named = {str(number): chunk for number, chunk in enumerate(chunks)}
                raw = self._segments.pack(named, entry.manifest["key"])
                logs.append([name, at, len(raw), zlib.crc32(raw)])
                pieces.append(raw)
                at += len(raw)
            entry.manifest = {**entry.manifest, "logs": logs}
        if pieces:
            self._segments.write(name, pieces)
        for entry in dirty:
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
        entry.base_job = self._background.submit(
            self._segments.write_alone, name, saved, entry.manifest["key"]
        )

    def _name(self, kind: str) -> str:
        with self._lock:
            self._number += 1
            return f"{self._number:09d}-{self._start}.{kind}"

    def _sweep(self) -> None:
        """Delete files that no manifest which may still be resumed from names.

        Not at the first commit: until then a component may still be on its way to `attach`.
        """
        self._commits += 1
        if self._commits == 1:
            return
        kept = {
            name
            for entry in self._entries.values()
            for manifest in (*entry.history, entry.manifest)
            for name in files_of(manifest)
        }
        for path in self._segments.directory.iterdir():
            number, _, rest = path.name.partition("-")
            if path.name in kept or not number.isdigit() or not rest:
                continue
            ours = rest.startswith(self._start) or path.name in self._inherited
            if not self._alone and not ours:
                continue
            in_flight = path.suffix == ".base" and any(e.base_job for e in self._entries.values())
            if not in_flight:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Wait for a base that is being written."""
        self._background.shutdown(wait=True)
