"""Scoring: a batch and its answers to hits — rules, detectors, the other rules, in that order."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.alerts import Hit, action_of, risk_of
from models.batch import Batch
from models.detectors.catalogue import build_detector
from models.expressions.codes import HIT, INSUFFICIENT
from models.features.messages import Answer
from models.hits import HitReader, evidence_of
from models.placing import Placer
from models.planning.blueprint import Blueprint
from models.records import Decision
from models.rounds import Turn
from models.running import Outputs, Runner
from models.scattering import Scattered
from models.waits import Heard, told


class Detector(Protocol):
    """What scoring asks of a detector; see `models.detectors.half_space_trees`."""

    def score(
        self, x: NDArray[np.float64], learnable: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score in order, learning each event after it was scored."""

    def save(self) -> dict[str, NDArray[Any]]:
        """The whole state, copied."""

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The outcome of one batch.

    Attributes
    ----------
    home
        Its home shard.
    turn
        Of the round that it belongs to.
    batch
        Its events; None where only the turn matters.
    hits
        Live hits, in the order of the events.
    shadow
        Hits of shadow rules.
    insufficient
        How many rule evaluations lacked history.
    risk, action
        (n,) per event, the strongest over all packs; 0 and ``allow`` where nothing hit.
    scores
        Detector name → (n,) scores.
    heard
        What rules with `absent` are told, by shard; empty where there is none.
    """

    home: int
    turn: Turn | None
    batch: Batch | None
    hits: list[Hit]
    shadow: list[Hit]
    insufficient: int
    risk: NDArray[np.float64]
    action: list[str]
    scores: dict[str, NDArray[np.float64]]
    heard: Sequence[Heard] = ()

    def decisions(self) -> list[Decision]:
        """What was made of each event."""
        batch = self.batch
        if batch is None:
            return []
        scores = {name: values.tolist() for name, values in self.scores.items()}
        return [
            Decision(
                batch.text("tenant", row) or "", batch.text("kind", row) or "",
                batch.text("event_id", row) or "", time_ms, risk, action,
                {name: s[row] for name, s in scores.items() if not math.isnan(s[row])},
            )
            for row, (time_ms, risk, action) in enumerate(
                zip(batch.times.tolist(), self.risk.tolist(), self.action, strict=True)
            )
        ]  # fmt: skip


class Scorer:
    """Rules and detectors of one home shard.

    The detectors' state is small and saved whole; rules have none.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        rules, severities = blueprint.rules, sum(len(r.severities) for r in blueprint.rules)
        asked = len(blueprint.detectors) + len(blueprint.waiting)
        self._before = Runner(blueprint.before, len(rules), asked)
        # what is only tried out, or only weighs, must not keep ordinary events from being learnt
        self._guards = np.array(
            [r.index for r in rules if r.spec.status == "live" and r.spec.alone and not r.expected],
            np.int64,
        )
        self._after = Runner(blueprint.after, len(rules), 1)
        self._severities = Runner(blueprint.severities, severities, 1)
        self._placer = Placer(blueprint)
        self.detectors: list[Detector] = [build_detector(spec) for _p, spec in blueprint.detectors]

    def score(self, scattered: Scattered, answers: Sequence[Answer]) -> Scored:
        """Score a batch whose answers are complete."""
        batch = scattered.batch
        if batch is None:
            return Scored(
                scattered.home, scattered.turn, None, [], [], 0, np.zeros(0), [], {},
                self._told(scattered),
            )  # fmt: skip
        n = len(batch)
        features, truncated = self._placer.place(answers, n)
        out = self._before.run(batch, features)
        scores = self._detect(batch, features, out)
        if self._blueprint.detectors:
            out = self._after.run(batch, features, out)
        rows = np.flatnonzero(out.touched)
        risk, action = np.zeros(n), ["allow"] * n
        hits: list[Hit] = []
        shadow: list[Hit] = []
        waits: list[tuple[int, Hit]] = []
        if rows.size:
            chosen = batch.take(rows)
            severities = self._severities.run(chosen, np.ascontiguousarray(features[:, rows]))
            evidence = evidence_of(self._blueprint, answers, set(rows.tolist()))
            found = HitReader(
                self._blueprint, batch, features, truncated, out.outcomes, scattered.order_ms,
                rows.tolist(), severities.outcomes, evidence, scores,
            )  # fmt: skip
            for row, live, tried, waiting in found.hits():
                hits.extend(live)
                shadow.extend(tried)
                waits += [(row, hit) for hit in waiting]
                if live:
                    every = [rule_hit for hit in live for rule_hit in hit.hits]
                    told = [found for hit in live for found in hit.typologies]
                    risk[row], action[row] = risk_of(every), action_of(every, told)
        insufficient = int(np.count_nonzero(out.outcomes == INSUFFICIENT))
        named = {name: values for name, (values, _shares) in scores.items()}
        return Scored(
            scattered.home, scattered.turn, batch, hits, shadow, insufficient, risk, action, named,
            self._told(scattered, waits, list(out.results[len(self.detectors) :])),
        )  # fmt: skip

    def _told(
        self,
        scattered: Scattered,
        waits: Sequence[tuple[int, Hit]] = (),
        meets: Sequence[NDArray[np.float64]] = (),
    ) -> list[Heard]:
        if not self._blueprint.waiting:
            return []
        home, turn, clocks_ms = scattered.home, scattered.turn, scattered.clocks_ms
        return told(self._blueprint, home, turn, clocks_ms, scattered.batch, waits, meets)

    def _detect(
        self, batch: Batch, features: NDArray[np.float64], out: Outputs
    ) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        scores, learnable = {}, self._learnable(out)
        named = zip(self.detectors, self._blueprint.detectors, out.results, strict=False)
        for detector, (pack, spec), chosen in named:
            rows = np.flatnonzero((chosen == 1.0) & ~batch.late)
            columns = [
                _input(self._blueprint, pack, name, batch, features) for name in spec.features
            ]
            x = np.stack([column[rows] for column in columns], axis=1)
            found, shares = detector.score(x, learnable[rows])
            name = f"{pack}.{spec.name}"
            at = self._blueprint.columns[name]
            features[at, rows], features[at + 1, rows] = found, shares
            scores[name] = (features[at, : len(batch)], features[at + 1, : len(batch)])
        return scores

    def _learnable(self, out: Outputs) -> NDArray[np.bool_]:
        """Events on which no live rule hit that would raise an alert by itself."""
        learnable: NDArray[np.bool_] = ~out.touched
        rows = np.flatnonzero(out.touched)
        guarded = (out.outcomes[np.ix_(self._guards, rows)] == HIT).any(axis=0)
        learnable[rows[~guarded]] = True
        return learnable

    def save(self) -> dict[str, NDArray[Any]]:
        """The detectors' state, copied."""
        return {
            f"{number}.{name}": array
            for number, detector in enumerate(self.detectors)
            for name, array in detector.save().items()
        }

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        for number, detector in enumerate(self.detectors):
            head = f"{number}."
            detector.load({n[len(head) :]: a for n, a in saved.items() if n.startswith(head)})


def _input(
    blueprint: Blueprint,
    pack: str,
    name: str,
    batch: Batch,
    features: NDArray[np.float64],
) -> NDArray[np.float64]:
    """A detector's input column: a feature, or a number or amount of the event."""
    at = blueprint.columns.get(f"{pack}.{name}")
    return features[at] if at is not None else batch.as_numbers(name)
