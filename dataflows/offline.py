"""The same steps without an engine: for scoring files, for tests, and as the reference.

Offline is always event time: events wait until the watermark has passed them and are then
released in the order of (event_time, labels first, event_id).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dataflows.components import (
    HomeIntake,
    HomeScoring,
    ShardAbsence,
    ShardAlerting,
    ShardDetection,
    ShardWindows,
)
from dataflows.counters import Counters
from dataflows.items import Decoded
from dataflows.subjects import by_subject
from models.absence import live
from models.alerts import Hit
from models.batch import Batch
from models.concluding import Concluder, Scored
from models.decoding.decoder import Decoder
from models.detecting import Verdict
from models.holding import Release
from models.ordering import EventTimeOrder, in_order
from models.planning.blueprint import Blueprint
from models.records import Alert, DeadLetter, LateEvent, RawBlock, Repeat
from models.rounds import FOREVER
from models.scattering import Scatterer
from models.scoring import Begun
from models.waits import Heard


@dataclass(slots=True)
class Results:
    """What some events led to, in order."""

    alerts: list[Alert | Repeat] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    late: list[LateEvent] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    over: list[Hit] = field(default_factory=list)
    """Hits that waited and whose time is over, of rules that are tried out as well."""


class Offline:
    """One process, one thread, no engine, no files.

    Parameters
    ----------
    blueprint
        The plan.
    ordered
        False keeps arrival order, as the dataflow does with ``ordering: arrival``.
    """

    def __init__(self, blueprint: Blueprint, *, ordered: bool = True) -> None:
        deployment = blueprint.deployment
        self.counters = Counters()
        self._blueprint = blueprint
        self._decoder = Decoder(blueprint.schema)
        self._intake = HomeIntake(deployment.lateness_ms)
        self._order: dict[int, EventTimeOrder] | None = {} if ordered else None
        self._scatterer = Scatterer(blueprint)
        self._windows = [ShardWindows(n, blueprint.spaces) for n in range(deployment.shards)]
        self._scoring, self._concluder = HomeScoring(blueprint), Concluder(blueprint)
        self._detection = [ShardDetection(blueprint) for _ in range(deployment.shards)]
        self._absence = [
            ShardAbsence(blueprint.waiting, deployment.lateness_ms, by_time=ordered)
            for _ in range(deployment.shards)
        ]
        self._alerting = [ShardAlerting() for _ in range(deployment.shards)]
        self._watermarks: dict[int, int] = {}
        self._sequence = 0

    def feed(self, block: RawBlock) -> Results:
        """Take a block; what comes back may belong to earlier ones."""
        results = self._judge(Decoded.of(block, *self._decoder.decode(block)))
        if self._order is not None:
            self._score(self._released(min(self._watermarks.values())), results)
        return results

    def _judge(self, decoded: Decoded) -> Results:
        judgement = self._intake.judge(decoded)
        self._intake.take_log()
        self.counters.judged(judgement.passed, judgement.dead, judgement.late)
        self._watermarks[decoded.partition] = self._intake.watermark_ms(decoded.partition)
        results = Results(dead_letters=judgement.dead, late=judgement.late)
        for passed in judgement.passed:
            batch = passed.batch
            if batch is None:
                continue
            if self._order is None:
                self._score([batch], results)
            else:
                self._order.setdefault(passed.partition, EventTimeOrder()).add(batch)
        return results

    def finish(self) -> Results:
        """The end of input: the watermark is infinite, nothing is held any more."""
        results = Results()
        self._score(self._released(FOREVER), results)
        return results

    def _released(self, before_ms: int) -> Sequence[Batch]:
        orders = (self._order or {}).values()
        return in_order([batch for order in orders for batch in order.take(before_ms)])

    def _score(self, batches: Sequence[Batch], results: Results) -> None:
        for batch in batches:
            release = Release(batch, batch.times, None, None)
            scattered = self._scatterer.scatter(0, self._sequence, release)
            self._sequence += 1
            self.counters.unconverted += scattered.unconverted
            self._scoring.expect(scattered)
            for shard, message in scattered.messages.items():
                self._scoring.receive(self._windows[shard].answer(message))
                self._windows[shard].take_log()
            for begun in self._scoring.release():
                scored = self._concluder.conclude(begun, self._verdicts(begun))
                self.counters.insufficient += scored.insufficient
                results.scored.append(scored)
                self._alert(scored.hits, results)
                self._wait(scored.heard, results)

    def _verdicts(self, begun: Begun) -> list[Verdict]:
        return [
            verdict
            for question in begun.questions
            for verdict in self._detection[question.shard].answer([question])
        ]

    def _wait(self, told: Sequence[Heard], results: Results) -> None:
        for heard in told:
            absence = self._absence[heard.shard]
            over = absence.hear([heard])
            absence.take_log()
            results.over += over
            self._alert(live(over), results)

    def _alert(self, found: Sequence[Hit], results: Results) -> None:
        for shard, hits in by_subject(found, self._blueprint).items():
            alerting = self._alerting[shard]
            before = alerting.repeated
            raised = alerting.raise_alerts(hits)
            alerting.take_log()
            self.counters.raised(raised, alerting.repeated - before)
            results.alerts.extend(raised)

    def run(self, blocks: Iterator[RawBlock]) -> Iterator[Results]:
        """Feed every block, then finish."""
        for block in blocks:
            yield self.feed(block)
        yield self.finish()
