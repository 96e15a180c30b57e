"""State of one plan, rewritten for another: components are read, changed and written anew."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from dataflows.components import HomeScoring, ShardAbsence, ShardDetection, ShardWindows
from dataflows.segments import Manifest, Place, Segments
from dataflows.state import restore
from models.features.carry import FROM_TIME, FROM_TIME_AS_KEY, Translation, carry
from models.features.carry_buckets import carry_buckets
from models.features.carry_graph import carry_graph
from models.features.plan import GRAPH
from models.planning.blueprint import Blueprint
from models.planning.outline import (
    EVENT_TIME,
    Described,
    Inheritance,
    Outline,
    SpaceOutline,
)
from models.planning.spaces import SpaceBlueprint


class Conversion:
    """Converts components, one at a time, into new segments.

    Parameters
    ----------
    segments
        Where both are.
    found
        The plan that the state is of.
    blueprint, inheritance
        The plan that it is to be of, and what that takes over.
    """

    def __init__(
        self, segments: Segments, found: Outline, blueprint: Blueprint, inheritance: Inheritance
    ) -> None:
        self._segments, self._found = segments, found
        self._blueprint, self._inheritance = blueprint, inheritance
        self._start = uuid.uuid4().hex[:8]
        self._written = 0

    def drops(self, manifest: Manifest) -> bool:
        """Whether the new plan has no place for a component: no step would keep it going."""
        kind = manifest["key"].partition("-")[0]
        blueprint = self._blueprint
        return (kind == "detect" and not blueprint.sharded) or (
            kind == "absence" and not blueprint.waiting
        )

    def converted(self, manifest: Manifest) -> Manifest | None:
        """The manifest of a component's new state; None where nothing changes."""
        kind, _, number = manifest["key"].partition("-")
        wanted, found, inheritance = self._inheritance.outline, self._found, self._inheritance
        if kind == "windows" and not found.windows_are_those_of(wanted):
            state: dict[str, NDArray[Any]] = self._windows(int(number), manifest).save()
            return {**manifest, "base": self._place(state, manifest["key"]), "logs": []}
        if kind == "score" and found.detectors != wanted.detectors:
            fresh = HomeScoring(self._blueprint).save()
            return self._detectors(manifest, found.detectors, inheritance.detectors, fresh)
        if kind == "detect" and found.sharded != wanted.sharded:
            fresh = ShardDetection(self._blueprint).save()
            return self._detectors(manifest, found.sharded, inheritance.sharded, fresh)
        if kind == "absence" and found.waiting != wanted.waiting:
            state = self._absence(manifest)
            return {**manifest, "base": self._place(state, manifest["key"]), "logs": []}
        return None

    def _absence(self, manifest: Manifest) -> dict[str, NDArray[Any]]:
        """What waits for the rules that wait as before: of the others nobody knows what came."""
        kept = {(p, r) for p, r, _ in {*self._found.waiting} & {*self._inheritance.outline.waiting}}
        rules = [r for r in self._blueprint.waiting if (r.pack, r.spec.id) in kept]
        by_time = self._found.fixed["ordering"] == "event_time"
        lateness_ms = self._blueprint.deployment.lateness_ms
        absence = ShardAbsence(rules, lateness_ms, by_time=by_time)
        restore(self._segments, manifest, absence)
        return absence.save()

    def _windows(self, shard: int, manifest: Manifest) -> ShardWindows:
        old = ShardWindows(shard, self._found.spaces)
        restore(self._segments, manifest, old)
        new = ShardWindows(shard, self._blueprint.spaces)
        outlines = self._inheritance.outline.spaces
        for number, source in enumerate(self._inheritance.sources):
            if source is None:
                continue
            before = self._found.spaces[source]
            if before.stores_like(outlines[number]):
                new.spaces[number].load(old.spaces[source].save())
            elif before.grain_ms == GRAPH:
                translation = _translation(before, self._blueprint.spaces[number])
                carry_graph(old.spaces[source], new.spaces[number], translation)
            elif before.grain_ms:
                cells = [_place_of(meaning, before.cells) for meaning in outlines[number].cells]
                carry_buckets(old.spaces[source], new.spaces[number], cells)
            else:
                translation = _translation(before, self._blueprint.spaces[number])
                carry(old.spaces[source], new.spaces[number], translation)
        return new

    def _detectors(
        self,
        manifest: Manifest,
        known: Sequence[Described],
        sources: Sequence[int | None],
        fresh: dict[str, NDArray[Any]],
    ) -> Manifest:
        """Detectors that mean the same go on; the others begin as in `fresh`."""
        names = [f"{number}.{name}" for number, (_meaning, own) in enumerate(known) for name in own]
        saved: dict[str, NDArray[Any]] = {}
        if manifest["base"]:
            saved = self._segments.read(manifest["base"], manifest["key"])
        for log in manifest["logs"]:
            chunks = self._segments.read(log, manifest["key"]).values()
            saved = dict(zip(names, chunks, strict=True))
        for name in fresh:
            number, _, array = name.partition(".")
            source = sources[int(number)]
            if source is not None and f"{source}.{array}" in saved:
                fresh[name] = saved[f"{source}.{array}"]
        # in the order of a log
        state = {str(number): array for number, array in enumerate(fresh.values())}
        logs = [self._place(state, manifest["key"])] if state else []
        return {**manifest, "base": None, "logs": logs}

    def _place(self, arrays: Mapping[str, NDArray[Any]], key: str) -> Place:
        self._written += 1
        name = f"{self._written:09d}-{self._start}.base"
        return self._segments.write_alone(name, arrays, key)


def _place_of(meaning: str, known: Sequence[str]) -> int | None:
    return known.index(meaning) if meaning in known else None


def _translation(before: SpaceOutline, space: SpaceBlueprint) -> Translation:
    own_time = dict(zip(EVENT_TIME, (FROM_TIME, FROM_TIME_AS_KEY), strict=True))
    values = [
        before.values.index(meaning) if meaning in before.values else own_time.get(meaning)
        for meaning in space.values
    ]
    bits = [_place_of(meaning, before.filters) for meaning in space.filters]
    return Translation(values, space.nulls, bits)
