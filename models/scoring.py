"""The first half of scoring: a batch's answers, the rules that read no detector, and detectors.

The order is: rules that read no detector; detectors; the other rules (`models.concluding`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detecting import Detectors, Inputs, Marks, Question, inputs_of, shards_of
from models.expressions.codes import HIT
from models.features.messages import Answer, Order
from models.placing import Placer
from models.planning.blueprint import Blueprint
from models.running import Outputs, Runner
from models.scattering import Scattered


@dataclass(slots=True)
class Begun:
    """A batch between the two halves.

    Attributes
    ----------
    scattered
        The batch.
    answers
        Of the shards of its entities.
    features, truncated, out
        What was placed, and what the rules that read no detector wrote; `out` is None without a
        batch.
    questions
        To the shards of keys by which detectors learn.
    """

    scattered: Scattered
    answers: Sequence[Answer]
    features: NDArray[np.float64]
    truncated: NDArray[np.bool_]
    out: Outputs | None
    questions: Sequence[Question] = ()

    @property
    def asked(self) -> int:
        """How many shards will answer."""
        return sum(bool(question.asked) for question in self.questions)

    def put(self, blueprint: Blueprint, number: int, marks: Marks) -> None:
        """Take what a detector makes of some of the events."""
        _name, at = blueprint.marks[number]
        self.features[at, marks.rows] = marks.scores
        self.features[at + 1, marks.rows] = marks.shares


class Scorer:
    """The first half of scoring in one home shard.

    The detectors' state is small and saved whole; rules have none.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint, rules = blueprint, blueprint.rules
        self._before = Runner(blueprint.before, len(rules), blueprint.asked)
        # what is only tried out, or only weighs, must not keep ordinary events from being learnt
        self._guards = np.array(
            [r.index for r in rules if r.spec.status == "live" and r.spec.alone and not r.expected],
            np.int64,
        )
        self._placer = Placer(blueprint)
        self._detectors = Detectors(blueprint, blueprint.at_home)

    def begin(self, scattered: Scattered, answers: Sequence[Answer]) -> Begun:
        """Begin a batch whose answers are complete."""
        batch = scattered.batch
        if batch is None:
            nothing = np.zeros((0, 0)), np.zeros(0, np.bool_)
            return Begun(scattered, answers, *nothing, None, list(self._questions(scattered, {})))
        features, truncated = self._placer.place(answers, len(batch))
        begun = Begun(scattered, answers, features, truncated, self._before.run(batch, features))
        if self._blueprint.detectors:
            self._detect(begun)
        return begun

    def _detect(self, begun: Begun) -> None:
        batch, out, blueprint = begun.scattered.batch, begun.out, self._blueprint
        assert batch is not None
        assert out is not None
        learnable = self._learnable(out)
        taken = {
            number: (out.results[number] == 1.0) & ~batch.late
            for number in range(len(blueprint.detectors))
        }
        for number in blueprint.at_home:
            inputs = inputs_of(blueprint, number, batch, begun.features, taken[number], learnable)
            begun.put(blueprint, number, self._detectors.mark(number, inputs))
        asked: dict[int, dict[int, Inputs]] = {}
        for number in blueprint.sharded:
            shards = shards_of(blueprint, number, batch)
            every = taken[number] & (shards >= 0)
            inputs = inputs_of(blueprint, number, batch, begun.features, every, learnable)
            own = shards[inputs.rows]
            for shard in np.unique(own).tolist():
                asked.setdefault(shard, {})[number] = inputs.take(own == shard)
        begun.questions = list(self._questions(begun.scattered, asked))

    def _questions(
        self, scattered: Scattered, asked: Mapping[int, Mapping[int, Inputs]]
    ) -> Iterator[Question]:
        """To every shard that is asked; in a round to all of them, for they wait for it."""
        if not self._blueprint.sharded:
            return
        every = range(self._blueprint.deployment.shards) if scattered.turn else sorted(asked)
        for shard in every:
            own = asked.get(shard, {})
            order = _order(scattered, own) if scattered.turn and own else None
            yield Question(shard, scattered.home, scattered.sequence, own, order, scattered.turn)

    def _learnable(self, out: Outputs) -> NDArray[np.bool_]:
        """Events on which no live rule hit that would raise an alert by itself."""
        learnable: NDArray[np.bool_] = ~out.touched
        rows = np.flatnonzero(out.touched)
        guarded = (out.outcomes[np.ix_(self._guards, rows)] == HIT).any(axis=0)
        learnable[rows[~guarded]] = True
        return learnable

    def save(self) -> dict[str, NDArray[Any]]:
        """The detectors' state, copied."""
        return self._detectors.save()

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        self._detectors.load(saved)


def _order(scattered: Scattered, asked: Mapping[int, Inputs]) -> Order:
    rows = np.unique(np.concatenate([inputs.rows for inputs in asked.values()]))
    ids = scattered.ids[rows] if scattered.ids is not None else None
    return Order(rows, scattered.order_ms[rows], ids)
