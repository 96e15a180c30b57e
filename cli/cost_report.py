"""What packs cost, as a person reads it."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from cli.cost import Cost, RuleCost
from cli.cost_spaces import SpaceCost
from cli.cost_traffic import STEPS
from models.features.plan import FOREVER_MS

_WIDTH_MIN: Final = 100


def show_cost(cost: Cost) -> None:
    """Print the steps, the spaces with their features, and the rules."""
    console = Console()
    console = Console(width=max(console.width, _WIDTH_MIN))
    for table in (_steps(cost), _spaces(cost.spaces), _rules(cost)):
        console.print(table)
    alone_ns = sum(space.ns for space in cost.spaces)
    console.print(
        f"{cost.events:,} simulated events of the packs' kinds, {cost.batch_events:,.0f} per batch,"
        " one thread, processor time; intake, commits, sources and sinks are not in it. A feature"
        " or rule costs what the packs save without it; < n: less than copies of the whole differ."
        f" Spaces are timed alone: {alone_ns:,.0f} ns in all, against"
        f" {cost.steps_ns['windows']:,.0f} ns together, where they compete for the cache.",
        highlight=False,
    )


def _table(title: str, first: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _steps(cost: Cost) -> Table:
    table = _table("\nall together", "step", ["ns per event"])
    for step in STEPS:
        table.add_row(step, f"{cost.steps_ns[step]:,.0f}")
        if step == "score":
            table.add_row("  of it expressions", f"{cost.expressions_ns:,.0f}", style="dim")
    table.add_row("all", f"{sum(cost.steps_ns.values()):,.0f}", style="bold")
    return table


def _spaces(spaces: Sequence[SpaceCost]) -> Table:
    columns = ["ns per event", "bytes per entity", "entities", "a row", "each event kept"]
    table = _table("\nspaces, and what each feature adds", "space, feature", columns)
    for space in spaces:
        keeps = f", by {_span(space.grain_ms)}" if space.grain_ms else ""
        table.add_row(
            f"{space.name} ({', '.join(space.kinds)}{keeps})", f"{space.ns:,.0f}",
            f"{space.entity_bytes:,.0f}", f"{space.entities:,}", f"{space.row_bytes:,}",
            f"{space.event_bytes:,}", style="bold",
        )  # fmt: skip
        for feature in space.features:
            saved = _saved(feature.ns, space.exact_ns)
            table.add_row(f"  {feature.name}", saved, f"{feature.entity_bytes:,.0f}")
    return table


def _rules(cost: Cost) -> Table:
    columns = ["hits", "expressions", "own windows", "ns per event", "bytes per entity"]
    table = _table("\nrules, each with the features that only it reads", "rule", columns)
    for rule in cost.rules:
        exact_ns = cost.expressions_exact_ns + rule.windows_exact_ns
        table.add_row(
            f"{rule.pack} {rule.rule}", f"{rule.hits:,}",
            _saved(rule.expression_ns, cost.expressions_exact_ns),
            _saved(rule.windows_ns, rule.windows_exact_ns) if rule.windows_exact_ns else "",
            _saved(rule.expression_ns + rule.windows_ns, exact_ns), _memory(rule),
        )  # fmt: skip
    return table


def _memory(rule: RuleCost) -> str:
    return ", ".join(f"{size:,.0f} {space}" for space, size in rule.entity_bytes.items())


def _saved(ns: float, exact_ns: float) -> str:
    """A difference; nothing can be said of one that is smaller than that of two copies."""
    return f"{ns:,.0f}" if ns > exact_ns else f"< {max(exact_ns, 1):,.0f}"


def _span(ms: int) -> str:
    """How long a step of time is, as packs write it.

    >>> _span(3_600_000), _span(86_400_000), _span(1 << 60)
    ('1h', '1d', 'all')
    """
    if ms == FOREVER_MS:
        return "all"
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms % length == 0:
            return f"{ms // length}{unit}"
    return f"{ms}ms"
