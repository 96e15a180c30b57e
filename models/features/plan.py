"""Feature specs to spaces: which events are stored where, in which windows, read by whom.

Features with the same keys and kinds share one space, windows that mean the same are one
window, and what two features both need is kept once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from models.expressions.tree import Name, Node, Source, Type, written
from models.feature_specs import FeatureSpec
from models.features.layout import Holds

FOREVER_MS: Final = 1 << 60
"""Longer than any window; the grain of a lifetime."""
GRAPH: Final = -1
"""The grain of a graph, which keeps transfers between accounts."""
_HOLDS: Final = {
    Source.MONEY: Holds.MONEY,
    Source.TIME: Holds.TIME,
    Source.NUMBER: Holds.FLOAT,
    Source.FLAG: Holds.FLOAT,
    Source.TEXT: Holds.TEXT,
}


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature whose expressions are checked.

    Attributes
    ----------
    spec
        As written; `name` is its full name ``pack.feature``.
    name
        Full name.
    value
        What is aggregated; None for count and since.
    where
        Which events count; None for all.
    condition
        What a share counts.
    on, read_on
        Bit masks of kinds: which update, which read.
    bound
        Least constant that a live rule compares it with; None: no evidence.
    cap, lateness_ms
        Most events per entity; how late an event may be.
    steps
        Conditions of a sequence.
    terms
        Columns that a match compares.
    weight
        What a top share adds up per value; None counts events. In a graph the amount.
    start
        Condition with which a window begins.
    ends
        In a graph the columns of payer and payee.
    undo
        Which events take back the one that they name.
    """

    spec: FeatureSpec
    name: str
    value: Node | None
    where: Node | None
    condition: Node | None
    on: int
    read_on: int
    bound: float | None
    cap: int
    lateness_ms: int
    steps: tuple[Node, ...] = ()
    terms: tuple[tuple[Name, ...], ...] = ()
    weight: Node | None = None
    start: Node | None = None
    ends: tuple[Name, ...] = ()
    undo: Node | None = None

    @property
    def space_key(self) -> tuple[object, ...]:
        """What must be the same for features to share a space."""
        spec = self.spec
        kept: tuple[object, ...] = ()
        if spec.grain_ms == GRAPH:
            kept = self.ends, self.weight
        elif not spec.grain_ms:
            kept = self.cap, self.undo
        return spec.by, self.on, spec.grain_ms, spec.late, kept

    @property
    def as_key(self) -> bool:
        """Whether its value is only told apart from others."""
        return self.spec.aggregate in ("distinct", "top_share")

    @property
    def is_text(self) -> bool:
        """Whether it yields a text's hash."""
        value = self.value
        return self.spec.aggregate in ("last", "previous", "first") and (
            value is not None and value.type is Type.TEXT
        )


@dataclass(frozen=True, slots=True)
class Value:
    """A value column of a space: a checked expression, and whether it is only counted."""

    node: Node
    as_key: bool

    @property
    def holds(self) -> Holds:
        """What its column in the block holds."""
        if self.as_key:
            return Holds.TEXT
        if isinstance(self.node, Name):
            return _HOLDS[self.node.source]
        return Holds.TEXT if self.node.type is Type.TEXT else Holds.FLOAT


EVENT_ID: Final = Value(Name("event_id", Source.TEXT), as_key=False)
"""What is kept of an event that may be taken back."""


@dataclass(frozen=True, slots=True)
class Group:
    """Features read together: by which key, before or after the event, by which kinds."""

    of: tuple[str, ...]
    before: bool


@dataclass(slots=True)
class Space:
    """One space under construction, and its finished plan.

    Attributes
    ----------
    by, on
        Key columns and the kinds that update it (bit mask).
    features
        In the order of their answer columns.
    values, filters
        Value columns and filter conditions, in the order of a message's words and bits.
    groups, group_kinds
        Read groups, and the kinds (bit mask) that read each.
    cells
        With a grain: what each cell of a bucket means.
    """

    by: tuple[str, ...]
    on: int
    features: list[Feature] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    filters: list[Node] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    group_kinds: list[int] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)

    @property
    def undo(self) -> Node | None:
        """Which events take back the one that they name; only single events can be."""
        return self.features[0].undo if not self.features[0].spec.grain_ms else None

    def filter_bits(self, nodes: Sequence[Node | None]) -> int:
        """The mask that an event must carry to satisfy all conditions."""
        mask = 0
        for node in nodes:
            if node is None:
                continue
            if node not in self.filters:
                self.filters.append(node)
            mask |= 1 << self.filters.index(node)
        return mask

    def value(self, value: Value) -> int:
        """The number of a value among the message's values."""
        if value not in self.values:
            self.values.append(value)
        return self.values.index(value)

    def group(self, feature: Feature) -> int:
        """The read group of a feature."""
        wanted = Group(feature.spec.of, feature.spec.exclude_current)
        if wanted not in self.groups:
            self.groups.append(wanted)
            self.group_kinds.append(0)
        at = self.groups.index(wanted)
        self.group_kinds[at] |= feature.read_on
        return at


def build_spaces(features: Sequence[Feature]) -> list[Space]:
    """Group features into spaces."""
    spaces: dict[tuple[object, ...], Space] = {}
    for feature in features:
        space = spaces.setdefault(feature.space_key, Space(feature.spec.by, feature.on))
        space.features.append(feature)
    return list(spaces.values())


def cell_meaning(space: Space, kind: str, column: int, mask: int) -> str:
    """What a cell of a bucket keeps, as text that tells it from every other one."""
    value = written(space.values[column].node) if column >= 0 else "*"
    conditions = sorted(
        written(node) for bit, node in enumerate(space.filters) if (mask >> bit) & 1
    )
    return " ".join(["cell", kind, value, *conditions])


def derived_nodes(spaces: Sequence[Space]) -> list[Node]:
    """Expressions that must be computed per event before it is scattered."""
    found: dict[Node, None] = {}
    for space in spaces:
        for node in [*space.filters, *([space.undo] if space.undo else [])]:
            found.setdefault(node)
        for value in space.values:
            if not isinstance(value.node, Name):
                found.setdefault(value.node)
    return list(found)


def answer_columns(spaces: Sequence[Space]) -> Mapping[str, int]:
    """Full feature name → its column in the answers of an event."""
    names = [feature.name for space in spaces for feature in space.features]
    return {name: column for column, name in enumerate(names)}
