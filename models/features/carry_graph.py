"""From one plan of a graph to another: its transfers enter the new one in the order they came."""

import numpy as np

from models.features.carry import EVENTS_AT_ONCE, Translation
from models.features.graph_layout import (
    E_FROM,
    E_KEY,
    E_MASK,
    E_REFERENCE,
    E_TIME,
    EDGE_BASE,
    EDGE_CUT,
    EDGE_TAIL,
    EDGE_WORDS,
)
from models.features.layout import (
    ARENA_USED,
    ENTRY_KEY,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_ROW,
    ENTRY_TIME,
    ENTRY_VALUES,
    UPDATES,
)
from models.features.state import SpaceState


def carry_graph(old: SpaceState, new: SpaceState, translation: Translation) -> None:
    """Let every transfer of an old graph enter a new one that is empty."""
    counters = old.store.counters
    edges = old.store.arena[: int(counters[ARENA_USED])].reshape(-1, EDGE_WORDS)
    edges = edges[int(counters[EDGE_TAIL] - counters[EDGE_BASE]) :]
    entries = np.zeros((edges.shape[0], ENTRY_VALUES + len(translation.values)), np.int64)
    entries[:, ENTRY_ROW] = UPDATES
    entries[:, ENTRY_KEY] = edges[:, E_KEY]
    entries[:, ENTRY_TIME] = edges[:, E_TIME]
    entries[:, ENTRY_REFERENCE] = edges[:, E_REFERENCE]
    for new_bit, old_bit in enumerate(translation.bits):
        if old_bit is not None:
            entries[:, ENTRY_MASK] |= ((edges[:, E_MASK] >> old_bit) & 1) << new_bit
    for value, (source, null) in enumerate(zip(translation.values, translation.nulls, strict=True)):
        entries[:, ENTRY_VALUES + value] = null if source is None else edges[:, E_FROM + source]
    for start in range(0, entries.shape[0], EVENTS_AT_ONCE):
        new.run(np.ascontiguousarray(entries[start : start + EVENTS_AT_ONCE]))
    new.store.counters[EDGE_CUT] = max(counters[EDGE_CUT], new.store.counters[EDGE_CUT])
