"""From one plan of a graph to another: its transfers enter the new one in the order they came."""

import numpy as np

from models.features.carry import EVENTS_AT_ONCE, Translation, entries_without_values
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
from models.features.layout import ARENA_USED, ENTRY_VALUES
from models.features.state import SpaceState


def carry_graph(old: SpaceState, new: SpaceState, translation: Translation) -> None:
    """Let every transfer of an old graph enter a new one that is empty."""
    counters = old.store.counters
    edges = old.store.arena[: int(counters[ARENA_USED])].reshape(-1, EDGE_WORDS)
    edges = edges[int(counters[EDGE_TAIL] - counters[EDGE_BASE]) :]
    entries = entries_without_values(
        edges[:, E_KEY], edges[:, E_TIME], edges[:, E_REFERENCE], edges[:, E_MASK], translation
    )
    for value, (source, null) in enumerate(zip(translation.values, translation.nulls, strict=True)):
        entries[:, ENTRY_VALUES + value] = null if source is None else edges[:, E_FROM + source]
    for start in range(0, entries.shape[0], EVENTS_AT_ONCE):
        new.run(np.ascontiguousarray(entries[start : start + EVENTS_AT_ONCE]))
    new.store.counters[EDGE_CUT] = max(counters[EDGE_CUT], new.store.counters[EDGE_CUT])
