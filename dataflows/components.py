"""The stateful parts of the core in the form that the state store takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.alerting import Alerting
from models.batch import Batch
from models.features.messages import Answer
from models.features.shard import WindowsShard
from models.intake import Intake, Judged
from models.planning.blueprint import Blueprint
from models.scattering import Scattered
from models.scoring import Scored, Scorer


class HomeIntake:
    """Intake of every partition whose home is one shard."""

    whole = False

    def __init__(self, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        self._intakes: dict[int, Intake] = {}

    def _of(self, partition: int) -> Intake:
        return self._intakes.setdefault(partition, Intake(self._lateness_ms))

    def judge(self, batch: Batch) -> Judged:
        """Drop duplicates and mark late events."""
        return self._of(batch.partition).judge(batch)

    def take_log(self) -> list[NDArray[Any]]:
        """Chunks, each headed by its partition."""
        return [
            np.concatenate([np.array([partition], np.int64), chunk.reshape(-1)])
            for partition, intake in self._intakes.items()
            for chunk in intake.take_log()
        ]

    def replay(self, log: Sequence[NDArray[Any]]) -> None:
        """Judge again."""
        for chunk in log:
            self._of(int(chunk[0])).replay([chunk[1:]])

    def save(self) -> dict[str, NDArray[Any]]:
        """Every partition's state."""
        return {
            f"{partition}.{name}": array
            for partition, intake in self._intakes.items()
            for name, array in intake.save().items()
        }

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        for partition in {int(name.partition(".")[0]) for name in saved}:
            head = f"{partition}."
            own = {n[len(head) :]: a for n, a in saved.items() if n.startswith(head)}
            self._of(partition).load(own)


class ShardWindows(WindowsShard):
    """One shard's windows, as the store sees them."""

    whole = False


class HomeScoring:
    """Scoring of every partition whose home is one shard: waits for answers, keeps the order.

    Batches of a partition are released strictly in sequence, each when all of its shards have
    answered.
    """

    whole = True

    def __init__(self, blueprint: Blueprint) -> None:
        self._scorer = Scorer(blueprint)
        self._has_state = bool(blueprint.detectors)
        self._waiting: dict[int, dict[int, Scattered]] = {}
        self._answers: dict[tuple[int, int], list[Answer]] = {}

    def expect(self, scattered: Scattered) -> None:
        """A batch is on its way."""
        partition = scattered.batch.partition
        self._waiting.setdefault(partition, {})[scattered.sequence] = scattered

    def receive(self, answer: Answer) -> None:
        """One shard has answered."""
        self._answers.setdefault((answer.partition, answer.sequence), []).append(answer)

    def release(self) -> list[Scored]:
        """Score every batch that is complete and next in its partition."""
        scored = []
        for partition, waiting in self._waiting.items():
            for sequence in sorted(waiting):
                batch = waiting[sequence]
                answers = self._answers.get((partition, sequence), [])
                if len(answers) < len(batch.messages):
                    break
                self._answers.pop((partition, sequence), None)
                del waiting[sequence]
                # the order in which shards answered is not theirs to decide
                answers.sort(key=lambda answer: answer.shard)
                scored.append(self._scorer.score(batch, answers))
        return scored

    @property
    def pending(self) -> int:
        """Batches that still wait."""
        return sum(len(waiting) for waiting in self._waiting.values())

    def take_log(self) -> list[NDArray[Any]]:
        """The detectors' whole state, as named arrays in turn."""
        return list(self._scorer.save().values()) if self._has_state else []

    def replay(self, log: Sequence[NDArray[Any]]) -> None:
        """Take over the newest state."""
        self.load(dict(zip(self._scorer.save(), log, strict=True)))

    def save(self) -> dict[str, NDArray[Any]]:
        """The detectors' state."""
        return self._scorer.save()

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        self._scorer.load(saved)


class ShardAlerting(Alerting):
    """One shard's alert state, as the store sees it."""

    whole = False
