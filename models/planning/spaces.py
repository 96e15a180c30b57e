"""One space of a blueprint: how its messages are made, how its windows lie, what they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np

from models.decoding.schema import Schema
from models.events import DOMAINS, NULL_INT, NULL_NUMBER
from models.expressions.tree import Name, Node, Source, Type, written
from models.feature_specs import Over
from models.features.calendar import longest_ms
from models.features.layout import ENTRY_VALUES, F_CELL, F_HISTORY, F_SECOND, Holds, Plan
from models.features.plan import EVENT_ID, Feature, Space, Value
from models.features.scatter import (
    FROM_DERIVED,
    FROM_INTEGER,
    FROM_NUMBER,
    FROM_TEXT,
    Routes,
)

NULLS: Final = {Holds.MONEY: NULL_INT, Holds.TIME: NULL_INT, Holds.FLOAT: NULL_NUMBER}


@dataclass(frozen=True, slots=True)
class Kept:
    """What a feature needs of the events that its space keeps.

    Attributes
    ----------
    name
        Full name.
    meaning
        Its aggregate, window, value and conditions: features that agree in it are the same.
    reach_ms
        How far back its window goes at most; None: to the beginning.
    needs
        Meanings of the values and filters that it reads.
    """

    name: str
    meaning: str
    reach_ms: int | None
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpaceBlueprint:
    """One space.

    Attributes
    ----------
    key
        What tells it from the others of its blueprint, and is the same in another's.
    name
        Its key columns, for people.
    routes, plan
        For the kernels that make its messages and answer them.
    before_groups
        Bit mask of read groups that exclude the current event.
    first_column
        Of its features among an event's answers.
    entry_words
        Length of an entry of its messages.
    values, filters
        What the values of an entry and the bits of its mask mean.
    nulls
        The word that is NULL, per value.
    features
        What they need, in the order of their columns.
    cells
        With a grain: what the cells of a bucket mean.
    """

    key: tuple[object, ...]
    name: str
    routes: Routes
    plan: Plan
    before_groups: int
    first_column: int
    entry_words: int
    values: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    nulls: tuple[int, ...] = ()
    features: tuple[Kept, ...] = ()
    cells: tuple[str, ...] = ()


def finish(
    space: Space,
    plan: Plan,
    schema: Schema,
    columns: Mapping[str, int],
    derived: Sequence[Node],
) -> SpaceBlueprint:
    """A laid-out space with the ways into and out of it."""
    senders = [space.by]
    for group in space.groups:
        if group.of not in senders:
            senders.append(group.of)
    keys = np.zeros((len(senders), 1 + len(space.by)), np.int64)
    for at, sender in enumerate(senders):
        keys[at] = [len(sender), *(schema.texts[column] for column in sender)]
    groups = [
        [senders.index(group.of), kinds, group.before]
        for group, kinds in zip(space.groups, space.group_kinds, strict=True)
    ]
    domain = "+".join(DOMAINS.get(column, column) for column in space.by)
    routes = Routes(
        keys,
        np.array(groups, np.int64).reshape(-1, 3),
        np.array(
            [[*_origin(v.node, schema, derived), v.as_key] for v in space.values], np.int64
        ).reshape(-1, 3),
        np.array([derived.index(node) for node in space.filters], np.int64),
        np.array([schema.secret.text(f"{domain}#{i}") for i in (0, 1)], np.uint64),
        space.on,
        _options(space),
        _undo(space, schema, derived),
    )
    return SpaceBlueprint(
        space.features[0].space_key, "+".join(space.by) or "all", routes, plan,
        sum(1 << at for at, group in enumerate(space.groups) if group.before),
        columns[space.features[0].name], ENTRY_VALUES + len(space.values),
        tuple(_value_meaning(value) for value in space.values),
        tuple(written(node) for node in space.filters),
        tuple(NULLS.get(value.holds, 0) for value in space.values),
        tuple(_kept(f, _cells_of(space, plan, at)) for at, f in enumerate(space.features)),
        tuple(space.cells),
    )  # fmt: skip


def _options(space: Space) -> np.ndarray:
    """[reads carry values, late events update], or nothing where neither holds."""
    asks = any(feature.terms or feature.ends for feature in space.features)
    options = np.array([asks, space.features[0].spec.late], np.int64)
    return options if options.any() else options[:0]


def _undo(space: Space, schema: Schema, derived: Sequence[Node]) -> np.ndarray:
    """Which events take back another, who names it, and where its id is kept."""
    if space.undo is None:
        return np.zeros(0, np.int64)
    place = space.values.index(EVENT_ID)
    return np.array([derived.index(space.undo), schema.texts["reverses"], place], np.int64)


def _origin(node: Node, schema: Schema, derived: Sequence[Node]) -> tuple[int, int]:
    if not isinstance(node, Name):
        return FROM_DERIVED, derived.index(node)
    if node.type is Type.TEXT:
        return FROM_TEXT, schema.texts[node.name]
    if node.source in (Source.MONEY, Source.TIME):
        return FROM_INTEGER, schema.integers[node.name]
    return FROM_NUMBER, schema.numbers[node.name]


def _value_meaning(value: Value) -> str:
    return f"{'key' if value.as_key else 'value'} {written(value.node)}"


def _cells_of(space: Space, plan: Plan, feature: int) -> tuple[str, ...]:
    """Meanings of the cells that a feature with a grain reads."""
    if not space.cells:
        return ()
    read = (plan.features[feature, place] for place in (F_CELL, F_SECOND, F_HISTORY))
    return tuple(space.cells[cell] for cell in read if cell >= 0)


def _kept(feature: Feature, cells: tuple[str, ...]) -> Kept:
    spec = feature.spec
    asked = (feature.where, feature.condition, feature.start, *feature.steps)
    needs = [written(node) for node in asked if node is not None]
    if feature.value is not None:
        needs.append(_value_meaning(Value(feature.value, feature.as_key)))
    added = [*([feature.weight] if feature.weight else []), *feature.ends]
    added += [node for term in feature.terms for node in term]
    needs += [_value_meaning(Value(node, as_key=False)) for node in added]
    over = astuple(spec.over)
    # what came later stands only where it is said, so that older meanings stay as they were
    extent = (*over[:6], "delay", spec.delay_ms, *(part for part in over[6:] if part))
    window = " ".join(str(part) for part in extent)
    meaning = f"{spec.aggregate} {' '.join(needs)} over {window}"
    # without a history only the last event of such a window is kept
    meaning += " counted" if spec.min_history else ""
    meaning += "".join(f" {step.times} within {step.within_ms}" for step in spec.steps)
    meaning += "".join(f" {term.relation} {term.tolerance}" for term in spec.terms)
    meaning += f" largest {spec.largest}" if spec.aggregate == "top_share" else ""
    meaning += f" half-life {spec.half_life_ms}" if spec.half_life_ms else ""
    meaning += " late" if spec.late else ""
    meaning += f" undone by {written(feature.undo)}" if feature.undo and not spec.grain_ms else ""
    if spec.ends:
        meaning += f" hops {spec.hops} step {spec.step_ms} tolerance {spec.tolerance}"
        meaning += " in order" if spec.in_order else ""
    meaning += f" grain {spec.grain_ms} per {spec.per}" if spec.grain_ms else ""
    return Kept(feature.name, meaning, _reach_ms(spec.over, spec.delay_ms), cells or tuple(needs))


def _reach_ms(over: Over, delay_ms: int) -> int | None:
    if over.forever:
        return None
    return (longest_ms(over) if over.period else over.span_ms) + delay_ms
