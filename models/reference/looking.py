"""The definition of features that look through their window's events one by one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.events import MONEY_SCALE
from models.expressions.local import kilometres
from models.expressions.tree import Name, Node, Source
from models.feature_specs import TermSpec
from models.features.plan import Feature, Group

Number = int | float


@dataclass(frozen=True, slots=True)
class Visit:
    """What one event does to one entity: it updates it, reads it, or both.

    Attributes
    ----------
    key
        The entity.
    at_ms
        Event time, epoch ms.
    reference
        The event's partition and offset as one number.
    updates
        Whether the entity stores the event.
    reads
        The groups of features that are read.
    values
        Expression → its value: money in 10⁻⁴ units, time in ms, text as its hash. None or no
        entry is NULL.
    true
        The conditions that the event satisfies.
    undoes
        Hash of the id of the event that it takes back, and then it does nothing else.
    """

    key: int
    at_ms: int
    reference: int = 0
    updates: bool = True
    reads: frozenset[Group] = frozenset()
    values: Mapping[Node, Number | None] = field(default_factory=dict)
    true: frozenset[Node] = frozenset()
    undoes: int | None = None


def is_money(node: Node | None) -> bool:
    """Whether a value is held in 10⁻⁴ units."""
    return isinstance(node, Name) and node.source is Source.MONEY


def matches(feature: Feature, earlier: Visit, current: Visit) -> bool:
    """Whether an earlier event meets every term of a match."""
    pairs = zip(feature.terms, feature.spec.terms, strict=True)
    return all(_meets(term, nodes, earlier, current) for nodes, term in pairs)


def _meets(term: TermSpec, nodes: tuple[Name, ...], earlier: Visit, current: Visit) -> bool:
    then = [earlier.values.get(node) for node in nodes]
    now = [current.values.get(node) for node in nodes]
    if len(nodes) == 2:
        known = [math.nan if value is None else float(value) for value in (*then, *now)]
        distance = kilometres(*known)
        return (
            distance <= term.tolerance
            if term.relation == "near_km"
            else (distance >= term.tolerance)
        )
    one, other = then[0], now[0]
    if one is None or other is None:
        return False
    if term.relation in ("same", "differs"):
        return (one == other) == (term.relation == "same")
    tolerance = term.tolerance
    if term.relation == "within_share":
        tolerance *= abs(float(other))
    elif is_money(nodes[0]):
        tolerance *= MONEY_SCALE
    return abs(float(one) - float(other)) <= tolerance


def top_share(feature: Feature, used: Sequence[Visit]) -> Number:
    """Return the share of the largest values in the total of all, NaN without a positive total."""
    sums: dict[Number, float] = {}
    for event in used:
        value = event.values[feature.value] if feature.value is not None else None
        assert value is not None
        given = 1.0 if feature.weight is None else event.values.get(feature.weight)
        # what flows back has no share
        added = max(float(given or 0.0), 0.0)
        sums[value] = sums.get(value, 0.0) + added
    total = math.fsum(sums.values())
    largest = sorted(sums.values(), reverse=True)[: feature.spec.largest]
    return math.fsum(largest) / total if total > 0 else math.nan


def faded_mean(feature: Feature, used: Sequence[Visit]) -> Number:
    """Return the mean in which a value counts half as much per half-life of age."""
    if not used or feature.value is None:
        return math.nan
    weights = [2.0 ** ((e.at_ms - used[-1].at_ms) / feature.spec.half_life_ms) for e in used]
    values = [float(event.values[feature.value] or 0) for event in used]
    mean = math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)
    return mean / MONEY_SCALE if is_money(feature.value) else mean
