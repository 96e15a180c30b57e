"""Simulated traffic for measuring packs, and one run of it through every step."""

import gc
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from cli.cost_spaces import Entries, empty
from dataflows.components import ShardAbsence, ShardAlerting, ShardDetection, ShardWindows
from models.absence import live
from models.batch import Batch
from models.concluding import Concluder
from models.decoding.decoder import Decoder
from models.events import KINDS
from models.holding import Release
from models.placing import Placer
from models.planning.blueprint import Blueprint
from models.planning.spaces import SpaceBlueprint
from models.records import RawBlock
from models.scattering import Scattered, Scatterer
from models.scoring import Scorer
from models.simulator.world import World, WorldConfig

STEPS: Final = ("decode", "scatter", "windows", "score", "alerts")
_ARRIVAL_MS: Final = 1 << 53


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes
    ----------
    accounts
        Of the simulated world, at least 500.
    warm, timed
        Blocks of ten simulated minutes: so many are only learned, so many more are timed.
    repeats
        How often each form is timed.
    """

    accounts: int = 20_000
    warm: int = 108
    timed: int = 36
    repeats: int = 7


class Pass(NamedTuple):
    """The timed events: what the programs read of them, what took how long, what hit."""

    batches: list[Batch]
    features: list[NDArray[np.float64]]
    steps_ns: Counter[str]
    hits: Counter[tuple[str, str]]


def simulated(blueprint: Blueprint, sizes: Sizes) -> Iterator[RawBlock]:
    """Simulated events of kinds that a pack reads, with the packs' own names of the columns."""
    wire = blueprint.schema.keys
    kinds = {kind for at, kind in enumerate(KINDS) if (blueprint.kinds >> at) & 1}
    first = 0
    batches = World(WorldConfig(accounts=sizes.accounts)).batches()
    for batch in islice(batches, sizes.warm + sizes.timed):
        records = [orjson.loads(line) for line in batch.lines.splitlines()]
        lines = [
            orjson.dumps({wire.get(name, name): value for name, value in record.items()})
            for record in records
            if record["kind"] in kinds
        ]
        yield RawBlock(0, b"\n".join(lines), first, _ARRIVAL_MS)
        first += len(lines)


def scatter_all(blueprint: Blueprint, blocks: Sequence[RawBlock]) -> Iterator[Scattered]:
    """Every block decoded, with its messages to the one shard."""
    decoder, scatterer = Decoder(blueprint.schema), Scatterer(blueprint)
    for number, block in enumerate(blocks):
        batch, _dead = decoder.decode(block)
        yield scatterer.scatter(0, number, Release(batch, batch.times, None, None))


def entries_of(
    blueprint: Blueprint, spaces: Sequence[SpaceBlueprint], blocks: Sequence[RawBlock]
) -> list[Entries]:
    """Every block's entries, for forms of the blueprint's spaces."""
    found: list[list[NDArray[np.int64]]] = [[] for _ in spaces]
    for scattered in scatter_all(replace(blueprint, spaces=tuple(spaces)), blocks):
        asked = {n: e for m in scattered.messages.values() for n, e in m.entries.items()}
        for number, space in enumerate(spaces):
            none = np.empty((0, space.entry_words), np.int64)
            # copied, as the scatterer makes room for many more
            found[number].append(asked.get(number, none).copy())
    return list(found)


def run_whole(blueprint: Blueprint, blocks: Sequence[RawBlock], warm: int) -> Pass:
    """Everything from bytes to alerts, once, with the caches as they are in a run."""
    windows = ShardWindows(0, blueprint.spaces)
    for scattered in scatter_all(blueprint, blocks):
        for message in scattered.messages.values():
            windows.answer(message)
    windows.take_log()
    for space in windows.spaces:
        empty(space)
    found = Pass([], [], Counter(), Counter())
    # one collection takes longer than many blocks, and the flow hardly ever has one
    gc.disable()
    try:
        _run_timed(blueprint, blocks, warm, windows, found)
    finally:
        gc.enable()
    return found


def _run_timed(
    blueprint: Blueprint,
    blocks: Sequence[RawBlock],
    warm: int,
    windows: ShardWindows,
    found: Pass,
) -> None:
    decoder, scatterer = Decoder(blueprint.schema), Scatterer(blueprint)
    scorer, concluder = Scorer(blueprint), Concluder(blueprint)
    detection, placer, alerting = ShardDetection(blueprint), Placer(blueprint), ShardAlerting()
    absence = ShardAbsence(blueprint.waiting, blueprint.deployment.lateness_ms, by_time=True)
    clock = time.thread_time_ns
    for number, block in enumerate(blocks):
        clocks = [clock()]
        batch, _dead = decoder.decode(block)
        clocks.append(clock())
        scattered = scatterer.scatter(0, number, Release(batch, batch.times, None, None))
        clocks.append(clock())
        answers = [windows.answer(message) for message in scattered.messages.values()]
        clocks.append(clock())
        begun = scorer.begin(scattered, answers)
        scored = concluder.conclude(begun, detection.answer(begun.questions))
        clocks.append(clock())
        over = [hit for heard in scored.heard for hit in absence.hear([heard])]
        alerting.raise_alerts([*scored.hits, *live(over)])
        clocks.append(clock())
        windows.take_log()
        alerting.take_log()
        absence.take_log()
        if number < warm:
            continue
        assert scattered.batch is not None
        for step, began, ended in zip(STEPS, clocks[:-1], clocks[1:], strict=True):
            found.steps_ns[step] += ended - began
        found.batches.append(scattered.batch)
        # what the programs read; detectors' scores stay unknown
        features, _truncated = placer.place(answers, len(batch))
        found.features.append(np.ascontiguousarray(features[:, : len(batch)]))
        for hit in (*scored.hits, *scored.shadow, *over):
            found.hits.update((hit.pack, one.rule.spec.id) for one in hit.hits)
