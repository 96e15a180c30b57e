"""The stateful steps: components of the core, lent to Bytewax.

Each keeps its component in the state store and gives Bytewax only the manifest. A component is
made at the first item of its key, or from the manifest of a resume.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from bytewax.operators import StatefulBatchLogic

from dataflows.components import HomeIntake, HomeScoring, ShardAlerting, ShardWindows
from dataflows.counters import Counters
from dataflows.state import Manifest, StateStore
from models.alerts import Hit
from models.batch import Batch
from models.features.messages import Answer, Message
from models.planning.blueprint import Blueprint
from models.records import Alert, LateEvent, Repeat
from models.scattering import Scattered, Scatterer
from models.scoring import Scored

Emitted: TypeAlias = tuple[Iterable[Any], bool]


def late_events(batch: Batch, watermark_ms: int) -> list[LateEvent]:
    """The late events of a judged batch."""
    return [
        LateEvent(
            batch.partition, int(batch.offsets[row]),
            max(watermark_ms - int(batch.times[row]), 1), batch.raw(row),
        )
        for row in batch.late.nonzero()[0].tolist()
    ]  # fmt: skip


class IntakeLogic(StatefulBatchLogic[Batch, Any, Manifest]):
    """Judge batches in arrival order, then scatter them."""

    def __init__(
        self, blueprint: Blueprint, store: StateStore, counters: Counters, manifest: Manifest | None
    ) -> None:
        self._intake = HomeIntake(blueprint.deployment.lateness_ms)
        self._scatterer = Scatterer(blueprint)
        self._counters, self._store = counters, store
        self._shards = blueprint.deployment.shards
        self._sequence = 0
        self._key = manifest["key"] if manifest else ""
        if manifest:
            store.attach(self._key, self._intake, manifest)

    def on_batch(self, values: list[Batch]) -> Emitted:
        """Emit (for the home shard) late events and scattered batches."""
        out: list[Any] = []
        for batch in values:
            if not self._key:
                self._key = f"intake-{batch.partition % self._shards:04d}"
                self._store.attach(self._key, self._intake, None)
            judged = self._intake.judge(batch)
            self._store.touch(self._key)
            self._counters.duplicates += judged.duplicates
            if judged.batch.late.any():
                late = late_events(judged.batch, judged.watermark_ms)
                self._counters.late += len(late)
                out.append(late)
            scattered = self._scatterer.scatter(judged.batch, self._sequence)
            self._counters.unconverted += scattered.unconverted
            self._sequence += 1
            out.append(scattered)
        return out, StatefulBatchLogic.RETAIN

    def snapshot(self) -> Manifest:
        """The manifest."""
        return self._store.manifest(self._key)


class WindowsLogic(StatefulBatchLogic[Message, Answer, Manifest]):
    """Answer messages from one shard's windows."""

    def __init__(
        self, blueprint: Blueprint, store: StateStore, counters: Counters, manifest: Manifest | None
    ) -> None:
        del counters
        self._blueprint, self._store = blueprint, store
        self._windows: ShardWindows | None = None
        self._key = ""
        if manifest:
            self._open(int(manifest["key"].partition("-")[2]), manifest)

    def _open(self, shard: int, manifest: Manifest | None) -> ShardWindows:
        self._windows = ShardWindows(shard, self._blueprint.spaces)
        self._key = f"windows-{shard:04d}"
        self._store.attach(self._key, self._windows, manifest)
        return self._windows

    def on_batch(self, values: list[Message]) -> Emitted:
        """Answer in order."""
        windows = self._windows or self._open(values[0].shard, None)
        answers = [windows.answer(message) for message in values]
        self._store.touch(self._key)
        return answers, StatefulBatchLogic.RETAIN

    def snapshot(self) -> Manifest:
        """The manifest."""
        return self._store.manifest(self._key)


class ScoreLogic(StatefulBatchLogic[Any, Scored, Manifest]):
    """Collect answers, score batches in sequence."""

    def __init__(
        self, blueprint: Blueprint, store: StateStore, counters: Counters, manifest: Manifest | None
    ) -> None:
        self._scoring = HomeScoring(blueprint)
        self._store, self._counters = store, counters
        self._shards = blueprint.deployment.shards
        self._key = manifest["key"] if manifest else ""
        if manifest:
            store.attach(self._key, self._scoring, manifest)

    def on_batch(self, values: list[Any]) -> Emitted:
        """Score what has become complete."""
        for value in values:
            if isinstance(value, Scattered):
                self._open(value.batch.partition)
                self._scoring.expect(value)
            else:
                self._scoring.receive(value)
        scored = self._scoring.release()
        if scored:
            self._store.touch(self._key)
        self._counters.insufficient += sum(one.insufficient for one in scored)
        return scored, StatefulBatchLogic.RETAIN

    def _open(self, partition: int) -> None:
        if not self._key:
            self._key = f"score-{partition % self._shards:04d}"
            self._store.attach(self._key, self._scoring, None)

    def snapshot(self) -> Manifest:
        """The manifest; everything that was expected must have been answered."""
        if self._scoring.pending:
            raise AssertionError(f"{self._scoring.pending} batches unanswered at an epoch close")
        return self._store.manifest(self._key)


class AlertLogic(StatefulBatchLogic[tuple[int, list[Hit]], list[Alert | Repeat], Manifest]):
    """Decide which hits of one shard's subjects become alerts."""

    def __init__(
        self, blueprint: Blueprint, store: StateStore, counters: Counters, manifest: Manifest | None
    ) -> None:
        del blueprint
        self._alerting = ShardAlerting()
        self._store, self._counters = store, counters
        self._key = manifest["key"] if manifest else ""
        if manifest:
            store.attach(self._key, self._alerting, manifest)

    def on_batch(self, values: list[tuple[int, list[Hit]]]) -> Emitted:
        """Emit alerts and repeats in the order of the hits."""
        if not self._key:
            self._key = f"alerting-{values[0][0]:04d}"
            self._store.attach(self._key, self._alerting, None)
        before = self._alerting.repeated
        out = self._alerting.raise_alerts([hit for _shard, hits in values for hit in hits])
        self._store.touch(self._key)
        self._counters.raised(out, self._alerting.repeated - before)
        return [out] if out else [], StatefulBatchLogic.RETAIN

    def snapshot(self) -> Manifest:
        """The manifest."""
        return self._store.manifest(self._key)
