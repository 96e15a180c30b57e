"""What rules compare their features with: evidence for alerts, and when to collect events."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from models.expressions.tree import (
    TRUE,
    Call,
    Constant,
    Name,
    Node,
    Source,
    Type,
    conjuncts,
    names_in,
)

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a name with a constant inside a rule's condition."""

    name: Name
    operator: str
    threshold: float


def comparisons(node: Node) -> Iterator[Comparison]:
    """Every comparison of a number with a constant, in the order of the text."""
    if not isinstance(node, Call):
        return
    if node.operator in _MIRRORED:
        left, right = node.arguments
        if isinstance(left, Constant) and isinstance(right, Name):
            left, right, operator = right, left, _MIRRORED[node.operator]
        else:
            operator = node.operator
        if isinstance(left, Name) and isinstance(right, Constant) and left.type is Type.NUMBER:
            if isinstance(right.value, int | float):
                yield Comparison(left, operator, float(right.value))
            return
    for argument in node.arguments:
        yield from comparisons(argument)


def least_bounds(conditions: Iterable[Node]) -> dict[str, float]:
    """Feature → the least constant that a ``feature >= constant`` compares it with."""
    bounds: dict[str, float] = {}
    for condition in conditions:
        for name, threshold in _lower_bounds(condition):
            bounds[name] = min(bounds.get(name, threshold), threshold)
    return bounds


def greatest_bounds(condition: Node) -> dict[str, float]:
    """Feature → the greatest constant that a ``feature >= constant`` compares it with."""
    bounds: dict[str, float] = {}
    for name, threshold in _lower_bounds(condition):
        bounds[name] = max(bounds.get(name, threshold), threshold)
    return bounds


def _lower_bounds(condition: Node) -> Iterator[tuple[str, float]]:
    """(feature, constant) of every comparison that a large enough value meets."""
    for found in comparisons(condition):
        if found.name.source is Source.FEATURE and found.operator in (">=", ">", "="):
            yield found.name.name, found.threshold


def event_part(condition: Node) -> Node:
    """The terms of a conjunction that read only the event: where they fail, the rule cannot hit."""
    own = [term for term in conjuncts(condition) if all(n.of_event for n in names_in(term))]
    if not own:
        return TRUE
    return own[0] if len(own) == 1 else Call("and", tuple(own), Type.FLAG)
