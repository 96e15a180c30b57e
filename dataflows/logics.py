"""The stateful steps up to the score: components of the core, lent to Bytewax.

Each keeps its component in the state store and gives Bytewax only the manifest. A component is
made at the first item of its key, or from the manifest of a resume.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from bytewax.operators import StatefulBatchLogic

from dataflows.components import (
    HomeHold,
    HomeIntake,
    HomeScoring,
    ShardDetection,
    ShardWindows,
)
from dataflows.items import Decoded
from dataflows.segments import Manifest
from dataflows.shared import Kept, Shared
from models.concluding import Concluder, Scored
from models.detecting import Question, Verdict
from models.features.messages import Answer, Message
from models.holding import Release
from models.merging import Turns
from models.rounds import NO_TIME, Announcement, Pulse, Rounds
from models.scattering import Scattered, Scatterer
from models.scoring import Begun
from models.sequencing import InSequence

Emitted: TypeAlias = tuple[Iterable[Any], bool]


class IntakeLogic(StatefulBatchLogic[Any, Any, Manifest]):
    """Judge blocks in arrival order; announce how far the lane is."""

    def __init__(self, shared: Shared, manifest: Manifest | None) -> None:
        self._shared = shared
        self._intake = HomeIntake(shared.blueprint.deployment.lateness_ms)
        self._kept = Kept("intake", shared, manifest)
        if self._kept.shard is not None:
            self._kept.attach(self._kept.shard, self._intake)

    def on_batch(self, values: list[Decoded | Pulse]) -> Emitted:
        """Emit dead letters and late events as lists, then what passed, then announcements."""
        out: list[Any] = []
        counters = self._shared.counters
        for value in values:
            if not self._kept.key:
                shards = self._shared.blueprint.deployment.shards
                lane = value.lane if isinstance(value, Pulse) else value.partition % shards
                self._kept.attach(lane, self._intake)
            if isinstance(value, Pulse):
                out.append(self._intake.announce(value))
                continue
            again = value.next < self._intake.next_of(value.partition)
            judgement = self._intake.judge(value)
            self._kept.touch()
            counters.judged(judgement.passed, judgement.dead, judgement.late)
            good = sum(len(one.batch or ()) for one in judgement.passed if not one.again)
            self._shared.breaker.note(good, len(judgement.dead))
            out += [some for some in (judgement.dead, judgement.late) if some]
            out += judgement.passed
            # what is read again must be read on, however far ahead it was
            newest_ms = NO_TIME if again else self._intake.newest_ms(value.partition)
            self._shared.progress.newest_ms[value.partition] = newest_ms
        return out, StatefulBatchLogic.RETAIN

    def snapshot(self) -> Manifest:
        """The manifest."""
        return self._kept.snapshot()


class HoldLogic(StatefulBatchLogic[Any, Scattered, Manifest]):
    """Let events wait for other partitions, then scatter them."""

    def __init__(self, shared: Shared, manifest: Manifest | None) -> None:
        self._shared = shared
        self._scatterer = Scatterer(shared.blueprint)
        self._rounds = Rounds(shared.blueprint.deployment.shards)
        self._kept = Kept("hold", shared, manifest)
        self._hold: HomeHold | None = None
        self._home = 0
        self._sequence = 0
        by_time = shared.ordering == "event_time"
        self._waits_ms = shared.blueprint.deployment.lateness_ms if by_time else None
        if self._kept.shard is not None:
            self._open(self._kept.shard)

    def _open(self, home: int) -> HomeHold:
        self._home, self._hold = home, HomeHold(home, self._shared.ordering)
        self._kept.attach(home, self._hold)
        self._shared.progress.needed.update(self._hold.needed())
        return self._hold

    def on_batch(self, values: list[tuple[int, Any]]) -> Emitted:
        """Emit what goes on, scattered."""
        out: list[Scattered] = []
        for home, value in values:
            hold = self._hold or self._open(home)
            if isinstance(value, Announcement):
                for now in self._rounds.add(value):
                    self._shared.progress.turned(now, self._waits_ms)
                    out += self._scattered(hold.turn(now))
            else:
                out += self._scattered(hold.add(value))
        if self._hold:
            self._kept.touch()
            self._shared.progress.waiting.update(self._hold.waiting)
        return out, StatefulBatchLogic.RETAIN

    def _scattered(self, releases: Sequence[Release]) -> list[Scattered]:
        out = []
        for release in releases:
            scattered = self._scatterer.scatter(self._home, self._sequence, release)
            self._shared.counters.unconverted += scattered.unconverted
            self._sequence += 1
            out.append(scattered)
        return out

    def snapshot(self) -> Manifest:
        """The manifest; from now on the source need not go back further than what waits."""
        assert self._hold
        manifest = self._kept.snapshot()
        needed = self._hold.needed()
        if needed and self._home not in self._shared.progress.lanes:
            raise AssertionError(f"lane {self._home} is read by another process than its home's")
        self._shared.progress.needed.update(needed)
        self._shared.progress.committed()
        return manifest


class WindowsLogic(StatefulBatchLogic[Message, Answer, Manifest]):
    """Answer messages from one shard's windows."""

    def __init__(self, shared: Shared, manifest: Manifest | None) -> None:
        self._shared = shared
        self._turns = Turns[Message]()
        self._kept = Kept("windows", shared, manifest)
        self._windows: ShardWindows | None = None
        if self._kept.shard is not None:
            self._open(self._kept.shard)

    def _open(self, shard: int) -> ShardWindows:
        self._windows = ShardWindows(shard, self._shared.blueprint.spaces)
        self._kept.attach(shard, self._windows)
        return self._windows

    def on_batch(self, values: list[Message]) -> Emitted:
        """Answer in order."""
        windows = self._windows or self._open(values[0].shard)
        answers: list[Answer] = []
        for message in values:
            for group in self._turns.add(message, message.home, message.turn):
                answers += windows.answer_together(group)
        self._kept.touch()
        return answers, StatefulBatchLogic.RETAIN

    def snapshot(self) -> Manifest:
        """The manifest; every round must be complete."""
        if self._turns:
            raise AssertionError(f"{len(self._turns)} messages wait at an epoch close")
        return self._kept.snapshot()


class ScoreLogic(StatefulBatchLogic[Any, Begun | Scored, Manifest]):
    """Collect answers, score batches in sequence; only begin them if detectors are elsewhere."""

    def __init__(self, shared: Shared, manifest: Manifest | None) -> None:
        self._shared = shared
        self._scoring = HomeScoring(shared.blueprint)
        self._concluder = None if shared.blueprint.sharded else Concluder(shared.blueprint)
        self._kept = Kept("score", shared, manifest)
        if self._kept.shard is not None:
            self._kept.attach(self._kept.shard, self._scoring)

    def on_batch(self, values: list[Scattered | Answer]) -> Emitted:
        """Score what has become complete."""
        if not self._kept.key:
            self._kept.attach(values[0].home, self._scoring)
        for value in values:
            if isinstance(value, Scattered):
                self._scoring.expect(value)
            else:
                self._scoring.receive(value)
        begun = self._scoring.release()
        if begun:
            self._kept.touch()
        if self._concluder is None:
            return begun, StatefulBatchLogic.RETAIN
        scored = [self._concluder.conclude(one, ()) for one in begun]
        self._shared.counters.insufficient += sum(one.insufficient for one in scored)
        return scored, StatefulBatchLogic.RETAIN

    def snapshot(self) -> Manifest:
        """The manifest; everything that was expected must have been answered."""
        if self._scoring.pending:
            raise AssertionError(f"{self._scoring.pending} batches unanswered at an epoch close")
        return self._kept.snapshot()


class DetectLogic(StatefulBatchLogic[Question, Verdict, Manifest]):
    """Answer questions to the detectors of one shard."""

    def __init__(self, shared: Shared, manifest: Manifest | None) -> None:
        self._detection = ShardDetection(shared.blueprint)
        self._turns = Turns[Question]()
        self._kept = Kept("detect", shared, manifest)
        if self._kept.shard is not None:
            self._kept.attach(self._kept.shard, self._detection)

    def on_batch(self, values: list[Question]) -> Emitted:
        """Answer in order."""
        if not self._kept.key:
            self._kept.attach(values[0].shard, self._detection)
        verdicts: list[Verdict] = []
        for question in values:
            for group in self._turns.add(question, question.home, question.turn):
                verdicts += self._detection.answer(group)
        self._kept.touch()
        return verdicts, StatefulBatchLogic.RETAIN

    def snapshot(self) -> Manifest:
        """The manifest; every round must be complete."""
        if self._turns:
            raise AssertionError(f"{len(self._turns)} questions wait at an epoch close")
        return self._kept.snapshot()


class ConcludeLogic(StatefulBatchLogic[Any, Scored, None]):
    """Collect verdicts, conclude batches in sequence."""

    def __init__(self, shared: Shared, _manifest: None) -> None:
        self._shared = shared
        self._concluder = Concluder(shared.blueprint)
        self._waiting = InSequence[Begun, Verdict]()

    def on_batch(self, values: list[Begun | Verdict]) -> Emitted:
        """Conclude what has become complete."""
        for value in values:
            if isinstance(value, Begun):
                self._waiting.expect(value.scattered.sequence, value.asked, value)
            else:
                self._waiting.receive(value.sequence, value.shard, value)
        scored = [self._concluder.conclude(*complete) for complete in self._waiting.release()]
        self._shared.counters.insufficient += sum(one.insufficient for one in scored)
        return scored, StatefulBatchLogic.RETAIN

    def snapshot(self) -> None:
        """Nothing is kept: everything that was asked must have been answered."""
        if self._waiting:
            raise AssertionError(f"{len(self._waiting)} batches unanswered at an epoch close")
