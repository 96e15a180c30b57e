"""Hits on their way to the shard that decides on alerts about their subject."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from models.alerts import Hit, RuleHit
from models.concluding import Scored
from models.planning.blueprint import Blueprint
from models.rounds import Turn

NOBODY: Final = -1
"""The home of hits that waited: they keep no order with those of any home, for no other rule's
hit can be about the same rule."""

_Portable = tuple[Hit, tuple[tuple[int, str], ...]]


@dataclass(frozen=True)
class SubjectHits:
    """The hits of one batch about the subjects of one shard.

    Between processes a rule travels as its number in the blueprint, which all of them share.

    Attributes
    ----------
    home, shard
        Where they were found, and whose subjects they are about.
    turn
        Of the round that they belong to.
    hits
        In order.
    portable
        Instead of `hits`, after a journey.
    """

    home: int
    shard: int
    turn: Turn | None
    hits: Sequence[Hit]
    portable: Sequence[_Portable] = ()

    def bound(self, blueprint: Blueprint) -> Sequence[Hit]:
        """The hits, whether or not they travelled."""
        if not self.portable:
            return self.hits
        rules = blueprint.rules
        return [
            replace(hit, hits=tuple(RuleHit(rules[index], severity) for index, severity in found))
            for hit, found in self.portable
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        portable = [
            (replace(hit, hits=()), tuple((found.rule.index, found.severity) for found in hit.hits))
            for hit in self.hits
        ]
        found = self.portable or portable
        return SubjectHits, (self.home, self.shard, self.turn, (), found)


def by_subject(hits: Sequence[Hit], blueprint: Blueprint) -> dict[int, list[Hit]]:
    """Group hits by the shard of their subject, in order."""
    secret, shards = blueprint.deployment.secret, blueprint.deployment.shards
    grouped: dict[int, list[Hit]] = {}
    for hit in hits:
        shard = secret.text(f"{hit.tenant}/{hit.domain}/{hit.subject}") % shards
        grouped.setdefault(shard, []).append(hit)
    return grouped


def to_subjects(scored: Scored, blueprint: Blueprint) -> list[SubjectHits]:
    """What each shard of subjects is told; in a round every one of them is told something."""
    grouped = by_subject(scored.hits, blueprint)
    every = range(blueprint.deployment.shards) if scored.turn else sorted(grouped)
    return [SubjectHits(scored.home, n, scored.turn, grouped.get(n, ())) for n in every]
