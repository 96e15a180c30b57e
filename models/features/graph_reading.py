"""Kernels that answer what is asked of a graph, seen from the current transfer."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline
from models.features.engine import Answers
from models.features.gathering import common_payees, find_scatter, spread_upstream
from models.features.graph_layout import EDGE_CUT, G_GROUP, G_MASK, G_READ, G_SPAN
from models.features.layout import (
    ENTRY_MASK,
    ENTRY_ROW,
    ENTRY_TIME,
    GROUP_BITS,
    ROW_SHIFT,
    WANTS_EVIDENCE,
    Plan,
    Store,
)
from models.features.paths import find_path

_CYCLE, _CHAIN, _SCATTER, _BIPARTITE, _UPSTREAM = range(5)


@inline
def _value(
    store: Store,
    plan: Plan,
    feature: int,
    source: int,
    target: int,
    entry: NDArray[np.int64],
    amount: int,
    work: NDArray[np.int64],
    named: NDArray[np.int64],
) -> float:
    """A feature's value; how many transfers are behind it, and which, goes to `named`."""
    read = plan.features[feature, G_READ]
    named[0] = 0
    if read == _CYCLE or read == _CHAIN:
        return float(find_path(store, plan, feature, source, target, entry, amount, work, named))
    if read == _SCATTER:
        return float(find_scatter(store, plan, feature, target, entry[ENTRY_TIME], work, named))
    if read == _BIPARTITE:
        return float(common_payees(store, plan, feature, source, target, entry[ENTRY_TIME], work))
    return float(spread_upstream(store, plan, feature, source, entry[ENTRY_TIME], work))


@inline
def _counts(plan: Plan, feature: int, mask: int) -> bool:
    """Whether a transfer meets a feature's condition."""
    wanted = plan.features[feature, G_MASK]
    return (mask & wanted) == wanted


@inline
def counts_anywhere(plan: Plan, mask: int) -> bool:
    """Whether a transfer meets the condition of any feature."""
    found = False
    for feature in range(plan.features.shape[0]):
        found |= _counts(plan, feature, mask)
    return found


@inline
def read_nothing(plan: Plan, entry: NDArray[np.int64], number: int, answers: Answers) -> None:
    """0 for every pattern that is asked for: the transfer is part of none."""
    groups = (entry[ENTRY_ROW] & ((1 << ROW_SHIFT) - 1)) >> GROUP_BITS
    for feature in range(plan.features.shape[0]):
        if (groups >> plan.features[feature, G_GROUP]) & 1:
            answers.values[number, feature] = 0.0


@inline
def read_patterns(
    store: Store,
    plan: Plan,
    source: int,
    target: int,
    entry: NDArray[np.int64],
    amount: int,
    number: int,
    answers: Answers,
    work: NDArray[np.int64],
) -> None:
    """Write the values of the wanted features to the answers of entry `number`."""
    groups = (entry[ENTRY_ROW] & ((1 << ROW_SHIFT) - 1)) >> GROUP_BITS
    for feature in range(plan.features.shape[0]):
        if not (groups >> plan.features[feature, G_GROUP]) & 1:
            continue
        place = answers.found[0]
        named = answers.evidence[place, 2:]
        if not _counts(plan, feature, entry[ENTRY_MASK]):
            answers.values[number, feature] = 0.0
            continue
        value = _value(store, plan, feature, source, target, entry, amount, work, named)
        answers.values[number, feature] = value
        since = entry[ENTRY_TIME] - plan.features[feature, G_SPAN]
        if store.counters[EDGE_CUT] > max(since, 0):
            answers.truncated[number] = True
        if entry[ENTRY_ROW] & WANTS_EVIDENCE and value >= plan.bounds[feature]:
            answers.evidence[place, 0], answers.evidence[place, 1] = number, feature
            answers.found[0] = place + 1
