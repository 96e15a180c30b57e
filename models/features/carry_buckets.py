"""From one plan of a space with a grain to another: buckets keep the cells that both have."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.carry import slots_of
from models.features.cells import null_of
from models.features.layout import (
    ARENA_USED,
    BASE,
    BUCKET_CELL_WORDS,
    C_HOLDS,
    C_KIND,
    C_WORD,
    CAPACITY,
    FREE_BLOCKS,
    KEY,
    REFERENCE,
    ROWS_USED,
    S_STRIDE,
    TIME,
    BucketCell,
    Holds,
)
from models.features.state import SpaceState

_WITHOUT_EVENTS: Final = {BucketCell.MAX, BucketCell.MIN, BucketCell.FIRST}


def carry_buckets(old: SpaceState, new: SpaceState, cells: Sequence[int | None]) -> None:
    """Give every bucket of an old space to a new one with the same grain, which is empty.

    `cells` names per new cell the old one; None leaves it as in a bucket without events.
    """
    rows = old.store.rows[: int(old.store.counters[ROWS_USED])].copy()
    stride, before = int(new.plan.sizes[S_STRIDE]), int(old.plan.sizes[S_STRIDE])
    # the rows of forgotten entities own no block; their BASE links them
    owners = np.flatnonzero(rows[:, KEY] != 0)
    sizes = rows[owners, CAPACITY] * stride
    bases = np.cumsum(sizes) - sizes
    owner, slot = slots_of(rows[owners])
    source, goal = rows[owners[owner], BASE] + slot * before, bases[owner] + slot * stride
    arena = np.zeros(int(sizes.sum()), np.int64)
    for word in (TIME, REFERENCE):
        arena[goal + word] = old.store.arena[source + word]
    for cell, kept in enumerate(cells):
        word = int(new.plan.cells[cell, C_WORD])
        kind = BucketCell(int(new.plan.cells[cell, C_KIND]))
        if kept is None:
            if kind in _WITHOUT_EVENTS:
                arena[goal + word] = _empty(kind, int(new.plan.cells[cell, C_HOLDS]))
            continue
        first = int(old.plan.cells[kept, C_WORD])
        for place in range(BUCKET_CELL_WORDS[kind]):
            arena[goal + word + place] = old.store.arena[source + first + place]
    rows[owners, BASE] = bases
    counters: NDArray[np.int64] = old.store.counters.copy()
    counters[FREE_BLOCKS:] = 0
    counters[ARENA_USED] = arena.shape[0]
    new.load({"rows": rows, "arena": arena, "counters": counters})


def _empty(kind: BucketCell, holds: int) -> int:
    # FIRST keeps the time of what is not there yet, whatever it holds
    return int(null_of(Holds.TIME if kind is BucketCell.FIRST else holds))
