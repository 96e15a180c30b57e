"""Bring the state of older versions to the present format, once, before a start.

Format 1 had one source part per partition and one part per sink, and intake did not keep the
offset up to which it had judged.
"""

import pickle
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dataflows.recovery import is_manifest, put
from dataflows.segments import FORMAT

_PARTITION_DIGITS: Final = 6
OLD_INTAKE: Final = 1
"""Marks, behind a place, a log of intake without offsets."""


def migrate(recovery: Path, shards: int) -> bool:
    """Rewrite the snapshots of format 1; whether there were any."""
    found = False
    for path in sorted(recovery.glob("*.sqlite3")):
        with closing(sqlite3.connect(path)) as store:
            found = _migrate(store, shards) or found
            store.commit()
    return found


def _migrate(store: sqlite3.Connection, shards: int) -> bool:
    rows = store.execute("select step_id, state_key, snap_epoch, ser_change from snaps").fetchall()
    states: dict[tuple[str, str, int], Any] = {
        row[:3]: pickle.loads(row[3]) if row[3] else None  # noqa: S301 - our own file
        for row in rows
    }
    old = any(is_manifest(state) and state["format"] == 1 for state in states.values())
    if not old:
        return False
    lanes: dict[tuple[str, str, int], dict[int, Any]] = {}
    for (step, key, epoch), state in states.items():
        if is_manifest(state):
            put(store, (step, key, epoch), _renewed(state))
        elif step == "score.source" and len(key) == _PARTITION_DIGITS:
            lane = f"{int(key) % shards:04d}"
            lanes.setdefault((step, lane, epoch), {})[int(key)] = state
            _drop(store, (step, key, epoch))
        else:
            _drop(store, (step, key, epoch))  # the one part of a sink, which kept nothing
    for where, positions in lanes.items():
        put(store, where, positions)
    return True


def _renewed(manifest: dict[str, Any]) -> dict[str, Any]:
    logs = manifest["logs"]
    if manifest["key"].startswith("intake-"):
        logs = [[*place, OLD_INTAKE] for place in logs]
    return {**manifest, "format": FORMAT, "logs": logs}


def _drop(store: sqlite3.Connection, where: tuple[str, str, int]) -> None:
    store.execute("delete from snaps where step_id = ? and state_key = ? and snap_epoch = ?", where)


def renewed_log(place: Sequence[Any], chunks: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """A log's chunks in the present form."""
    if len(place) == 4 or place[4] != OLD_INTAKE:
        return chunks
    # offset 0: the source goes on exactly where it was, so nothing is read twice
    return [np.concatenate([chunk[:1], np.zeros(1, np.int64), chunk[1:]]) for chunk in chunks]
