"""The windows of one space in one shard: its arrays, how they grow, how they are saved."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.compiled import straight
from models.errors import CapacityError
from models.features.buckets import run_buckets
from models.features.engine import (
    ARENA_FULL,
    DONE,
    EVIDENCE_FULL,
    EVIDENCE_WORDS,
    ROWS_FULL,
    Answers,
    run_space,
)
from models.features.graph import run_graph
from models.features.graph_layout import WORK_WORDS
from models.features.layout import (
    ARENA_USED,
    COUNTERS,
    F_READ,
    ROWS_USED,
    S_CAP,
    S_GRAIN,
    S_WORDS,
    Plan,
    Read,
    Store,
)
from models.features.messages import SpaceAnswer
from models.features.plan import GRAPH
from models.features.prefetch import AHEAD
from models.features.table import fill_table

_run_space, _run_buckets, _run_graph = map(straight, (run_space, run_buckets, run_graph))

ENTITIES_MAX: Final = 1 << 26
ARENA_WORDS_MAX: Final = 1 << 34
EVENTS_WITH_EVIDENCE: Final = 256
"""Room for the evidence of about so many entries; when it is full it is emptied."""
_FIRST_ROWS = 64
_FIRST_WORDS = 4096


class SpaceState:
    """Update and read the entities of one space in one shard.

    Parameters
    ----------
    plan
        The space's arrays.
    before_groups
        Bit mask of read groups that exclude the current event.
    name
        For messages: the space's key columns.
    """

    def __init__(self, plan: Plan, before_groups: int, name: str) -> None:
        self.plan = plan
        self.name = name
        self._before = before_groups
        grain, is_graph = int(plan.sizes[S_GRAIN]), plan.sizes[S_GRAIN] == GRAPH
        self._run = _run_graph if is_graph else _run_buckets if grain else _run_space
        self._work = np.zeros(WORK_WORDS if is_graph else AHEAD, np.int64)
        self._found, self._why = np.zeros(2, np.int64), np.zeros(1, np.int64)
        self._evidence = np.empty((4 * plan.features.shape[0] + 16, EVIDENCE_WORDS), np.int64)
        self._no_evidence = self._evidence[:0]
        looks = np.isin(plan.features[:, F_READ], (Read.MEDIAN, Read.MAD, Read.TOP_SHARE)).any()
        room = int(plan.sizes[S_CAP]) + 1 if looks and not grain else 1
        self._room = np.empty(max(room, plan.steps.shape[0]))
        words = int(plan.sizes[S_WORDS])
        self._set(
            np.zeros(2 * _FIRST_ROWS, np.uint64),
            np.zeros((_FIRST_ROWS + 1, words), np.int64),
            np.zeros(_FIRST_WORDS, np.int64),
            np.zeros(COUNTERS, np.int64),
        )

    def _set(
        self,
        table: NDArray[np.uint64],
        rows: NDArray[np.int64],
        arena: NDArray[np.int64],
        counters: NDArray[np.int64],
    ) -> None:
        self.store = Store(
            table, rows, rows.view(np.float64), arena, arena.view(np.float64),
            counters,
        )  # fmt: skip

    @property
    def entities(self) -> int:
        """How many entities are known."""
        return int(np.count_nonzero(self.store.table))

    def run(self, entries: NDArray[np.int64]) -> SpaceAnswer:
        """Apply entries in order; the answers are theirs, in their order.

        Raises
        ------
        CapacityError
            When a table would outgrow its limit; nothing of the failing entry is applied.
        """
        n, features = entries.shape[0], self.plan.features.shape[0]
        assert entries.flags.c_contiguous
        if self._evidence.shape[0] < min(n, EVENTS_WITH_EVIDENCE):
            self._evidence = np.empty((4 * features + n, EVIDENCE_WORDS), np.int64)
        values = np.empty((n, features))
        values.fill(np.nan)
        truncated = np.zeros(n, np.bool_)
        kept: list[NDArray[np.int64]] = []
        found, why, at = self._found, self._why, 0
        answers = Answers(
            values, values.view(np.int64), truncated, self._evidence, found, self._room
        )
        while True:
            found[0] = 0
            at = self._run(
                self.store, self.plan, entries, at, self._before, answers,
                self.store.rows.reshape(-1), self._work, why,
            )  # fmt: skip
            if found[0]:
                kept.append(self._evidence[: found[0]].copy())
            if why[0] == DONE:
                break
            if why[0] != EVIDENCE_FULL:
                self._grow(int(why[0]))
        named = np.concatenate(kept) if kept else self._no_evidence
        return SpaceAnswer(entries[:, 0].copy(), values, truncated, named)

    def _grow(self, why: int) -> None:
        """Double what is full. Doubling keeps the total copying linear in the final size."""
        store = self.store
        if why == ROWS_FULL:
            if store.rows.shape[0] > ENTITIES_MAX:
                raise CapacityError(
                    f"over {ENTITIES_MAX} entities by {self.name} in one shard",
                    hint="raise the number of shards",
                )
            rows = np.zeros((2 * store.rows.shape[0] - 1, store.rows.shape[1]), np.int64)
            rows[: store.rows.shape[0] - 1] = store.rows[:-1]
            table = _hashed(rows, int(store.counters[ROWS_USED]))
            self._set(table, rows, store.arena, store.counters)
        elif why == ARENA_FULL:
            if store.arena.shape[0] > ARENA_WORDS_MAX:
                raise CapacityError(
                    f"over {8 * ARENA_WORDS_MAX >> 30} GiB of events by {self.name} in one shard",
                    hint="raise the number of shards or lower the event cap",
                )
            arena = np.zeros(2 * store.arena.shape[0], np.int64)
            arena[: store.arena.shape[0]] = store.arena
            self._set(store.table, store.rows, arena, store.counters)

    def save(self) -> dict[str, NDArray[np.int64]]:
        """The used part of the arrays, copied; a state that loads it goes on bit by bit."""
        used = int(self.store.counters[ROWS_USED])
        return {
            "rows": self.store.rows[:used].copy(),
            "arena": self.store.arena[: int(self.store.counters[ARENA_USED])].copy(),
            "counters": self.store.counters.copy(),
        }

    def load(self, saved: dict[str, NDArray[np.int64]]) -> None:
        """Take over what `save` gave."""
        used, counters = saved["rows"].shape[0], saved["counters"].copy()
        size = _FIRST_ROWS
        while size < used + 1:
            size *= 2
        rows = np.zeros((size + 1, saved["rows"].shape[1]), np.int64)
        rows[:used] = saved["rows"]
        words = _FIRST_WORDS
        while words < saved["arena"].shape[0]:
            words *= 2
        arena = np.zeros(words, np.int64)
        arena[: saved["arena"].shape[0]] = saved["arena"]
        self._set(_hashed(rows, used), rows, arena, counters)


def _hashed(rows: NDArray[np.int64], used: int) -> NDArray[np.uint64]:
    table = np.zeros(2 * (rows.shape[0] - 1), np.uint64)
    fill_table(rows, used, table)
    return table
