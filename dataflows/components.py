"""The stateful parts of the core in the form that the state store takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dataflows.items import Decoded
from models.absence import Absence
from models.alerting import Alerting
from models.batch import Batch
from models.detecting import Detectors
from models.features.messages import Answer
from models.features.shard import WindowsShard
from models.holding import Holding, Passed
from models.intake import Intake
from models.places import offset_of, partition_of
from models.planning.blueprint import Blueprint
from models.records import DeadLetter, LateEvent
from models.rounds import FOREVER, NO_TIME, Announcement, Pulse
from models.scattering import Scattered
from models.scoring import Begun, Scorer
from models.sequencing import InSequence

_NOWHERE: Final = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What intake makes of one decoded block.

    Attributes
    ----------
    passed
        For the hold: what was seen before, then what is new.
    dead
        The dead letters that are new.
    late
        The events that are new and late.
    """

    passed: list[Passed]
    dead: list[DeadLetter]
    late: list[LateEvent]


class HomeIntake:
    """Intake of every partition whose home is one shard, and what it announces."""

    whole = False

    def __init__(self, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        self._intakes: dict[int, Intake] = {}
        self._next: dict[int, int] = {}
        self._moved: set[int] = set()

    def _of(self, partition: int) -> Intake:
        return self._intakes.setdefault(partition, Intake(self._lateness_ms))

    def judge(self, decoded: Decoded) -> Judgement:
        """Drop duplicates, mark late events; what was judged by an earlier run passes as it is."""
        partition, batch, seen = (
            decoded.partition,
            decoded.batch,
            self._next.get(decoded.partition, 0),
        )
        dead = [letter for letter in decoded.dead if letter.offset >= seen]
        passed: list[Passed] = []
        if batch is not None and len(batch) and offset_of(int(batch.places[0])) < seen:
            known = int(np.searchsorted(offset_of(batch.places), seen))
            before = batch.take(np.arange(known))
            after = offset_of(int(before.places[-1])) + 1
            passed.append(Passed(partition, before, after, _NOWHERE, again=True))
            batch = batch.take(np.arange(known, len(batch)))
        if decoded.next <= seen:
            return Judgement(passed, dead, [])
        self._next[partition] = decoded.next
        self._moved.add(partition)
        if batch is None or not len(batch):
            # where it stands must be known, or the source would go back to it for ever
            passed.append(Passed(partition, None, decoded.next, _NOWHERE))
            return Judgement(passed, dead, [])
        judged = self._of(partition).judge(batch)
        passed.append(Passed(partition, judged.batch, decoded.next, judged.dropped))
        return Judgement(passed, dead, late_events(judged.batch, judged.watermark_ms))

    def announce(self, pulse: Pulse) -> Announcement:
        """How far this lane is."""
        watermark_ms = frontier_ms = FOREVER
        newest_ms = NO_TIME
        for partition, status in pulse.partitions.items():
            intake = self._of(partition)
            again = status.next < self._next.get(partition, 0)
            newest_ms = max(newest_ms, intake.newest_ms)
            if not status.idle or again:
                watermark_ms = min(watermark_ms, NO_TIME if again else intake.watermark_ms)
            if not status.at_end or again:
                frontier_ms = min(frontier_ms, NO_TIME if again else intake.newest_ms)
        if pulse.final:
            watermark_ms = frontier_ms = FOREVER
        return Announcement(
            pulse.lane, len(pulse.partitions), watermark_ms, frontier_ms, newest_ms, pulse.final
        )

    def next_of(self, partition: int) -> int:
        """Offset up to which a partition was judged."""
        return self._next.get(partition, 0)

    def watermark_ms(self, partition: int) -> int:
        """Watermark of a partition; `NO_TIME` before its first event."""
        return self._of(partition).watermark_ms

    def newest_ms(self, partition: int) -> int:
        """Newest event time of a partition; `NO_TIME` before its first event."""
        return self._of(partition).newest_ms

    @property
    def newest_of_all_ms(self) -> int:
        """Newest event time of all partitions; `NO_TIME` before the first event."""
        return max((intake.newest_ms for intake in self._intakes.values()), default=NO_TIME)

    def take_log(self) -> list[NDArray[Any]]:
        """Chunks: partition, offset after it, hashes and times."""
        moved, self._moved = self._moved, set()
        found = []
        for partition in sorted(moved):
            head = np.array([partition, self._next[partition]], np.int64)
            chunks = self._of(partition).take_log() or [np.zeros((2, 0), np.int64)]
            found += [np.concatenate([head, chunk.reshape(-1)]) for chunk in chunks]
        return found

    def replay(self, log: Sequence[NDArray[Any]]) -> None:
        """Judge again."""
        for chunk in log:
            self._of(int(chunk[0])).replay([chunk[2:]])
            self._next[int(chunk[0])] = int(chunk[1])

    def save(self) -> dict[str, NDArray[Any]]:
        """Every partition's state."""
        saved: dict[str, NDArray[Any]] = {
            f"{partition}.{name}": array
            for partition, intake in self._intakes.items()
            for name, array in intake.save().items()
        }
        return saved | {
            f"{partition}.next": np.array([offset]) for partition, offset in self._next.items()
        }

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        for partition in {int(name.partition(".")[0]) for name in saved}:
            head = f"{partition}."
            own = {n[len(head) :]: a for n, a in saved.items() if n.startswith(head)}
            if "next" in own:
                self._next[partition] = int(own.pop("next")[0])
            if own:
                self._of(partition).load(own)


def late_events(batch: Batch, watermark_ms: int) -> list[LateEvent]:
    """The late events of a judged batch."""
    return [
        LateEvent(
            partition_of(place), offset_of(place), max(watermark_ms - time_ms, 1), batch.raw(row),
            batch.headers.get(place, ()),
        )
        for row, place, time_ms in (
            (row, int(batch.places[row]), int(batch.times[row]))
            for row in batch.late.nonzero()[0].tolist()
        )
    ]  # fmt: skip


def _in_turn(saved: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The log of a small state: itself, without the names."""
    return list(saved.values())


def _named(saved: Mapping[str, NDArray[Any]], log: Sequence[NDArray[Any]]) -> dict[str, Any]:
    """What `_in_turn` wrote, under the names that the state has."""
    return dict(zip(saved, log, strict=True))


class HomeHold(Holding):
    """What waits in one home, as the store sees it: small, so written whole."""

    whole = True

    def take_log(self) -> list[NDArray[Any]]:
        """The whole state."""
        return _in_turn(self.save())

    def replay(self, log: Sequence[NDArray[Any]]) -> None:
        """Take over the newest state."""
        self.load(_named(self.save(), log))


class ShardWindows(WindowsShard):
    """One shard's windows, as the store sees them."""

    whole = False


class HomeScoring:
    """Scoring in one home, up to the questions to detectors in other shards."""

    whole = True

    def __init__(self, blueprint: Blueprint) -> None:
        self._scorer = Scorer(blueprint)
        self._waiting = InSequence[Scattered, Answer]()

    def expect(self, scattered: Scattered) -> None:
        """A batch is on its way."""
        self._waiting.expect(scattered.sequence, scattered.asked, scattered)

    def receive(self, answer: Answer) -> None:
        """One shard has answered."""
        self._waiting.receive(answer.sequence, answer.shard, answer)

    def release(self) -> list[Begun]:
        """Begin every batch that is complete and next."""
        return [self._scorer.begin(*complete) for complete in self._waiting.release()]

    @property
    def pending(self) -> int:
        """Batches that still wait."""
        return len(self._waiting)

    def take_log(self) -> list[NDArray[Any]]:
        """The detectors' whole state, as named arrays in turn."""
        return _in_turn(self.save())

    def replay(self, log: Sequence[NDArray[Any]]) -> None:
        """Take over the newest state."""
        self.load(_named(self.save(), log))

    def save(self) -> dict[str, NDArray[Any]]:
        """The detectors' state."""
        return self._scorer.save()

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        self._scorer.load(saved)


class ShardDetection(Detectors):
    """Detectors that learn in one shard of their keys, as the store sees them."""

    whole = True

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint, blueprint.sharded)

    def take_log(self) -> list[NDArray[Any]]:
        """The whole state."""
        return _in_turn(self.save())

    def replay(self, log: Sequence[NDArray[Any]]) -> None:
        """Take over the newest state."""
        self.load(_named(self.save(), log))


class ShardAbsence(Absence):
    """What waits in one shard of keys, as the store sees it."""

    whole = False


class ShardAlerting(Alerting):
    """One shard's alert state, as the store sees it."""

    whole = False
