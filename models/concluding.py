"""The second half of scoring: the rules that read detectors, and hits of all rules."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.alerts import Hit, action_of, risk_of
from models.batch import Batch
from models.detecting import Verdict
from models.expressions.codes import INSUFFICIENT
from models.hits import HitReader, evidence_of
from models.planning.blueprint import Blueprint
from models.records import Decision
from models.rounds import Turn
from models.running import Runner
from models.scattering import Scattered
from models.scoring import Begun
from models.waits import Heard, told


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


class Concluder:
    """Concludes what `Scorer` has begun; holds no state between batches."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        rules, severities = blueprint.rules, sum(len(r.severities) for r in blueprint.rules)
        self._after = Runner(blueprint.after, len(rules), 1)
        self._severities = Runner(blueprint.severities, severities, 1)

    def conclude(self, begun: Begun, verdicts: Sequence[Verdict]) -> Scored:
        """Conclude a batch whose questions to detectors are answered."""
        scattered, batch, out = begun.scattered, begun.scattered.batch, begun.out
        if batch is None:
            return Scored(
                scattered.home, scattered.turn, None, [], [], 0, np.zeros(0), [], {},
                self._told(scattered),
            )  # fmt: skip
        assert out is not None
        for verdict in verdicts:
            for number, marks in verdict.marks.items():
                begun.put(self._blueprint, number, marks)
        if self._blueprint.detectors:
            out = self._after.run(batch, begun.features, out)
        rows, scores = np.flatnonzero(out.touched), self._scores(begun.features, len(batch))
        risk, action = np.zeros(len(batch)), ["allow"] * len(batch)
        hits: list[Hit] = []
        shadow: list[Hit] = []
        waits: list[tuple[int, Hit]] = []
        if rows.size:
            chosen = batch.take(rows)
            severities = self._severities.run(chosen, np.ascontiguousarray(begun.features[:, rows]))
            evidence = evidence_of(self._blueprint, begun.answers, set(rows.tolist()))
            found = HitReader(
                self._blueprint, batch, begun.features, begun.truncated, out.outcomes,
                scattered.order_ms, rows.tolist(), severities.outcomes, evidence, scores,
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
            self._told(scattered, waits, list(out.results[len(self._blueprint.detectors) :])),
        )  # fmt: skip

    def _scores(
        self, features: NDArray[np.float64], n: int
    ) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Detector → (scores, tail shares), (n,); NaN where it was not asked."""
        marks = self._blueprint.marks
        return {name: (features[at, :n], features[at + 1, :n]) for name, at in marks}

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
