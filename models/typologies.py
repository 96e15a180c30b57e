"""What several rules tell of together: a score over their weights, and whether it is urgent."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models.pack import TypologySpec
from models.planning.rules import Rule

SCORE_MAX: Final = 1000
INTERDICTION: Final = "hold"
"""What an urgent typology with `interdict` asks for at least."""


@dataclass(frozen=True, slots=True)
class Typology:
    """What several rules of a pack tell of together at one event.

    Attributes
    ----------
    score
        0 to 1000: noisy-or over its rules' weights.
    level
        ``urgent``, ``alert``, or empty below both.
    rules
        Those that hit.
    interdict
        Whether it asks for a hold.
    """

    id: str
    name: Mapping[str, str]
    score: int
    level: str
    rules: tuple[str, ...]
    interdict: bool

    def content(self) -> dict[str, Any]:
        """As alerts show it."""
        return {
            "id": self.id, "name": self.name, "score": self.score,
            "level": self.level or None, "rules": self.rules,
        }  # fmt: skip


def typologies_of(specs: Sequence[TypologySpec], rules: Sequence[Rule]) -> list[Typology]:
    """The typologies of which rules hit an event; limbs of a rule weigh as one."""
    hit = {name for rule in rules for name in rule.spec.names}
    found = []
    for spec in specs:
        named = tuple(name for name in spec.rules if name in hit)
        if not named:
            continue
        score = round(SCORE_MAX * (1.0 - math.prod(1.0 - spec.rules[name] for name in named)))
        level = "urgent" if score >= spec.urgent else "alert" if score >= spec.alert else ""
        found.append(
            Typology(spec.id, spec.name, score, level, named, spec.interdict and level == "urgent")
        )
    return found
