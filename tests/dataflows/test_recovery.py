"""The scrub: a half-committed epoch of the engine's own store must not poison a resume."""

import sqlite3
from contextlib import closing

from dataflows.recovery import open_recovery, resume_epoch, scrub


def test_rows_of_an_epoch_that_never_committed_are_deleted(tmp_path):
    open_recovery(tmp_path)
    (path,) = tmp_path.glob("*.sqlite3")
    with closing(sqlite3.connect(path)) as store:
        columns = [row[1] for row in store.execute("pragma table_info(exs)")]
        row = {"ex_num": 3, "worker_count": 1, "resume_epoch": 5, "cluster_id": ""}
        names = [name for name in columns if name in row]
        marks = ",".join("?" for _ in names)
        store.execute(
            f"insert into exs ({','.join(names)}) values ({marks})",  # noqa: S608 - our names
            [row[name] for name in names],
        )
        store.execute("insert into fronts (ex_num, worker_index, worker_frontier) values (3, 0, 9)")
        for epoch in (7, 8, 9, 10):
            store.execute(
                "insert into snaps (step_id, state_key, snap_epoch, ser_change)"
                " values ('score.windows', 's0000.0', ?, x'00')",
                (epoch,),
            )
        store.commit()

    assert resume_epoch(tmp_path) == 9
    assert scrub(tmp_path) == 2
    with closing(sqlite3.connect(path)) as store:
        left = [row[0] for row in store.execute("select snap_epoch from snaps order by 1")]
    assert left == [7, 8]


def test_a_new_store_begins_with_the_first_epoch(tmp_path):
    open_recovery(tmp_path)

    assert resume_epoch(tmp_path) == 1
    assert scrub(tmp_path) == 0
