"""What stored state depends on, in a form that is kept beside it.

A later version of the packs is compared with it: windows and detectors that mean the same are
taken over, and for each feature follows from which event time on it knows everything.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import numpy as np

from models.features.layout import S_CAP, S_GRAIN, S_HORIZON, Plan
from models.planning.blueprint import Blueprint
from models.planning.spaces import Kept
from models.rounds import NO_TIME

EVENT_TIME: Final = ("value time:event_time", "key time:event_time")
"""Values that follow from any stored event."""
_LAID_OUT: Final = ("windows", "calendar_at", "calendar_starts", "cells", "distincts", "columns")


Described: TypeAlias = tuple[str, tuple[str, ...]]
"""What a detector means, and the names of its state's arrays."""


@dataclass(frozen=True, slots=True)
class SpaceOutline:
    """One space.

    Attributes
    ----------
    name, on
        Key columns, and the kinds that update it (bit mask).
    plan, before_groups, entry_words, values, filters, features, cells
        As of `SpaceBlueprint`.
    since_ms
        From when on its events are kept; `NO_TIME` for all that its windows need.
    known_ms
        Meaning of a value, filter or cell → from when on it is known; those known as long as the
        events are absent.
    """

    name: str
    on: int
    plan: Plan
    before_groups: int
    entry_words: int
    values: tuple[str, ...]
    filters: tuple[str, ...]
    features: tuple[Kept, ...]
    cells: tuple[str, ...] = ()
    since_ms: int = NO_TIME
    known_ms: Mapping[str, int] = field(default_factory=dict)

    @property
    def grain_ms(self) -> int:
        """0 where events are kept."""
        return int(self.plan.sizes[S_GRAIN])

    def stores_like(self, other: "SpaceOutline") -> bool:
        """Whether what one stores the other can go on with, word for word."""
        return (
            (self.name, self.on, self.values, self.filters)
            == (other.name, other.on, other.values, other.filters)
            and np.array_equal(self.plan.sizes, other.plan.sizes)
            and all(
                np.array_equal(getattr(self.plan, name), getattr(other.plan, name))
                for name in _LAID_OUT
            )
        )

    def knows_since_ms(self, needs: tuple[str, ...]) -> int | None:
        """From when on all that a feature needs is known; None where something never was."""
        named = {*self.values, *self.filters, *self.cells, *EVENT_TIME}
        if not named.issuperset(needs):
            return None
        return max([self.since_ms, *(self.known_ms.get(need, NO_TIME) for need in needs)])


@dataclass(frozen=True, slots=True)
class Outline:
    """A deployment's plan as far as state depends on it.

    Attributes
    ----------
    fixed
        What may never change over a state directory, by name.
    spaces
        In the order of the blueprint.
    detectors, sharded
        (meaning, names of the arrays of its state), in the order of the blueprint: those at home,
        and those that learn in the shards of a key.
    waiting
        What each rule with `absent` waits for, and about whom: pack, id, and the rest as a text.
    since_ms
        As of `Blueprint`.
    """

    fixed: Mapping[str, Any]
    spaces: tuple[SpaceOutline, ...]
    detectors: tuple[Described, ...]
    sharded: tuple[Described, ...] = ()
    waiting: tuple[tuple[str, str, str], ...] = ()
    since_ms: Mapping[str, int] = field(default_factory=dict)

    def windows_are_those_of(self, other: "Outline") -> bool:
        """Whether stored windows fit both as they are."""
        return len(self.spaces) == len(other.spaces) and all(
            a.stores_like(b) for a, b in zip(self.spaces, other.spaces, strict=True)
        )


def outline_of(blueprint: Blueprint, ordering: str, states: tuple[tuple[str, ...], ...]) -> Outline:
    """Describe a blueprint; `states` names the arrays of each detector's state."""
    deployment = blueprint.deployment
    fixed = {
        "shards": deployment.shards,
        "allowed_lateness_ms": deployment.lateness_ms,
        "ordering": ordering,
        # neither the key nor anything that could be tried out against it
        "secret": hashlib.sha256(b"riverguard plan" + deployment.secret.key).hexdigest()[:16],
    }
    spaces = tuple(
        SpaceOutline(
            space.name, space.routes.on,
            # from which value on evidence is given is a rule's affair, not the state's
            space.plan._replace(bounds=np.full_like(space.plan.bounds, np.nan)),
            space.before_groups, space.entry_words, space.values, space.filters, space.features,
            space.cells,
        )
        for space in blueprint.spaces
    )  # fmt: skip
    described = [
        (repr((pack, d.name, d.model, d.features, d.on, dict(d.options), *filter(None, [d.by]))), s)
        for (pack, d), s in zip(blueprint.detectors, states, strict=True)
    ]
    at_home, sharded = (
        tuple(described[n] for n in numbers) for numbers in (blueprint.at_home, blueprint.sharded)
    )
    waiting = tuple(
        (r.pack, r.spec.id, repr((r.domain, r.spec.absent.on, r.spec.absent.by, r.expected)))
        for r in blueprint.waiting
        if r.spec.absent
    )
    return Outline(fixed, spaces, at_home, sharded, waiting)


def warming(outline: Outline, now_ms: int) -> dict[str, int | None]:
    """Features whose windows reach back beyond what they know, and until when; None: for ever."""
    found: dict[str, int | None] = {}
    for space in outline.spaces:
        for feature in space.features:
            since_ms = outline.since_ms.get(feature.name, NO_TIME)
            if since_ms == NO_TIME:
                continue
            if feature.reach_ms is None:
                found[feature.name] = None
            elif since_ms + feature.reach_ms > now_ms:
                found[feature.name] = since_ms + feature.reach_ms
    return found


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a new plan takes over of an old one.

    Attributes
    ----------
    outline
        Of the new plan, with its times.
    sources
        Per new space the old one whose events it takes over; None for none.
    detectors, sharded
        Per new detector the old one whose state it takes over; None for none.
    """

    outline: Outline
    sources: tuple[int | None, ...]
    detectors: tuple[int | None, ...]
    sharded: tuple[int | None, ...]


def inherit(old: Outline, new: Outline, now_ms: int) -> Inheritance:
    """Compare two plans; `now_ms` is the newest event time that the old one has seen."""
    sources = tuple(_source(old, space) for space in new.spaces)
    spaces, since_ms = [], dict[str, int]()
    for space, source in zip(new.spaces, sources, strict=True):
        if source is None:
            spaces.append(replace(space, since_ms=now_ms))
            since_ms |= {feature.name: now_ms for feature in space.features}
            continue
        before = old.spaces[source]
        spaces.append(_continued(before, space, now_ms))
        meant = {f.meaning: old.since_ms.get(f.name, NO_TIME) for f in before.features}
        for feature in space.features:
            since_ms[feature.name] = (
                meant[feature.meaning]
                if feature.meaning in meant
                else _known_since(before, feature, now_ms)
            )
    return Inheritance(
        replace(
            new, spaces=tuple(spaces),
            since_ms={name: at for name, at in since_ms.items() if at != NO_TIME},
        ),
        sources,
        _taken_over(old.detectors, new.detectors),
        _taken_over(old.sharded, new.sharded),
    )  # fmt: skip


def _taken_over(old: Sequence[Described], new: Sequence[Described]) -> tuple[int | None, ...]:
    known = [meaning for meaning, _names in old]
    return tuple(known.index(m) if m in known else None for m, _names in new)


def _source(old: Outline, space: SpaceOutline) -> int | None:
    """The old space with the same events: of several the one whose cap is nearest above."""
    alike = [
        (int(other.plan.sizes[S_CAP]), at)
        for at, other in enumerate(old.spaces)
        if (other.name, other.on, other.grain_ms) == (space.name, space.on, space.grain_ms)
    ]
    enough = [found for found in alike if found[0] >= int(space.plan.sizes[S_CAP])]
    return min(enough)[1] if enough else max(alike, default=(0, None))[1]


def _kept_since(before: SpaceOutline, now_ms: int) -> int:
    """From when on an old space has all events, not only those that its windows needed."""
    return max(before.since_ms, now_ms - int(before.plan.sizes[S_HORIZON]))


def _known_since(before: SpaceOutline, feature: Kept, now_ms: int) -> int:
    known = before.knows_since_ms(feature.needs)
    return now_ms if known is None else max(known, _kept_since(before, now_ms))


def _continued(before: SpaceOutline, space: SpaceOutline, now_ms: int) -> SpaceOutline:
    """A new space with the times from which on it knows what it took over."""
    longer = int(space.plan.sizes[S_HORIZON]) > int(before.plan.sizes[S_HORIZON])
    since_ms = _kept_since(before, now_ms) if longer else before.since_ms
    known = {}
    for meaning in {*space.values, *space.filters, *space.cells} - set(EVENT_TIME):
        at = before.knows_since_ms((meaning,))
        if at is None or at > since_ms:
            known[meaning] = now_ms if at is None else at
    return replace(space, since_ms=since_ms, known_ms=known)
