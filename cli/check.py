"""`riverguard check`: load packs, plan them, run their examples."""

from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from cli.deployment import SETTINGS, deployment_of
from config.packs import load_pack, pack_names
from config.settings import load_settings
from dataflows.examples import ExampleResult, run_examples
from models.errors import ConfigError
from models.planning.blueprint import draw
from models.scoring import Scorer


def check(packs: list[str], config: Path | None, *, as_json: bool) -> bool:
    """Check packs; false where an example fails or a pack does not load."""
    deployment = deployment_of(load_settings(config or SETTINGS))
    failed: list[ExampleResult] = []
    errors: list[str] = []
    rules = examples = 0
    loaded = []
    for name in packs or pack_names():
        try:
            pack = load_pack(name)
            Scorer(draw([pack], deployment))
        except ConfigError as error:
            errors.append(str(error))
            continue
        loaded.append(pack)
        results = run_examples(pack, deployment)
        rules += len(pack.rules)
        examples += len(results)
        failed += [result for result in results if not result.ok]
    if len(loaded) > 1:
        draw(loaded, deployment)
    if as_json:
        summary = {
            "packs": len(loaded), "rules": rules, "examples": examples,
            "failed": len(failed), "errors": errors,
        }  # fmt: skip
        print(orjson.dumps(summary).decode())  # noqa: T201
    else:
        _show(loaded_names=[pack.name for pack in loaded], counts=(rules, examples), failed=failed)
        for text in errors:
            Console(stderr=True).print(
                f"error: {text}", markup=False, highlight=False, soft_wrap=True
            )
    return not failed and not errors


def _show(*, loaded_names: list[str], counts: tuple[int, int], failed: list[ExampleResult]) -> None:
    console = Console()
    rules, examples = counts
    console.print(
        f"{', '.join(loaded_names) or 'no pack'}: {rules} rules, {examples} examples,"
        f" {len(failed)} failed",
        highlight=False,
    )
    if not failed:
        return
    table = Table("rule", "where", "expected", "seen")
    for result in failed:
        expected = "fires" if result.expected else "does not fire"
        table.add_row(result.rule, str(result.place), expected, result.seen)
    console.print(table)
