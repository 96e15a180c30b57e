"""From one plan of a space to another: the stored events enter the new windows one by one.

The events of an entity are all that its windows are made of, so whatever windows a new plan has,
they come out as if it had been there before, as far back as events were kept. What a new plan
asks of an event and the old one did not keep is NULL, or not fulfilled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.events import NULL_INT
from models.features.layout import (
    BASE,
    CAPACITY,
    CUT,
    END,
    ENTRY_KEY,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_ROW,
    ENTRY_TIME,
    ENTRY_VALUES,
    FIRST,
    KEY,
    MASK,
    REFERENCE,
    ROWS_USED,
    S_STRIDE,
    TIME,
    UPDATES,
)
from models.features.scatter import KEY_SALT
from models.features.state import SpaceState

EVENTS_AT_ONCE: Final = 1 << 16
"""About how many events are in hand at a time."""
FROM_TIME, FROM_TIME_AS_KEY = -1, -2
"""Sources of a value that is the event's time."""


@dataclass(frozen=True, slots=True)
class Translation:
    """How an old space's events read in a new one.

    Attributes
    ----------
    values
        Per new value the old one, `FROM_TIME`, `FROM_TIME_AS_KEY`, or None: unknown.
    nulls
        Per new value the word that is NULL.
    bits
        Per new bit of the mask the old one, or None: not fulfilled.
    """

    values: Sequence[int | None]
    nulls: Sequence[int]
    bits: Sequence[int | None]


def carry(old: SpaceState, new: SpaceState, translation: Translation) -> None:
    """Let every event of an old space enter a new one that is empty."""
    rows = old.store.rows[: int(old.store.counters[ROWS_USED])]
    rows = rows[rows[:, KEY] != 0]
    counts = rows[:, END] - rows[:, FIRST]
    # rows in groups of so many events, each whole
    groups = np.cumsum(counts) // EVENTS_AT_ONCE
    for group in np.unique(groups):
        new.run(_entries(old, rows[groups == group], translation))
    _carry_cuts(rows, new)


def _entries(
    old: SpaceState, rows: NDArray[np.int64], translation: Translation
) -> NDArray[np.int64]:
    """The events of some entities as entries that update, each entity's in order."""
    owner, slot = slots_of(rows)
    base, capacity = rows[owner, BASE], rows[owner, CAPACITY]
    stride, arena = int(old.plan.sizes[S_STRIDE]), old.store.arena
    record = base + slot * stride
    times = arena[record + TIME]
    entries = entries_without_values(
        rows[owner, KEY], times, arena[record + REFERENCE], arena[record + MASK], translation
    )
    for value, (source, null) in enumerate(zip(translation.values, translation.nulls, strict=True)):
        if source is None:
            words: NDArray[np.int64] | int = null
        elif source == FROM_TIME:
            words = times
        elif source == FROM_TIME_AS_KEY:
            words = times ^ KEY_SALT
        else:
            column = int(old.plan.columns[source])
            own = record + column if column < stride else base + column * capacity + slot
            words = arena[own]
        entries[:, ENTRY_VALUES + value] = words
    return entries


def entries_without_values(
    keys: NDArray[np.int64],
    times: NDArray[np.int64],
    references: NDArray[np.int64],
    masks: NDArray[np.int64],
    translation: Translation,
) -> NDArray[np.int64]:
    """Entries that update, with the bits of old masks where new ones have them; values are 0."""
    entries = np.zeros((times.shape[0], ENTRY_VALUES + len(translation.values)), np.int64)
    entries[:, ENTRY_ROW] = UPDATES
    entries[:, ENTRY_KEY] = keys
    entries[:, ENTRY_TIME] = times
    entries[:, ENTRY_REFERENCE] = references
    for new_bit, old_bit in enumerate(translation.bits):
        if old_bit is not None:
            entries[:, ENTRY_MASK] |= ((masks >> old_bit) & 1) << new_bit
    return entries


def slots_of(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(row, slot) of every record of some entities, in their order."""
    counts = rows[:, END] - rows[:, FIRST]
    owner = np.repeat(np.arange(rows.shape[0]), counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    return owner, np.arange(owner.shape[0]) - before + rows[owner, FIRST]


def _carry_cuts(rows: NDArray[np.int64], new: SpaceState) -> None:
    """An entity that has lost events to the old cap still knows it."""
    cut = rows[rows[:, CUT] != NULL_INT]
    found = new.store.rows[: int(new.store.counters[ROWS_USED])]
    places = {int(key): at for at, key in enumerate(found[:, KEY]) if key} if cut.size else {}
    for key, time in zip(cut[:, KEY].tolist(), cut[:, CUT].tolist(), strict=True):
        if key in places:
            found[places[key], CUT] = max(int(found[places[key], CUT]), time)
