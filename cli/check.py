"""`riverguard check`: load packs, plan them, run their examples, measure what they cost."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from cli.deployment import SETTINGS, deployment_of
from config.packs import load_pack, pack_names
from config.settings import load_settings
from dataflows.examples import ExampleResult, run_examples
from models.detectors.catalogue import build_detector
from models.errors import ConfigError
from models.pack import PackSpec
from models.planning.blueprint import Deployment, draw


def check(packs: list[str], config: Path | None, *, with_cost: bool, as_json: bool) -> bool:
    """Check packs; false where an example fails or a pack does not load.

    With `with_cost` the packs that load are measured as they run together; see `cli.cost`.
    """
    deployment = deployment_of(load_settings(config or SETTINGS))
    loaded: list[PackSpec] = []
    results: list[tuple[str, ExampleResult]] = []
    errors: list[str] = []
    for name in packs or pack_names():
        try:
            pack = load_pack(name)
            for _pack, detector in draw([pack], deployment).detectors:
                build_detector(detector)
        except ConfigError as error:
            errors.append(str(error))
            continue
        loaded.append(pack)
        results += [(pack.name, result) for result in run_examples(pack, deployment)]
    if len(loaded) > 1:
        draw(loaded, deployment)
    failed = [(pack, result) for pack, result in results if not result.ok]
    summary = {
        "packs": len(loaded), "rules": sum(len(pack.rules) for pack in loaded),
        "examples": len(results), "failed": len(failed), "errors": errors,
        "failures": [_failure(pack, result) for pack, result in failed],
    }  # fmt: skip
    if not as_json:
        _show([pack.name for pack in loaded], summary, [result for _pack, result in failed])
    if with_cost and loaded:
        summary["cost"] = _cost(loaded, deployment, as_json=as_json)
    if as_json:
        print(orjson.dumps(summary).decode())  # noqa: T201
    return not failed and not errors


def _failure(pack: str, result: ExampleResult) -> dict[str, Any]:
    """A failed example; `seen` is the rule's reason, the values that it met, or a bad event's."""
    return {
        "pack": pack, "rule": result.rule, "file": result.place.file, "line": result.place.line,
        "expected": result.expected, "fired": result.fired, "seen": result.seen,
    }  # fmt: skip


def _cost(packs: list[PackSpec], deployment: Deployment, *, as_json: bool) -> dict[str, Any]:
    """Measure, and show it unless it is asked for as JSON."""
    # only a measurement needs the simulator
    from cli.cost import cost_of  # noqa: PLC0415
    from cli.cost_report import show_cost  # noqa: PLC0415

    with Console(stderr=True).status("measuring what each feature and rule costs …"):
        cost = cost_of(packs, deployment)
    if not as_json:
        show_cost(cost)
    return asdict(cost)


def _show(names: list[str], summary: dict[str, Any], failed: list[ExampleResult]) -> None:
    console = Console()
    console.print(
        f"{', '.join(names) or 'no pack'}: {summary['rules']} rules, {summary['examples']}"
        f" examples, {summary['failed']} failed",
        highlight=False,
    )
    if failed:
        table = Table("rule", "where", "expected", "seen")
        for result in failed:
            expected = "fires" if result.expected else "does not fire"
            table.add_row(result.rule, str(result.place), expected, result.seen)
        console.print(table)
    for text in summary["errors"]:
        Console(stderr=True).print(f"error: {text}", markup=False, highlight=False, soft_wrap=True)
