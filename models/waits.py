"""Hits that wait for what should not come, and news of what came: as messages and as kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from models.alerts import Details, Facts, Hit, RuleHit, content_of
from models.batch import Batch
from models.places import partition_of
from models.planning.blueprint import Blueprint
from models.planning.rules import Rule
from models.rounds import Turn

_NOTHING: Final = Facts({}, {}, {}, truncated=False, warming={})
_ARRAYS: Final = ("keys", "times_ms")


@dataclass(frozen=True, slots=True)
class Wait:
    """A hit that waits.

    Attributes
    ----------
    key
        See `Batch.keys`.
    partition
        Where its event came from.
    since_ms, until_ms
        Between which nothing must come, the first excluded.
    content
        The alert that it becomes.
    """

    pack: str
    rule: str
    key: int
    partition: int
    since_ms: int
    until_ms: int
    tenant: str
    subject: str
    kind: str
    event_id: str
    severity: str
    content: Mapping[str, Any]

    @classmethod
    def of(cls, hit: Hit, key: int, partition: int) -> "Wait":
        """What a hit of one rule with `absent` leaves behind."""
        (found,) = hit.hits
        assert hit.since_ms is not None
        return cls(
            hit.pack, found.rule.spec.id, key, partition, hit.since_ms, hit.time_ms, hit.tenant,
            hit.subject, hit.kind, hit.event_id, found.severity, content_of(hit),
        )  # fmt: skip

    def over(self, rule: Rule) -> Hit:
        """The hit, now that its time is over."""
        return Hit(
            self.pack, self.tenant, rule.domain, self.subject, self.kind, self.event_id,
            self.until_ms, late=False, hits=(RuleHit(rule, self.severity),),
            details=Details(_untold), scores={}, order_ms=self.until_ms,
            since_ms=self.since_ms, written=self.content,
        )  # fmt: skip

    @property
    def order(self) -> tuple[int, int, str, str, str, str, str]:
        """What puts those that are over in one order, however many come at once."""
        return (
            self.until_ms, self.since_ms, self.tenant, self.kind, self.event_id, self.pack,
            self.rule,
        )  # fmt: skip


def _untold() -> tuple[Facts, Mapping[str, Any]]:
    return _NOTHING, {}


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Events that a rule expects, of one partition and the keys of one shard.

    Attributes
    ----------
    pack, rule, partition
        Which rule, and where they came from.
    keys, times_ms
        (n,) int64: whose, and when.
    """

    pack: str
    rule: str
    partition: int
    keys: NDArray[np.int64]
    times_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Heard:
    """What one batch tells one shard.

    Attributes
    ----------
    home, shard, turn
        Whose batch, whose keys, and of which round.
    clocks_ms
        Partition → newest event time in the batch.
    waits
        Hits that wait from now on.
    arrivals
        What some rule expects, and what came.
    """

    home: int
    shard: int
    turn: Turn | None
    clocks_ms: Mapping[int, int]
    waits: Sequence[Wait]
    arrivals: Sequence[Arrivals]


def told(
    blueprint: Blueprint,
    home: int,
    turn: Turn | None,
    clocks_ms: Mapping[int, int],
    batch: Batch | None = None,
    hits: Sequence[tuple[int, Hit]] = (),
    meets: Sequence[NDArray[np.float64]] = (),
) -> list[Heard]:
    """What a scored batch tells each shard of keys.

    Parameters
    ----------
    hits
        (row, hit) of the rules with `absent`.
    meets
        Per rule of `Blueprint.waiting` (n,): 1.0 where an event is what it expects.
    """
    shards = blueprint.deployment.shards
    waits: list[list[Wait]] = [[] for _ in range(shards)]
    arrivals: list[list[Arrivals]] = [[] for _ in range(shards)]
    if batch is not None:
        partitions = partition_of(batch.places)
        keys = {column: batch.keys(column) for column in _columns(blueprint, hits)}
        for row, hit in hits:
            key = int(keys[hit.hits[0].rule.spec.subject][row])
            waits[key % shards].append(Wait.of(hit, key, int(partitions[row])))
        for rule, met in zip(blueprint.waiting, meets, strict=True):
            assert rule.spec.absent is not None
            found = np.flatnonzero((met[: len(batch)] == 1.0) & ~batch.late)
            for column in rule.spec.absent.by if found.size else ():
                rows = found[keys[column][found] != 0]
                own, times_ms = keys[column][rows], batch.times[rows]
                for shard, partition, some in _apart(own % shards, partitions[rows]):
                    news = Arrivals(rule.pack, rule.spec.id, partition, own[some], times_ms[some])
                    arrivals[shard].append(news)
    return [
        Heard(home, shard, turn, clocks_ms, waits[shard], arrivals[shard])
        for shard in range(shards)
    ]


def _columns(blueprint: Blueprint, hits: Sequence[tuple[int, Hit]]) -> set[str]:
    """The columns that name subjects."""
    expected = {name for r in blueprint.waiting if r.spec.absent for name in r.spec.absent.by}
    return expected | {hit.hits[0].rule.spec.subject for _row, hit in hits}


def _apart(
    shards: NDArray[np.int64], partitions: NDArray[np.int64]
) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
    """Each shard and partition that occur together, and where."""
    # sets: a batch of one event is common, and finding what is unique would cost it 10 µs a time
    every = sorted(set(partitions.tolist()))
    for shard in sorted(set(shards.tolist())):
        of_shard = shards == shard
        for partition in every:
            some = of_shard & (partitions == partition) if len(every) > 1 else of_shard
            if some.any():
                yield shard, partition, some


def packed(value: Any) -> NDArray[np.uint8]:
    """JSON, as state is stored."""
    return np.frombuffer(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), np.uint8)


def plain(part: Heard) -> list[Any]:
    """What a log keeps of it."""
    return [list(part.clocks_ms.items()), part.waits, part.arrivals]


def heard_of(kept: list[Any]) -> Heard:
    """What `plain` made a list of."""
    clocks, waits, arrivals = kept
    return Heard(
        0, 0, None, dict(clocks), [Wait(**wait) for wait in waits],
        [
            Arrivals(**{**some, **{name: np.array(some[name], np.int64) for name in _ARRAYS}})
            for some in arrivals
        ],
    )  # fmt: skip
