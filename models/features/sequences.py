"""The kernel that finds a sequence of steps among the events of a window."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, outline
from models.features.cells import passes
from models.features.layout import (
    BASE,
    F_DISTINCT,
    F_LEAST,
    F_WINDOW,
    S_STRIDE,
    TIME,
    W_HEAD,
    W_TAIL,
    WINDOW_WORDS,
    WINDOWS,
    Plan,
    Store,
)

_NEVER = -1.0


@inline
def _times_before(
    store: Store, plan: Plan, row: int, tail: int, slot: int, mask: int, times: int
) -> int:
    """The slot of the event that makes so many, counted back from one that counts; or −1."""
    base, stride = store.rows[row, BASE], plan.sizes[S_STRIDE]
    left, at = times - 1, slot
    while left > 0:
        at -= 1
        if at < tail:
            return -1
        if passes(store, base, stride, at, mask):
            left -= 1
    return at


@outline
def last_completed(
    store: Store, plan: Plan, row: int, feature: int, done: NDArray[np.float64]
) -> float:
    """When the last step of a sequence was last reached within its window, epoch ms; −1 for never.

    `done` is room for a number per step: when it was last reached. The latest is the best that a
    next step can follow, so one pass over the events finds every sequence.
    """
    first, count = plan.features[feature, F_DISTINCT], plan.features[feature, F_LEAST]
    place = WINDOWS + WINDOW_WORDS * plan.features[feature, F_WINDOW]
    base, stride = store.rows[row, BASE], plan.sizes[S_STRIDE]
    tail, head = store.rows[row, place + W_TAIL], store.rows[row, place + W_HEAD]
    for step in range(count):
        done[step] = _NEVER
    for slot in range(tail, head):
        time = store.arena[base + slot * stride + TIME]
        # the last step first: one event is never two steps of a sequence
        for step in range(count - 1, -1, -1):
            mask, within = plan.steps[first + step, 0], plan.steps[first + step, 2]
            if not passes(store, base, stride, slot, mask):
                continue
            if step > 0:
                if done[step - 1] >= 0.0 and time - done[step - 1] <= within:
                    done[step] = time
                continue
            begun = _times_before(store, plan, row, tail, slot, mask, plan.steps[first, 1])
            if begun >= 0 and time - store.arena[base + begun * stride + TIME] <= within:
                done[0] = time
    return done[count - 1]
