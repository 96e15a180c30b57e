"""What one space's windows cost, whole and without each of their parts."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.events import KINDS
from models.features.arrange import lay_out
from models.features.layout import (
    ARENA_USED,
    ENTRY_ROW,
    F_GROUP,
    ROW_SHIFT,
    ROWS_USED,
    S_CAP,
    S_COLUMNS,
    S_GRAIN,
    S_WORDS,
)
from models.features.placing import place_answers
from models.features.plan import build_spaces, derived_nodes
from models.features.state import SpaceState
from models.planning.blueprint import Blueprint
from models.planning.detectors import detector_conditions
from models.planning.features import plan_features
from models.planning.spaces import SpaceBlueprint, finish

Entries: TypeAlias = Sequence[NDArray[np.int64]]
"""A space's entries, block by block."""

_WORD_BYTES: Final = 8
_COPIES: Final = 3
"""So many copies of a space are timed: where in memory one lies makes it faster or slower."""


@dataclass(frozen=True, slots=True)
class Price:
    """What something saves when it is left out of a space.

    Attributes
    ----------
    ns, exact_ns
        Per event; and how far copies of the whole space were from their median.
    entity_bytes
        Per entity of the whole space.
    """

    ns: float = 0.0
    exact_ns: float = 0.0
    entity_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class FeatureCost:
    """What leaving out one feature saves; `name` is its full name."""

    name: str
    ns: float
    entity_bytes: float


@dataclass(frozen=True, slots=True)
class SpaceCost:
    """What one space costs.

    Attributes
    ----------
    name, kinds
        Its key columns, and the kinds of events that update it.
    grain_ms, event_cap
        One of them is 0: it keeps steps of time, or at most so many events per entity.
    ns, exact_ns
        Per event, whole; and how far copies of it were from their median.
    entities
        Known after the last event.
    entity_bytes
        Bytes in use per entity: its row, its events, its share of the table.
    row_bytes, event_bytes
        Of an entity's row, and of each event (or step of time) that it keeps.
    features
        What leaving out each saves.
    """

    name: str
    kinds: tuple[str, ...]
    grain_ms: int
    event_cap: int
    ns: float
    exact_ns: float
    entities: int
    entity_bytes: float
    row_bytes: int
    event_bytes: int
    features: list[FeatureCost]


class Form:
    """One form of a space with its entries, ready to be timed again and again.

    Parameters
    ----------
    space
        Its plan.
    entries
        Of every block.
    warm
        How many blocks are learned before those that are timed.
    """

    def __init__(self, space: SpaceBlueprint, entries: Entries, warm: int) -> None:
        self.space = space
        self._timed = entries[warm:]
        self._state = SpaceState(space.plan, space.before_groups, space.name)
        longest = max((len(some) for some in entries), default=0)
        rows = max((_events(some) for some in entries), default=0)
        groups = space.plan.features[:, F_GROUP].copy()
        self._groups, self._room = groups, np.empty((groups.shape[0], rows))
        self._truncated = np.zeros(max(rows, longest), np.bool_)
        self._run(entries)
        self.entities = self._state.entities
        self.entity_bytes = self._used_bytes() / max(self.entities, 1)
        empty(self._state)
        self._run(entries[:warm])
        self._warm = [array.copy() for array in _arrays(self._state)]

    def times_ns(self) -> list[int]:
        """Processor time of each timed block: update, read, bring the answers to the events."""
        for array, kept in zip(_arrays(self._state), self._warm, strict=True):
            np.copyto(array, kept)
        clocks = [time.thread_time_ns()]
        for some in self._timed:
            self._run([some])
            clocks.append(time.thread_time_ns())
        return [ended - began for began, ended in pairwise(clocks)]

    def _run(self, entries: Entries) -> None:
        for some in entries:
            answer = self._state.run(some)
            place_answers(
                answer.words, answer.values, self._groups, 0, self._room, answer.truncated,
                self._truncated,
            )  # fmt: skip

    def _used_bytes(self) -> int:
        store = self._state.store
        words = int(store.counters[ROWS_USED]) * store.rows.shape[1]
        words += int(store.counters[ARENA_USED])
        return store.table.nbytes + words * _WORD_BYTES


def empty(state: SpaceState) -> None:
    """Forget every entity, but keep the room: growing is rare, and would hide what is measured."""
    for array in _arrays(state):
        array.fill(0)


def _arrays(state: SpaceState) -> tuple[NDArray[Any], ...]:
    store = state.store
    return store.table, store.rows, store.arena, store.counters


def _events(entries: NDArray[np.int64]) -> int:
    return int(entries[:, ENTRY_ROW].max() >> ROW_SHIFT) + 1 if len(entries) else 0


def least_in_turn(
    whole: Callable[[], list[int]], lesser: Callable[[], list[int]], repeats: int
) -> tuple[int, int]:
    """The sums over all blocks of the least that each took in any of several runs.

    In turn, so that what else the machine does meets both; and block by block, as a short moment
    is more often free of it than a long one.

    >>> runs = iter([[5, 2], [3, 9], [4, 1], [2, 8]])
    >>> least_in_turn(lambda: next(runs), lambda: next(runs), 2)
    (5, 10)
    """
    times = [(whole(), lesser()) for _ in range(repeats)]
    whole_ns, lesser_ns = (np.min(blocks, axis=0).sum() for blocks in zip(*times, strict=True))
    return int(whole_ns), int(lesser_ns)


class SpaceMeter:
    """Compares a space with lesser forms of it.

    Parameters
    ----------
    whole, entries, warm
        As of `Form`.
    repeats
        How often each form is timed.
    events
        Timed events, of whatever a price is per.
    """

    def __init__(
        self, whole: SpaceBlueprint, entries: Entries, warm: int, repeats: int, events: int
    ) -> None:
        self._warm, self._repeats, self._events = warm, repeats, events
        self._whole = Form(whole, entries, warm)
        self._least_ns = sum(self._whole.times_ns())
        copies = [0.0, *(self._faster_ns(Form(whole, entries, warm)) for _ in range(_COPIES))]
        # lesser forms are compared with what the whole takes wherever it lies
        self._usual_ns = median(copies)
        self._exact_ns = max(abs(copy - self._usual_ns) for copy in copies)
        self._known: dict[bytes, Price] = {meaning(whole): Price()}

    @property
    def price(self) -> Price:
        """Of the whole space, as far as it was timed."""
        usual_ns = self._least_ns / self._events - self._usual_ns
        return Price(usual_ns, self._exact_ns, self._whole.entity_bytes)

    @property
    def entities(self) -> int:
        """Known after the last event."""
        return self._whole.entities

    def knows(self, lesser: SpaceBlueprint) -> bool:
        """Whether a form that does the same was compared."""
        return meaning(lesser) in self._known

    def compare(self, lesser: SpaceBlueprint, entries: Entries) -> None:
        """Time a lesser form against the whole."""
        form = Form(lesser, entries, self._warm)
        self._known[meaning(lesser)] = Price(
            self._faster_ns(form) - self._usual_ns, self._exact_ns,
            self._whole.entity_bytes - form.entity_bytes,
        )  # fmt: skip

    def saved(self, lesser: SpaceBlueprint | None) -> Price:
        """What a form that was compared saves; None is to have no such space."""
        return self._known[meaning(lesser)] if lesser else self.price

    def _faster_ns(self, form: Form) -> float:
        """How much faster than the whole a form is, per event."""
        whole_ns, form_ns = least_in_turn(self._whole.times_ns, form.times_ns, self._repeats)
        self._least_ns = min(self._least_ns, whole_ns)
        return (whole_ns - form_ns) / self._events


def described(
    space: SpaceBlueprint, meter: SpaceMeter, thinner: Mapping[str, SpaceBlueprint]
) -> SpaceCost:
    """A space with its prices; `thinner` is of `without_each`, each compared."""
    features = []
    for kept in space.features:
        price = meter.saved(thinner.get(kept.name))
        features.append(FeatureCost(kept.name, price.ns, price.entity_bytes))
    sizes, on = space.plan.sizes, space.routes.on
    grain_ms = int(sizes[S_GRAIN])
    return SpaceCost(
        space.name, tuple(kind for bit, kind in enumerate(KINDS) if (on >> bit) & 1),
        grain_ms, 0 if grain_ms else int(sizes[S_CAP]),
        meter.price.ns, meter.price.exact_ns, meter.entities, meter.price.entity_bytes,
        int(sizes[S_WORDS]) * _WORD_BYTES, int(sizes[S_COLUMNS]) * _WORD_BYTES, features,
    )  # fmt: skip


def meaning(space: SpaceBlueprint) -> bytes:
    """What a space does, wherever its columns stand."""
    # from which value on evidence is given follows from the rules and costs almost nothing
    plan = space.plan._replace(bounds=np.zeros(0))
    arrays = b"".join(np.ascontiguousarray(part).tobytes() for part in plan)
    routes = space.routes.groups.tobytes() + bytes(str((space.values, space.filters)), "utf-8")
    return arrays + routes


def without_each(blueprint: Blueprint) -> Iterator[dict[str, SpaceBlueprint]]:
    """Per space: full name of a feature → the space without it; none where it is the only one."""
    chosen = detector_conditions(blueprint.packs)
    features = plan_features(
        blueprint.packs, blueprint.rules, chosen, blueprint.deployment.lateness_ms
    )
    spaces = build_spaces(features)
    for space in spaces:
        lay_out(space)
    derived = derived_nodes(spaces)
    for space in spaces:
        found = {}
        for left_out in space.features:
            others = [feature for feature in space.features if feature is not left_out]
            for thinner in build_spaces(others):
                found[left_out.name] = finish(
                    thinner, lay_out(thinner), blueprint.schema, blueprint.columns, derived
                )
        yield found
