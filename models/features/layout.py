"""How a space's plan and state are laid out in arrays.

A *space* is one entity key (say: account, over payments). Its state is a table key → row, one
row of int64 words per entity, and per row a block of an arena that holds the entity's events in
time order. Everything is a flat array, so that a snapshot is a memory copy.

    row     [key, base, capacity, first, end, clock, cut | four words per window | cells …]
    block   records [time, reference, filter mask, values …, links …] of `stride` words,
            then, one after the other, the columns of values that are only counted,
            then, in blocks from `INDEX_FROM` events on, a hash index per such column

`first` ≤ `tail` ≤ `head` ≤ `end` are slots of the block: a window holds [tail, head). What is
touched together lies together: most of the cost is waiting for memory.
"""

from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

# a row's words
KEY, BASE, CAPACITY, FIRST, END, CLOCK, CUT, WINDOWS = range(8)
# a window's words in the row: its slots, and when its oldest event and the next to enter happened
W_TAIL, W_HEAD, W_TAIL_TIME, W_HEAD_TIME, WINDOW_WORDS = range(5)
NEVER: Final = 1 << 62

# a block's columns: those below the stride are words of a record
TIME, REFERENCE, MASK, VALUES = range(4)
# a message entry's words; the values follow
ENTRY_ROW, ENTRY_KEY, ENTRY_TIME, ENTRY_REFERENCE, ENTRY_MASK, ENTRY_VALUES = range(6)
# the bits of ENTRY_ROW below the row's number
UPDATES: Final = 1
WANTS_EVIDENCE: Final = 2
GROUP_BITS: Final = 2
"""Bit of read group 0; a space has at most `GROUPS_MAX` read groups."""
GROUPS_MAX: Final = 13
UNDOES: Final = 1 << 15
"""The entry takes back the event whose id stands where its own would."""
ROW_SHIFT: Final = 16

# a space's counters
ROWS_USED, ROWS_FREE, ARENA_USED, HAND, NEWEST, ENTRIES, FORGOTTEN, FREE_BLOCKS = range(8)
BLOCK_SIZES: Final = np.array(
    [size for power in range(2, 20) for size in (1 << power, 3 << (power - 1))]
)
"""How many events a block can hold: steps of a third to a half, so little room is wasted."""
COUNTERS: Final = FREE_BLOCKS + BLOCK_SIZES.shape[0]

INDEX_FROM: Final = 64
"""Blocks of so many events find an earlier equal value by hash; smaller ones look through all."""

NO_SLOT: Final = -1


class Cell(IntEnum):
    """What a window keeps up to date as events enter and leave it."""

    COUNT = 0
    SUM_INT = 1
    SUM_FLOAT = 2
    SQUARES = 3
    MAX = 4
    MIN = 5
    DISTINCT = 6
    LAST = 7


CELL_WORDS: Final = np.array([1, 1, 2, 5, 2, 2, 1, 1])
"""MAX and MIN keep the slot and the value."""


class BucketCell(IntEnum):
    """What a bucket keeps up to date as events enter it; none of it ever leaves."""

    COUNT = 10
    SUM_INT = 11
    SUM_FLOAT = 12
    SQUARES = 13
    MAX = 14
    MIN = 15
    FIRST = 16


BUCKET_CELL_WORDS: Final = {
    BucketCell.COUNT: 1, BucketCell.SUM_INT: 1, BucketCell.SUM_FLOAT: 2, BucketCell.SQUARES: 5,
    BucketCell.MAX: 1, BucketCell.MIN: 1, BucketCell.FIRST: 2,
}  # fmt: skip
"""FIRST keeps when and what."""


class BucketRead(IntEnum):
    """How a feature's value follows from the buckets of its window.

    The last four take one value per bucket, of those that an event entered.
    """

    COUNT = 0
    SUM_MONEY = 1
    SUM_FLOAT = 2
    MEAN_MONEY = 3
    MEAN_FLOAT = 4
    STD = 5
    EXTREME = 6
    FIRST = 7
    NEW = 8
    PER_MEAN = 9
    PER_STD = 10
    PER_MAX = 11
    PER_MIN = 12


class Read(IntEnum):
    """How a feature's value follows from its cells."""

    COUNT = 0
    SUM_MONEY = 1
    SUM_FLOAT = 2
    MEAN_MONEY = 3
    MEAN_FLOAT = 4
    STD = 5
    EXTREME = 6
    DISTINCT = 7
    SHARE = 8
    LAST = 9
    SINCE = 10
    MEDIAN = 11
    SEQUENCE = 12
    MATCH = 13
    TOP_SHARE = 14
    EWM = 15
    MAD = 16


class Term(IntEnum):
    """How a match compares a value of an earlier event with the current one's."""

    SAME = 0
    DIFFERS = 1
    WITHIN_SHARE = 2
    WITHIN = 3
    NEAR_KM = 4
    BEYOND_KM = 5


class Start(IntEnum):
    """Where a window begins, besides its span; WHOLE ones reach to the end of their period."""

    SPAN = 0
    SESSION = 1
    SINCE = 2
    WHOLE = 3


class Holds(IntEnum):
    """What a block's value column holds."""

    MONEY = 0
    TIME = 1
    FLOAT = 2
    TEXT = 3


class Plan(NamedTuple):
    """One space's plan, for its kernels.

    Attributes
    ----------
    windows
        (windows, 5): span ms (periods before the current one, with a calendar), delay ms, calendar
        or −1, first cell, end of cells.
    calendar_at, calendar_starts
        Calendar → [from, to) in the starts of its periods, epoch ms.
    cells
        (cells, 5): `Cell`, value column, filter mask (0: every event), word in the row, `Holds`.
    distincts
        (columns counted, 4): value column, link column, filter mask, its hash index or −1 (event
        times need none: they are sorted).
    features
        (features, 8): `Read`, window, cell, second cell, history cell, least history, read group,
        distinct or −1. A sequence has no cells: its first step stands where the distinct does, and
        the number of its steps, which is also the least history, where that does. There stand
        as well a match's first term, how many are the largest of a top share, and the half-life
        (ms) of an EWM.
    columns
        (values,): the block column of each value of a message.
    bounds
        (features,): a value from here on carries evidence; NaN: never.
    steps
        (steps, 3): filter mask, times, within ms.
    sizes
        [columns, row words, event cap, lateness ms, horizon ms, life ms or −1, stride, hash
        indexes, grain ms]: events older than the horizon are no longer needed, entities quiet for
        longer than the life are forgotten. With a grain, records are buckets, not events: there are
        no windows, `cells` are of `BucketCell` and stand in the record, and `features` are
        (features, 8): `BucketRead`, span ms, cell, second cell, history cell, least history, read
        group, delay ms.
    terms
        (terms, 5): `Term`, value of a message, another (of a position) or −1, `Holds`, 1 for the
        last term of a match.
    tolerances
        (terms,): share, distance in the value's own units, or km.
    starts
        (windows, 2): `Start`, and its gap ms or its filter mask; empty where all are spans.
    undo
        [value of a message that is the event's id]; empty where events are never taken back.
    """

    windows: NDArray[np.int64]
    calendar_at: NDArray[np.int64]
    calendar_starts: NDArray[np.int64]
    cells: NDArray[np.int64]
    distincts: NDArray[np.int64]
    features: NDArray[np.int64]
    columns: NDArray[np.int64]
    bounds: NDArray[np.float64]
    sizes: NDArray[np.int64]
    steps: NDArray[np.int64]
    terms: NDArray[np.int64]
    tolerances: NDArray[np.float64]
    starts: NDArray[np.int64]
    undo: NDArray[np.int64]


NO_WINDOWS: Final = np.zeros((0, 5), np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)
"""The first three arrays of a plan without windows."""
NO_STEPS: Final[tuple[NDArray[Any], ...]] = (
    np.zeros((0, 3), np.int64), np.zeros((0, 5), np.int64), np.zeros(0),
    np.zeros((0, 2), np.int64), np.zeros(0, np.int64),
)  # fmt: skip
"""The arrays from `steps` on where no feature needs them; plans of early versions lack some."""

SPAN, DELAY, CALENDAR, CELLS_FROM, CELLS_TO = range(5)
C_KIND, C_COLUMN, C_FILTER, C_WORD, C_HOLDS = range(5)
D_COLUMN, D_LINK, D_FILTER, D_INDEX = range(4)
T_KIND, T_VALUE, T_OTHER, T_HOLDS, T_LAST = range(5)
F_READ, F_WINDOW, F_CELL, F_SECOND, F_HISTORY, F_LEAST, F_GROUP, F_DISTINCT = range(8)
B_SPAN, B_DELAY = F_WINDOW, F_DISTINCT
S_COLUMNS, S_WORDS, S_CAP, S_LATENESS, S_HORIZON, S_LIFE, S_STRIDE, S_INDEXES, S_GRAIN = range(9)

LARGEST_BITS: Final = 8
"""A top share has the number of its distinct and, in so many low bits, how many are the largest."""
EVIDENCE_MAX: Final = 50
"""Most contributing events that an answer names."""


class Store(NamedTuple):
    """One space's state in one shard, for its kernels.

    Attributes
    ----------
    table
        Open addressing, a power of two long: high half of the key, and row + 1; 0 is empty.
    rows, rows_float
        (rows, words) int64, and the same memory as float64.
    arena, arena_float
        The blocks, int64, and the same memory as float64.
    counters
        See `ROWS_USED` and its neighbours.
    """

    table: NDArray[np.uint64]
    rows: NDArray[np.int64]
    rows_float: NDArray[np.float64]
    arena: NDArray[np.int64]
    arena_float: NDArray[np.float64]
    counters: NDArray[np.int64]
