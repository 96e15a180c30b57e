"""What packs cost: time per event and bytes per entity, measured on simulated traffic.

What is kept or computed once for several readers has no price of its own, so a feature or a rule
costs what is saved by leaving it out. Each form of a space, with a part and without it, meets the
same events after the same history; both are timed in turn, in processor time, and of several times
the least counts, block by block. Copies of the whole, timed like the rest, say how exact that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cli.cost_programs import Programs, seen_by
from cli.cost_spaces import Price, SpaceCost, SpaceMeter, described, without_each
from cli.cost_traffic import STEPS, Sizes, entries_of, run_whole, simulated
from models.pack import PackSpec
from models.planning.blueprint import Blueprint, Deployment, draw
from models.planning.rules import Rule
from models.records import RawBlock

RULES_MANY: Final = 60
"""Packs with more rules are timed over half as long and three times instead of seven."""


@dataclass(frozen=True, slots=True)
class RuleCost:
    """What leaving out one rule saves, with the features that nothing else reads.

    Attributes
    ----------
    rule, pack
        Its id and pack.
    hits
        Timed events on which it hit.
    expression_ns
        Per event, in the programs: its condition, and the conditions of its own features.
    windows_ns, windows_exact_ns
        Per event, in all spaces; and how far copies of those that it changes were off.
    entity_bytes
        Per entity, by space.
    features
        Full names of the features that only it reads.
    """

    rule: str
    pack: str
    hits: int
    expression_ns: float
    windows_ns: float
    windows_exact_ns: float
    entity_bytes: dict[str, float]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What packs cost that run together.

    Attributes
    ----------
    events, batch_events
        Timed events of kinds that a pack reads, and how many of them a batch had on average.
    steps_ns
        Per event, each of `STEPS`, all spaces together, in one pass.
    expressions_ns, expressions_exact_ns
        Per event, all programs, and how far a copy of them was off.
    spaces, rules
        The parts.
    """

    events: int
    batch_events: float
    steps_ns: dict[str, float]
    expressions_ns: float
    expressions_exact_ns: float
    spaces: list[SpaceCost]
    rules: list[RuleCost]


def cost_of(packs: Sequence[PackSpec], deployment: Deployment, sizes: Sizes | None = None) -> Cost:
    """Measure packs as they run together in one process.

    Raises
    ------
    ConfigError
        The packs do not fit together.
    """
    if sizes is None:
        is_large = sum(len(pack.rules) for pack in packs) > RULES_MANY
        sizes = Sizes(timed=18, repeats=3) if is_large else Sizes()
    # one store per space: a price does not depend on the number of shards
    deployment = replace(deployment, shards=1)
    blueprint = draw(packs, deployment)
    lesser = [draw(_without(packs, rule), deployment) for rule in blueprint.rules]
    blocks = list(simulated(blueprint, sizes))
    whole = run_whole(blueprint, blocks, sizes.warm)
    events = max(sum(len(batch) for batch in whole.batches), 1)
    spaces, saved = _spaces(blueprint, lesser, blocks, sizes, events)
    programs = Programs(blueprint, whole.batches, whole.features)
    timed = blocks[sizes.warm :]
    exact_ns, *less_ns = (
        programs.saved_ns(Programs(other, *seen_by(blueprint, other, whole, timed)), sizes.repeats)
        for other in (blueprint, *lesser)
    )
    rules = [
        RuleCost(
            rule.spec.id, rule.pack, whole.hits[rule.pack, rule.spec.id],
            less / events, sum(price.ns for _name, price in own),
            sum(price.exact_ns for _name, price in own), _by_name(own),
            tuple(sorted(blueprint.columns.keys() - other.columns.keys())),
        )
        for rule, other, own, less in zip(blueprint.rules, lesser, saved, less_ns, strict=True)
    ]  # fmt: skip
    return Cost(
        events, events / max(len(whole.batches), 1),
        {step: whole.steps_ns[step] / events for step in STEPS},
        programs.least_ns / events, abs(exact_ns) / events, spaces, rules,
    )  # fmt: skip


def _without(packs: Sequence[PackSpec], rule: Rule) -> list[PackSpec]:
    return [
        replace(pack, rules=tuple(spec for spec in pack.rules if spec is not rule.spec))
        for pack in packs
    ]


def _by_name(saved: Sequence[tuple[str, Price]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, price in saved:
        if price.entity_bytes:
            found[name] = found.get(name, 0.0) + price.entity_bytes
    return found


def _spaces(
    blueprint: Blueprint,
    lesser: Sequence[Blueprint],
    blocks: Sequence[RawBlock],
    sizes: Sizes,
    events: int,
) -> tuple[list[SpaceCost], list[list[tuple[str, Price]]]]:
    """Every space; and per rule what leaving it out saves, space by space."""
    costs: list[SpaceCost] = []
    saved: list[list[tuple[str, Price]]] = [[] for _ in lesser]
    for space, thinner in zip(blueprint.spaces, without_each(blueprint), strict=True):
        whole, *others = entries_of(blueprint, [space, *thinner.values()], blocks)
        meter = SpaceMeter(space, whole, sizes.warm, sizes.repeats, events)
        for form, entries in zip(thinner.values(), others, strict=True):
            meter.compare(form, entries)
        for other in lesser:
            for form in other.spaces:
                if form.key == space.key and not meter.knows(form):
                    meter.compare(form, entries_of(other, [form], blocks)[0])
        costs.append(described(space, meter, thinner))
        for rule, other in enumerate(lesser):
            left = next((form for form in other.spaces if form.key == space.key), None)
            saved[rule].append((space.name, meter.saved(left)))
    return costs, saved
