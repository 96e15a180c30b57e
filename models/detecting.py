"""Detectors at work: what they are asked of a batch, at home or in the shards of a key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.detectors.catalogue import OF_EDGES, build_detector
from models.features.messages import Order
from models.merging import places_in_order
from models.pack import EVERYTHING
from models.planning.blueprint import Blueprint
from models.rounds import Turn


@dataclass(frozen=True, slots=True)
class Inputs:
    """Events that one detector takes, in order; n events.

    Attributes
    ----------
    rows
        (n,): their rows in their batch.
    x
        (n, features); NaN is NULL.
    learnable
        (n,): false for events that must not be learned as normal.
    """

    rows: NDArray[np.int64]
    x: NDArray[np.float64]
    learnable: NDArray[np.bool_]

    def take(self, chosen: NDArray[Any]) -> "Inputs":
        """The chosen ones."""
        return Inputs(self.rows[chosen], self.x[chosen], self.learnable[chosen])


@dataclass(frozen=True, slots=True)
class Marks:
    """What one detector makes of some events: their rows, scores and tail shares, each (n,)."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    shares: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Question:
    """What one batch asks the detectors of one shard.

    Attributes
    ----------
    shard, home, sequence
        Whom it asks, and which batch: its home shard, and its number there.
    asked
        Detector → what it takes.
    order
        By what its events are merged with those of other homes.
    turn
        Of the round that it belongs to.
    """

    shard: int
    home: int
    sequence: int
    asked: Mapping[int, Inputs]
    order: Order | None
    turn: Turn | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One shard's answer to one question, by detector."""

    home: int
    sequence: int
    shard: int
    marks: Mapping[int, Marks]


class Detectors:
    """Some detectors of a blueprint, with their state; it is small and saved whole.

    Parameters
    ----------
    numbers
        Which: `Blueprint.at_home` or `Blueprint.sharded`.
    """

    def __init__(self, blueprint: Blueprint, numbers: Sequence[int]) -> None:
        self._models = {n: build_detector(blueprint.detectors[n][1]) for n in numbers}

    def mark(self, number: int, inputs: Inputs) -> Marks:
        """Score events in order, learning each after it was scored."""
        scores, shares = self._models[number].score(inputs.x, inputs.learnable)
        return Marks(inputs.rows, scores, shares)

    def answer(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer the questions of one round as if they were one, in the order of their events."""
        asking = [question for question in questions if question.asked]
        marks: list[dict[int, Marks]] = [{} for _ in asking]
        for number in self._models:
            for owner, found in self._together(number, asking):
                marks[owner][number] = found
        return [
            Verdict(question.home, question.sequence, question.shard, found)
            for question, found in zip(asking, marks, strict=True)
        ]

    def _together(self, number: int, questions: Sequence[Question]) -> Iterator[tuple[int, Marks]]:
        """Which question, and what this detector makes of its events."""
        owners = [o for o, question in enumerate(questions) if number in question.asked]
        if len(owners) == 1:
            yield owners[0], self.mark(number, questions[owners[0]].asked[number])
            return
        if not owners:
            return
        parts = [questions[owner].asked[number] for owner in owners]
        orders = [questions[owner].order for owner in owners]
        ranks = [
            ranked[np.searchsorted(order.rows, part.rows)]
            for order, part, ranked in zip(orders, parts, places_in_order(orders), strict=True)
            if order is not None
        ]
        merged = np.argsort(np.concatenate(ranks), kind="stable")
        whole = Inputs(
            np.arange(merged.shape[0]),
            np.concatenate([part.x for part in parts])[merged],
            np.concatenate([part.learnable for part in parts])[merged],
        )
        found = self.mark(number, whole)
        scores, shares = np.empty_like(found.scores), np.empty_like(found.shares)
        scores[merged], shares[merged] = found.scores, found.shares
        ends = np.cumsum([part.rows.shape[0] for part in parts])[:-1]
        split = zip(owners, parts, np.split(scores, ends), np.split(shares, ends), strict=True)
        for owner, part, own_scores, own_shares in split:
            yield owner, Marks(part.rows, own_scores, own_shares)

    def save(self) -> dict[str, NDArray[Any]]:
        """The state, copied; detectors are counted from 0."""
        return {
            f"{place}.{name}": array
            for place, model in enumerate(self._models.values())
            for name, array in model.save().items()
        }

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        for place, model in enumerate(self._models.values()):
            head = f"{place}."
            model.load({n[len(head) :]: a for n, a in saved.items() if n.startswith(head)})


def inputs_of(
    blueprint: Blueprint,
    number: int,
    batch: Batch,
    features: NDArray[np.float64],
    taken: NDArray[np.bool_],
    learnable: NDArray[np.bool_],
) -> Inputs:
    """What a detector takes of a batch: features, numbers of the event, or its edge and time."""
    pack, spec = blueprint.detectors[number]
    if spec.model in OF_EDGES:
        ends = [batch.keys(name) for name in spec.features]
        rows = np.flatnonzero(taken & (ends[0] != 0) & (ends[1] != 0))
        columns = [*(end.view(np.float64) for end in ends), batch.times.astype(np.float64)]
    else:
        rows, columns = np.flatnonzero(taken), []
        for name in spec.features:
            at = blueprint.columns.get(f"{pack}.{name}")
            columns.append(features[at] if at is not None else batch.as_numbers(name))
    return Inputs(rows, np.stack([c[rows] for c in columns], axis=1), learnable[rows])


def shards_of(blueprint: Blueprint, number: int, batch: Batch) -> NDArray[np.int64]:
    """(n,): where a detector learns each event; −1 where its key is NULL: nowhere."""
    by = blueprint.detectors[number][1].by
    if by == EVERYTHING:
        return np.zeros(len(batch), np.int64)
    keys = batch.keys(by)
    return np.where(keys == 0, -1, keys % blueprint.deployment.shards)
