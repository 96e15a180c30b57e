"""Packs to one blueprint: what to decode, which windows to keep, which programs to run.

Every pack of a deployment shares one blueprint. Names are ``pack.feature``; windows that mean
the same are kept once, whoever asks for them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from models.decoding.schema import Schema, iso_currencies
from models.expressions.program import Program, Root, compile_program
from models.expressions.tree import Name, Node, Source, names_in
from models.feature_specs import FeatureSpec
from models.features.arrange import lay_out
from models.features.layout import S_GRAIN
from models.features.plan import Space, answer_columns, build_spaces, derived_nodes
from models.fx import FxRates
from models.hashing import Secret
from models.lookups import Joined, LookupTable, arrays_of, check_same
from models.pack import EVERYTHING, DetectorSpec, PackSpec, TypologySpec
from models.planning.bounds import event_part
from models.planning.detectors import detector_conditions
from models.planning.features import plan_features
from models.planning.names import event_names, kinds_mask
from models.planning.rules import Rule, plan_rules
from models.planning.schemas import schema_of, table_of
from models.planning.spaces import SpaceBlueprint, finish


@dataclass(frozen=True, slots=True)
class Deployment:
    """What holds for every pack of an installation.

    Attributes
    ----------
    secret
        Key of all hashes, 16 bytes.
    base_currency
        Of `amount_base`.
    currencies
        Code → decimals, ISO 4217 plus settings.
    lateness_ms
        How far behind the newest event an event may come.
    shards
        N: entities, models and alert state are cut into so many parts, for ever.
    fx
        Rates into the base currency.
    tables
        Reference data by name.
    """

    secret: Secret = field(default_factory=lambda: Secret(bytes(16)))
    base_currency: str = "CNY"
    currencies: Mapping[str, int] = field(default_factory=iso_currencies)
    lateness_ms: int = 60_000
    shards: int = 8
    fx: FxRates = field(default_factory=FxRates)
    tables: Mapping[str, LookupTable] = field(default_factory=dict)


@dataclass(frozen=True)
class Blueprint:
    """Everything that the steps of the flow need, fixed before the first event.

    Attributes
    ----------
    schema
        What is decoded.
    spaces
        The windows.
    columns
        Full feature or detector name → its column in an event's answers.
    prepare
        Program over the event alone: derived columns, and which events may hit any rule.
    derived
        How many derived columns it writes.
    before, after
        Programs of the rules that read no detector, and of the others; the first also says
        which rows each detector takes, and which meet what each rule of `waiting` expects.
    detectors
        Per detector its pack and spec.
    rules
        All rules that are not drafts or retired, in the order of the outcome matrix.
    kinds
        Bit mask of the kinds that any pack reads; events of others are ignored.
    lookups
        Column → the reference data that is joined as it.
    since_ms
        Feature → event time from which on its events are known, where a change of the packs has
        cut it off from earlier ones; the others know all events since the deployment began.
    """

    deployment: Deployment
    packs: tuple[PackSpec, ...]
    schema: Schema
    spaces: tuple[SpaceBlueprint, ...]
    columns: Mapping[str, int]
    prepare: Program
    derived: int
    before: Program
    after: Program
    severities: Program
    detectors: tuple[tuple[str, DetectorSpec], ...]
    rules: tuple[Rule, ...]
    kinds: int
    lookups: Mapping[str, Joined] = field(default_factory=dict)
    since_ms: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that stored state depends on: keys, shards, lateness, windows, detectors."""
        deployment = self.deployment
        digest = hashlib.sha256(deployment.secret.key)
        # where a detector is written does not matter to its state
        detectors = [
            (pack, d.name, d.model, d.features, d.on, d.options)
            for pack, d in self.detectors
            if not d.by
        ]
        digest.update(repr((deployment.shards, deployment.lateness_ms, detectors)).encode())
        for space in self.spaces:
            digest.update(space.name.encode())
            # from which value on evidence is given is a rule's affair, not the state's; the grain
            # came later than the fingerprints that this is compared with
            plan = space.plan._replace(bounds=np.zeros(0), sizes=space.plan.sizes[:S_GRAIN])
            for part in (*space.routes, *plan):
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    @cached_property
    def at_home(self) -> tuple[int, ...]:
        """Numbers of the detectors that learn in home shards."""
        return tuple(n for n, (_pack, spec) in enumerate(self.detectors) if not spec.by)

    @cached_property
    def sharded(self) -> tuple[int, ...]:
        """Numbers of the detectors that learn in the shards of a key."""
        return tuple(n for n, (_pack, spec) in enumerate(self.detectors) if spec.by)

    @cached_property
    def marks(self) -> tuple[tuple[str, int], ...]:
        """Full name of each detector, and the column of its score; its tail share is the next."""
        named = (f"{pack}.{spec.name}" for pack, spec in self.detectors)
        return tuple((name, self.columns[name]) for name in named)

    @property
    def asked(self) -> int:
        """How many numbers `before` writes: a row per detector, then one per rule that waits."""
        return len(self.detectors) + len(self.waiting)

    @cached_property
    def waiting(self) -> tuple[Rule, ...]:
        """The rules with `absent`."""
        return tuple(rule for rule in self.rules if rule.expected)

    @cached_property
    def typologies(self) -> Mapping[str, tuple[TypologySpec, ...]]:
        """Pack → its typologies."""
        return {pack.name: pack.typologies for pack in self.packs}

    @cached_property
    def specs(self) -> Mapping[str, FeatureSpec]:
        """Full feature name → as written."""
        return {f"{p.name}.{spec.name}": spec for p in self.packs for spec in p.features}


def draw(packs: Sequence[PackSpec], deployment: Deployment) -> Blueprint:
    """Check packs against each other and against the columns, and plan all of them.

    Raises
    ------
    ConfigError
        With the place in the pack's file.
    """
    rules = plan_rules(packs)
    detectors = tuple((pack.name, spec) for pack in packs for spec in pack.detectors)
    chosen = detector_conditions(packs)
    features = plan_features(packs, rules, chosen, deployment.lateness_ms)
    spaces = build_spaces(features)
    plans = [lay_out(space) for space in spaces]
    columns = dict(answer_columns(spaces))
    for pack_name, spec in detectors:
        columns[f"{pack_name}.{spec.name}"] = len(columns)
        columns[f"{pack_name}.{spec.name}_p"] = len(columns)
    derived = derived_nodes(spaces)
    parts = [*derived, *(condition for condition, _spec in chosen)]
    joins = check_same([spec for pack in packs for spec in pack.lookups])
    tables = {name: table_of(spec, deployment.tables) for name, spec in joins.items()}
    wanted = _event_columns(packs, spaces, parts, rules)
    joins = {name: spec for name, spec in joins.items() if name in wanted}
    kinds = {kind for pack in packs for kind in _kinds(pack)}
    schema = schema_of(
        packs, wanted, kinds, joins, tables,
        deployment.secret, deployment.base_currency, deployment.currencies,
    )  # fmt: skip
    locate = _Locator(schema, columns)
    every = kinds_mask(tuple(kinds))
    secret = deployment.secret
    prepare = [Root(node, at, every, is_rule=False) for at, node in enumerate(derived)]
    # rules often share what they ask of the event alone
    prepare += dict.fromkeys(Root(event_part(r.when), 0, r.kinds, is_rule=True) for r in rules)
    rows = [
        Root(condition, at, kinds_mask(spec.on), is_rule=False)
        for at, (condition, spec) in enumerate(chosen)
    ]
    rows += [
        Root(rule.expected, at, kinds_mask(rule.spec.absent.on), is_rule=False)
        for at, rule in enumerate((r for r in rules if r.expected), len(chosen))
        if rule.expected and rule.spec.absent
    ]
    before = [r for r in rules if not r.reads_detectors]
    after = [r for r in rules if r.reads_detectors]
    return Blueprint(
        deployment, tuple(packs), schema,
        tuple(finish(s, p, schema, columns, derived) for s, p in zip(spaces, plans, strict=True)),
        columns,
        compile_program(prepare, secret, locate),
        len(derived),
        compile_program([*(_condition(r) for r in before), *rows], secret, locate),
        compile_program([_condition(r) for r in after], secret, locate),
        compile_program(
            [Root(node, at, r.kinds, is_rule=True) for r in rules for at, node in r.severity_nodes],
            secret, locate,
        ),
        detectors, rules, every,
        {name: arrays_of(spec, tables[name], secret) for name, spec in joins.items()},
    )  # fmt: skip


def _condition(rule: Rule) -> Root:
    return Root(rule.when, rule.index, rule.kinds, is_rule=True)


class _Locator:
    """Finds the matrix row of a column, or the answer column of a feature."""

    def __init__(self, schema: Schema, columns: Mapping[str, int]) -> None:
        self._schema, self._columns = schema, columns

    def __call__(self, name: Name) -> int:
        if not name.of_event:
            return self._columns[name.name]
        if name.source is Source.TEXT:
            return self._schema.texts[name.name]
        if name.source in (Source.MONEY, Source.TIME):
            return self._schema.integers[name.name]
        return self._schema.numbers[name.name]


def _kinds(pack: PackSpec) -> set[str]:
    written = [spec.on for spec in pack.features] + [spec.on for spec in pack.detectors]
    written += [rule.on for rule in pack.rules]
    written += [rule.absent.on for rule in pack.rules if rule.absent]
    return {kind for on in written for kind in on}


def _event_columns(
    packs: Sequence[PackSpec],
    spaces: Sequence[Space],
    parts: Sequence[Node],
    rules: Sequence[Rule],
) -> set[str]:
    """Every column that anything reads; `parts` are expressions besides the rules'."""
    nodes: list[Node] = [*parts, *(node for rule in rules for _key, node in rule.conditions)]
    nodes += [value.node for space in spaces for value in space.values]
    wanted = {n.name for node in nodes for n in names_in(node) if n.of_event}
    wanted |= {column for space in spaces for column in space.by}
    wanted |= {"reverses"} if any(space.undo for space in spaces) else set()
    wanted |= {column for space in spaces for group in space.groups for column in group.of}
    wanted |= {rule.spec.subject for rule in rules}
    wanted |= {name for rule in rules if rule.spec.absent for name in rule.spec.absent.by}
    wanted |= {d.by for pack in packs for d in pack.detectors if d.by not in ("", EVERYTHING)}
    for pack in packs:
        own = event_names(pack)
        wanted |= {name for spec in pack.detectors for name in spec.features if name in own}
        shown = (rule.shown for rule in rules if rule.pack == pack.name)
        wanted |= {name for names in shown for name in names if name in own}
    return wanted
