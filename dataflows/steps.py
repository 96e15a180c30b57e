"""The steps of the flow without state: what goes where."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from dataflows.items import Decoded
from dataflows.shards import shard_key
from dataflows.shared import Shared
from dataflows.subjects import NOBODY, SubjectHits, by_subject, to_subjects
from models.absence import live, tried
from models.alerting import to_alert
from models.alerts import Hit
from models.concluding import Scored
from models.decoding.decoder import Decoder
from models.detecting import Verdict
from models.features.messages import Answer
from models.holding import Passed
from models.records import DeadLetter, RawBlock
from models.rounds import Announcement, Pulse
from models.scattering import Scattered
from models.scoring import Begun

Keyed: TypeAlias = tuple[str, Any]
"""A shard's key, and what it is to get."""


class Steps:
    """Lent to the engine one by one."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._shards = shared.blueprint.deployment.shards
        self._keys = [shard_key(shard) for shard in range(self._shards)]
        self._decoder = Decoder(shared.blueprint.schema)

    def decode(self, item: RawBlock | DeadLetter | Pulse) -> Keyed:
        """Blocks to what intake takes, at the home of their partition."""
        if isinstance(item, Pulse):
            return self._keys[item.lane], item
        home = self._keys[item.partition % self._shards]
        if isinstance(item, DeadLetter):
            return home, Decoded(item.partition, item.offset + 1, None, [item])
        return home, Decoded.of(item, *self._decoder.decode(item))

    def to_holds(self, keyed: Keyed) -> Iterable[Keyed]:
        """What passed stays at home; every home hears every announcement."""
        home, item = keyed
        passed: Passed | Announcement = item
        if isinstance(passed, Announcement):
            return [(key, (number, passed)) for number, key in enumerate(self._keys)]
        return [(home, (passed.partition % self._shards, passed))]

    def ask(self, keyed: Keyed) -> Iterable[Keyed]:
        """A scattered batch's messages to the shards of its entities."""
        scattered: Scattered = keyed[1]
        return [(self._keys[shard], message) for shard, message in scattered.messages.items()]

    def to_detectors(self, keyed: Keyed) -> Iterable[Keyed]:
        """A batch's questions to the shards in which detectors learn."""
        begun: Begun = keyed[1]
        return [(self._keys[question.shard], question) for question in begun.questions]

    def home(self, keyed: Keyed) -> Keyed:
        """An answer back to where it was asked for."""
        answer: Answer | Verdict = keyed[1]
        return self._keys[answer.home], answer

    def decide(self, keyed: Keyed) -> Keyed:
        """What was made of each event."""
        scored: Scored = keyed[1]
        return keyed[0], scored.decisions()

    def try_out(self, keyed: Keyed) -> Iterable[Keyed]:
        """What shadow rules would have raised."""
        scored: Scored = keyed[1]
        return self._tried(keyed[0], scored.shadow)

    def _tried(self, key: str, hits: Sequence[Hit]) -> Iterable[Keyed]:
        found = [to_alert(hit) for hit in hits]
        self._shared.counters.shadow += len(found)
        return [(key, found)] if found else []

    def to_absence(self, keyed: Keyed) -> Iterable[Keyed]:
        """What rules with `absent` are told, to the shards of those that wait."""
        scored: Scored = keyed[1]
        return [(self._keys[heard.shard], heard) for heard in scored.heard]

    def over(self, keyed: Keyed) -> Iterable[Keyed]:
        """Hits that waited and are live, to the shards of their subjects."""
        hits = by_subject(live(keyed[1]), self._shared.blueprint)
        return [
            (self._keys[shard], SubjectHits(NOBODY, shard, None, some))
            for shard, some in sorted(hits.items())
        ]

    def try_out_over(self, keyed: Keyed) -> Iterable[Keyed]:
        """Hits that waited and whose rule is only tried out."""
        return self._tried(keyed[0], tried(keyed[1]))

    def to_alerting(self, keyed: Keyed) -> Iterable[Keyed]:
        """Hits to the shards of their subjects."""
        hits = to_subjects(keyed[1], self._shared.blueprint)
        return [(self._keys[some.shard], some) for some in hits]

    def tick(self, item: Any) -> Iterable[Keyed]:
        """Every pulse asks whether something has become durable."""
        return [(self._keys[item.lane], ())] if isinstance(item, Pulse) else []
