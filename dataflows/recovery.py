"""Bytewax's own recovery store: made once, scrubbed before every start.

Rows of an epoch that was being closed when the process died stay in the store; epoch numbers are
used again, so such a row could later pass for the newest of its key and poison a resume. They
are deleted before the engine looks.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from bytewax.recovery import RecoveryConfig, init_db_dir

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
