"""The stateful steps behind the score: what waits, and which hits become alerts."""

from bytewax.operators import StatefulBatchLogic

from dataflows.components import ShardAbsence, ShardAlerting
from dataflows.logics import Emitted
from dataflows.segments import Manifest
from dataflows.shared import Kept, Shared
from dataflows.subjects import SubjectHits
from models.alerting import merged
from models.alerts import Hit
from models.merging import Turns
from models.records import Alert, Repeat
from models.waits import Heard


class AbsenceLogic(StatefulBatchLogic[Heard, list[Hit], Manifest]):
    """Let hits of rules with `absent` wait in one shard of keys."""

    def __init__(self, shared: Shared, manifest: Manifest | None) -> None:
        blueprint, by_time = shared.blueprint, shared.ordering == "event_time"
        lateness_ms = blueprint.deployment.lateness_ms
        self._absence = ShardAbsence(blueprint.waiting, lateness_ms, by_time=by_time)
        self._turns = Turns[Heard]()
        self._kept = Kept("absence", shared, manifest)
        if self._kept.shard is not None:
            self._kept.attach(self._kept.shard, self._absence)

    def on_batch(self, values: list[Heard]) -> Emitted:
        """Emit the hits whose time is over."""
        if not self._kept.key:
            self._kept.attach(values[0].shard, self._absence)
        hits: list[Hit] = []
        for value in values:
            for group in self._turns.add(value, value.home, value.turn):
                hits += self._absence.hear(group)
        self._kept.touch()
        return [hits] if hits else [], StatefulBatchLogic.RETAIN

    def snapshot(self) -> Manifest:
        """The manifest; every round must be complete."""
        if self._turns:
            raise AssertionError(f"{len(self._turns)} messages wait at an epoch close")
        return self._kept.snapshot()


class AlertLogic(StatefulBatchLogic[SubjectHits, list[Alert | Repeat], Manifest]):
    """Decide which hits of one shard's subjects become alerts."""

    def __init__(self, shared: Shared, manifest: Manifest | None) -> None:
        self._shared = shared
        self._alerting = ShardAlerting()
        self._turns = Turns[SubjectHits]()
        self._kept = Kept("alerting", shared, manifest)
        if self._kept.shard is not None:
            self._kept.attach(self._kept.shard, self._alerting)

    def on_batch(self, values: list[SubjectHits]) -> Emitted:
        """Emit alerts and repeats in the order of the hits."""
        if not self._kept.key:
            self._kept.attach(values[0].shard, self._alerting)
        before = self._alerting.repeated
        hits: list[Hit] = []
        blueprint = self._shared.blueprint
        for value in values:
            for group in self._turns.add(value, value.home, value.turn):
                turn = group[0].turn
                parts = [part.bound(blueprint) for part in group]
                hits += merged(parts, by_time=turn is None or turn.by_time)
        out = self._alerting.raise_alerts(hits)
        self._kept.touch()
        self._shared.counters.raised(out, self._alerting.repeated - before)
        return [out] if out else [], StatefulBatchLogic.RETAIN

    def snapshot(self) -> Manifest:
        """The manifest; every round must be complete."""
        if self._turns:
            raise AssertionError(f"{len(self._turns)} hits wait at an epoch close")
        return self._kept.snapshot()
