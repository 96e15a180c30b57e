"""What the rules' programs cost, whole and without each rule."""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cli.cost_spaces import least_in_turn
from cli.cost_traffic import Pass, scatter_all
from models.batch import Batch
from models.planning.blueprint import Blueprint
from models.records import RawBlock
from models.running import Runner


class Programs:
    """Every program that runs on each event, over the timed events."""

    def __init__(
        self,
        blueprint: Blueprint,
        batches: Sequence[Batch],
        features: Sequence[NDArray[np.float64]],
    ) -> None:
        rules = len(blueprint.rules)
        self._runners = (
            Runner(blueprint.prepare, 1, blueprint.derived),
            Runner(blueprint.before, rules, blueprint.asked),
            Runner(blueprint.after, rules, 1),
        )
        self._seen = list(zip(batches, features, strict=True))
        assert all(values.shape[1] == len(batch) for batch, values in self._seen)
        self.least_ns = sum(self.times_ns())

    def times_ns(self) -> list[int]:
        """Processor time of each block."""
        clocks = [time.thread_time_ns()]
        for batch, features in self._seen:
            for runner in self._runners:
                runner.run(batch, features)
            clocks.append(time.thread_time_ns())
        return [ended - began for began, ended in pairwise(clocks)]

    def saved_ns(self, lesser: "Programs", repeats: int) -> int:
        """What lesser programs save over all events."""
        whole_ns, lesser_ns = least_in_turn(self.times_ns, lesser.times_ns, repeats)
        self.least_ns = min(self.least_ns, whole_ns)
        return whole_ns - lesser_ns


def seen_by(
    blueprint: Blueprint, other: Blueprint, whole: Pass, blocks: Sequence[RawBlock]
) -> tuple[list[Batch], list[NDArray[np.float64]]]:
    """The timed events as a lesser blueprint sees them, which may read fewer kinds and features."""
    columns = [blueprint.columns[name] for name in other.columns]
    batches, features = [], []
    seen = scatter_all(replace(other, spaces=()), blocks)
    for scattered, batch, values in zip(seen, whole.batches, whole.features, strict=True):
        assert scattered.batch is not None
        rows = np.isin(batch.places, scattered.batch.places)
        batches.append(scattered.batch)
        chosen = values[columns or [0]]
        features.append(np.ascontiguousarray(chosen[:, rows]))
    return batches, features
