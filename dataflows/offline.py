"""The same steps without an engine: for scoring files, for tests, and as the reference.

Offline is always event time: events wait until the watermark has passed them and are then
released in the order of (event_time, labels first, event_id).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from dataflows.components import HomeIntake, HomeScoring, ShardAlerting, ShardWindows
from dataflows.counters import Counters
from dataflows.logics import late_events
from dataflows.subjects import by_subject
from models.batch import Batch
from models.decoding.decoder import Decoder
from models.ordering import EventTimeOrder
from models.planning.blueprint import Blueprint
from models.records import Alert, DeadLetter, LateEvent, RawBlock, Repeat
from models.scattering import Scatterer
from models.scoring import Scored


@dataclass(slots=True)
class Results:
    """What some events led to, in order."""

    alerts: list[Alert | Repeat] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    late: list[LateEvent] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)


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
        self._order = EventTimeOrder() if ordered else None
        self._scatterer = Scatterer(blueprint)
        self._windows = [ShardWindows(n, blueprint.spaces) for n in range(deployment.shards)]
        self._scoring = HomeScoring(blueprint)
        self._alerting = [ShardAlerting() for _ in range(deployment.shards)]
        self._sequence = 0

    def feed(self, block: RawBlock) -> Results:
        """Take a block; what comes back may belong to earlier ones."""
        batch, dead = self._decoder.decode(block)
        self.counters.decoded(batch, dead)
        results = Results(dead_letters=dead)
        judged = self._intake.judge(batch)
        self._intake.take_log()
        self.counters.duplicates += judged.duplicates
        if judged.batch.late.any():
            results.late = late_events(judged.batch, judged.watermark_ms)
            self.counters.late += len(results.late)
        if self._order is None:
            self._score(judged.batch, results)
        else:
            for released in self._order.add(judged.batch, judged.watermark_ms):
                self._score(released, results)
        return results

    def finish(self) -> Results:
        """The end of input: the watermark is infinite, nothing is held any more."""
        results = Results()
        for released in self._order.finish() if self._order else []:
            self._score(released, results)
        return results

    def _score(self, batch: Batch, results: Results) -> None:
        scattered = self._scatterer.scatter(batch, self._sequence)
        self._sequence += 1
        self.counters.unconverted += scattered.unconverted
        self._scoring.expect(scattered)
        for shard, message in scattered.messages.items():
            self._scoring.receive(self._windows[shard].answer(message))
            self._windows[shard].take_log()
        for scored in self._scoring.release():
            self.counters.insufficient += scored.insufficient
            results.scored.append(scored)
            for shard, hits in by_subject(scored.hits, self._blueprint):
                before = self._alerting[shard].repeated
                raised = self._alerting[shard].raise_alerts(hits)
                self._alerting[shard].take_log()
                self.counters.raised(raised, self._alerting[shard].repeated - before)
                results.alerts.extend(raised)

    def run(self, blocks: Iterator[RawBlock]) -> Iterator[Results]:
        """Feed every block, then finish."""
        for block in blocks:
            yield self.feed(block)
        yield self.finish()
