"""`riverguard state list|lookup|verify`: what a run has stored, and whether it is whole."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from cli.deployment import SETTINGS, load
from config.settings import load_settings, state_key
from dataflows.adoption import Adopted, Warming, adopted, warming_in
from dataflows.inspection import lookup, positions, stored, verify
from dataflows.sealing import Sealer
from models.wording import rfc3339


def sealer() -> Sealer | None:
    """Made of RIVERGUARD_STATE_KEY; None without it."""
    key = state_key()
    return Sealer(key) if key else None


def change_lines(taken: Adopted) -> list[str]:
    """What an operator is told when state was made by other packs."""
    said = "the packs have changed: what means the same was taken over"
    return [said, *(_warming_line(one) for one in taken.warming)]


def _warming_line(one: Warming) -> str:
    until = "for good, as its window has no start"
    if one.until_ms is not None:
        until = f"until {rfc3339(one.until_ms)}"
    return f"warming {until}: {one.feature} knows events since {rfc3339(one.since_ms)}"


def _root(state: Path | None, config: Path | None) -> Path:
    return state or load_settings(config or SETTINGS).state


def _print(value: Any) -> None:
    print(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode())  # noqa: T201


def list_state(state: Path | None, config: Path | None, *, as_json: bool) -> None:
    """Print every component and every position."""
    root = _root(state, config)
    found, read = stored(root), positions(root)
    total = sum(one.base_bytes + one.log_bytes for one in found)
    warm = warming_in(root, sealer())
    if as_json:
        _print({
            "components": [asdict(one) for one in found], "positions": read, "bytes": total,
            "warming": [asdict(one) for one in warm],
        })  # fmt: skip
        return
    table = Table("component", "epoch", "base", "logs", "log bytes", box=None)
    for one in found:
        table.add_row(
            one.name, str(one.epoch), f"{one.base_bytes:,}", str(one.logs), f"{one.log_bytes:,}"
        )
    console = Console()
    console.print(table)
    for partition, position in read.items():
        console.print(f"partition {partition} goes on at record {position.get('record')}")
    for warming in warm:
        console.print(_warming_line(warming), soft_wrap=True, highlight=False)
    console.print(f"{len(found)} components, {total:,} bytes")


def verify_state(state: Path | None, config: Path | None, *, as_json: bool) -> bool:
    """Read and check everything; whether it is whole."""
    found = verify(_root(state, config), sealer())
    if as_json:
        _print(asdict(found))
    else:
        console = Console()
        for problem in found.problems:
            console.print(problem, soft_wrap=True, highlight=False)
        said = f"{len(found.problems)} are damaged" if found.problems else "all are whole"
        console.print(f"{found.pieces} pieces, {found.size_bytes:,} bytes: {said}")
    return not found.problems


def lookup_state(
    column: str,
    value: str,
    tenant: str,
    state: Path | None,
    config: Path | None,
    packs: list[str] | None,
    *,
    as_json: bool,
) -> None:
    """Print the features of one entity as of the newest committed event."""
    root = _root(state, config)
    settings, blueprint = load(packs, config)
    blueprint = adopted(root, blueprint, settings.ordering)
    found, now_ms = lookup(root, blueprint, column, value, tenant, sealer())
    when = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    if as_json:
        _print({"entity": f"{column}/{value}", "as_of": when, "features": found})
        return
    table = Table("feature", f"{column} {value}, as of {when}", box=None)
    for name, feature in sorted(found.items()):
        table.add_row(name, "–" if feature is None else f"{feature:,.4g}")
    Console().print(table)
