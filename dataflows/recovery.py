"""Bytewax's own recovery store: made once, scrubbed before every start.

Rows of an epoch that was being closed when the process died stay in the store; epoch numbers are
used again, so such a row could later pass for the newest of its key and poison a resume. They
are deleted before the engine looks.
"""

import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bytewax.recovery import RecoveryConfig, init_db_dir

from dataflows.segments import files_of

PARTITIONS: Final = 1


def open_recovery(directory: Path) -> RecoveryConfig:
    """Make or scrub the recovery store of a deployment."""
    if not list(directory.glob("*.sqlite3")):
        directory.mkdir(parents=True, exist_ok=True)
        init_db_dir(directory, PARTITIONS)
    else:
        scrub(directory)
    return RecoveryConfig(str(directory))


def resume_epoch(directory: Path) -> int:
    """The epoch that the next execution begins with."""
    executions: list[tuple[int, int, int]] = []
    fronts: list[tuple[int, int, int]] = []
    for path in directory.glob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as store:
            executions += store.execute("select ex_num, worker_count, resume_epoch from exs")
            fronts += store.execute("select ex_num, worker_index, worker_frontier from fronts")
    if not executions:
        return 1
    execution, workers, start = max(executions)
    reached = dict.fromkeys(range(workers), start)
    for number, worker, frontier in fronts:
        if number == execution:
            reached[worker] = max(reached.get(worker, 0), frontier)
    return min(reached.values())


def scrub(directory: Path) -> int:
    """Delete rows of epochs that never committed; how many there were."""
    epoch, deleted = resume_epoch(directory), 0
    for path in directory.glob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as store:
            deleted += store.execute("delete from snaps where snap_epoch >= ?", (epoch,)).rowcount
            store.commit()
    return deleted


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One row of the recovery store.

    Attributes
    ----------
    step, key
        Whose state.
    epoch
        When it was taken.
    state
        A manifest, a position, or what a sink keeps; None where the key was discarded.
    """

    step: str
    key: str
    epoch: int
    state: Any


def snapshots(directory: Path) -> Iterator[Snapshot]:
    """Every row of the store, oldest epoch first."""
    for path in sorted(directory.glob("*.sqlite3")):
        with closing(sqlite3.connect(path)) as store:
            rows = store.execute(
                "select step_id, state_key, snap_epoch, ser_change from snaps order by snap_epoch"
            )
            for step, key, epoch, raw in rows:
                # our own file: whoever can write it can also replace our code
                yield Snapshot(step, key, epoch, pickle.loads(raw) if raw else None)  # noqa: S301


def put(store: sqlite3.Connection, where: tuple[str, str, int], state: Any) -> None:
    """Write a row: (step, key, epoch) and its state."""
    store.execute(
        "insert or replace into snaps (step_id, state_key, snap_epoch, ser_change)"
        " values (?, ?, ?, ?)",
        (*where, pickle.dumps(state)),
    )


def is_manifest(state: Any) -> bool:
    """Whether a snapshot is a component's, not a source's or a sink's."""
    return isinstance(state, dict) and "logs" in state


def sweep(directory: Path, state: Path) -> int:
    """Delete segments that no snapshot names; only while no process runs. How many."""
    named: set[str] = set()
    for snapshot in snapshots(directory):
        manifest = snapshot.state
        if is_manifest(manifest):
            named |= files_of(manifest)
    found = [path for path in state.glob("*-*.*") if path.suffix in {".log", ".base"}]
    unnamed = [path for path in found if path.name not in named]
    for path in unnamed:
        path.unlink()
    return len(unnamed)
