"""What more rules cost: ``python -m benchmarks.speed.rules [--quick]``.

Generated packs of 10, 50 and 200 rules meet the first events of the speed job (payments, uniform
keys), one process each, pinned to one core, decode to alerts without an engine:

- ``thresholds``: rules over the same five features, each with thresholds of its own;
- ``features``: each rule with a feature of its own, all in one space;
- ``kinds``: ten rules on payments, the others on kinds that never come.

A price is processor time per event of blocks of `BLOCK` events, after as many events were learned;
``1 row`` is the time of a block of one event: what a batch costs whatever is in it.
"""

from cli.kernels import use_kernel_cache

use_kernel_cache()

import argparse  # noqa: E402 - the cache comes first
import gc  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from itertools import islice  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402
from typing import Any, Final  # noqa: E402

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.speed.files import UNIFORM, event_file, warm  # noqa: E402
from benchmarks.speed.machine import pin  # noqa: E402
from benchmarks.speed.ours import AS_OF_MS  # noqa: E402
from benchmarks.speed.run import child, keep  # noqa: E402
from benchmarks.speed.steps import profiled  # noqa: E402
from config.packs import load_pack  # noqa: E402
from dataflows.execute import GARBAGE_THRESHOLDS  # noqa: E402
from dataflows.offline import Offline  # noqa: E402
from models.planning.blueprint import Blueprint, Deployment, draw  # noqa: E402
from models.records import RawBlock  # noqa: E402

CASES: Final = ("thresholds", "features", "kinds")
COUNTS: Final = (10, 50, 200)
BLOCK: Final = 4096
EVENTS: Final = 400_000
SINGLES: Final = 3000
STEPS: Final = ("decode", "intake", "scatter", "windows", "programs", "rest")
_SHARED: Final = """features:
  c_1h: {count: "*", by: account, over: 1h, on: [payment]}
  s_1h: {sum: amount, by: account, over: 1h, on: [payment]}
  m_1h: {max: amount, by: account, over: 1h, on: [payment]}
  c_1d: {count: "*", by: account, over: 1d, on: [payment]}
  s_1d: {sum: amount, by: account, over: 1d, on: [payment]}
"""
_OTHERS: Final = (("trade", "symbol"), ("login", "customer"), ("profile", "customer"))


def pack_text(case: str, rules: int) -> str:
    """A pack of so many rules; so few events meet any of them that alerts cost little."""
    features, lines = _SHARED, []
    for k in range(rules):
        kind, subject, when = "payment", "account", _condition(k)
        if case == "features":
            features += f"  own_{k}: {{sum: amount, by: account, over: {60 + k}m}}\n"
            when = f"own_{k} > {1500 + 10 * k}"
        elif case == "kinds" and k >= COUNTS[0]:
            kind, subject = _OTHERS[k % len(_OTHERS)]
            features += (
                f'  seen_{k}: {{count: "*", by: {subject}, over: {60 + k}m, on: [{kind}]}}\n'
            )
            when = f"seen_{k} > {100 + k}"
        lines.append(
            f"  - {{id: R{k:03}, name: {{en: Rule {k}, zh: 规则 {k}}}, on: [{kind}],"
            f' when: "{when}", subject: {subject}, severity: low, group: g,'
            f" because: {{en: met, zh: 满足}}}}\n"
        )
    return f"pack: rules\non: [payment]\n{features}rules:\n{''.join(lines)}"


def _condition(k: int) -> str:
    """Features alone, so that no column of the event decides before them."""
    return (
        f"c_1h > {3 + k % 4} AND s_1h > {700 + 7 * k} AND m_1h > {500 + 3 * k}"
        f" OR c_1d > {40 + k % 9} AND s_1d > {2500 + 11 * k}"
    )


def planned(case: str, rules: int) -> Blueprint:
    """The blueprint of a generated pack."""
    with tempfile.TemporaryDirectory(prefix="rules-") as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text(pack_text(case, rules), encoding="utf-8")
        return draw([load_pack(str(path))], Deployment())


def blocks(path: Path, events: int, size: int, first: int = 0) -> Iterator[RawBlock]:
    """Some of a file's events from number `first` on, so many to a block."""
    with path.open("rb") as file:
        lines = islice(file, first, first + events)
        while data := b"".join(islice(lines, size)):
            yield RawBlock(0, data, first, AS_OF_MS)
            first += size


def measure(case: str, rules: int, path: Path, events: int) -> dict[str, Any]:
    """Learn half of the events, time the other half, then single ones."""
    began = time.process_time()
    blueprint = planned(case, rules)
    offline = Offline(blueprint, ordered=False)
    plan_s = time.process_time() - began
    half = events // 2
    for block in blocks(path, half, BLOCK):
        offline.feed(block)
    waiting = list(blocks(path, half, BLOCK, half))
    alerts = 0
    with profiled() as timer:
        began_ns = time.thread_time_ns()
        for block in waiting:
            alerts += len(offline.feed(block).alerts)
        took_ns = time.thread_time_ns() - began_ns
    singles = []
    for block in blocks(path, SINGLES, 1, events):
        began_ns = time.thread_time_ns()
        offline.feed(block)
        singles.append(time.thread_time_ns() - began_ns)
    steps = {step: 1e9 * cpu / half for step, _wall, cpu, _calls in timer.rows()}
    known = {
        "decode": steps["decode"], "intake": steps["intake"], "scatter": steps["scatter"],
        "windows": steps["windows"],
        "programs": sum(ns for step, ns in steps.items() if step.endswith("programs")),
    }  # fmt: skip
    whole = took_ns / half
    known["rest"] = whole - sum(known.values())
    return {
        "bench": f"speed/rules/{case}", "rules": rules, "events": half,
        "events_per_s": round(1e9 / whole), "ns": round(whole, 1),
        "steps_ns": {step: round(ns, 1) for step, ns in known.items()},
        "single_us": round(median(singles) / 1000, 1), "alerts": alerts, "plan_s": round(plan_s, 2),
    }  # fmt: skip


def best(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of several runs of one case the fastest, with the least cost of a single event."""
    fastest = min(rows, key=lambda row: float(row["ns"]))
    return {**fastest, "single_us": min(row["single_us"] for row in rows)}


def table_of(rows: list[dict[str, Any]]) -> Table:
    """The results as a person reads them."""
    table = Table(title="what more rules cost, µs of processor time per event")
    table.add_column("rules", no_wrap=True)
    for title in ("events/s", "µs", *STEPS, "1 row µs", "alerts"):
        table.add_column(title, justify="right")
    for row in rows:
        steps = (f"{row['steps_ns'][step] / 1000:.2f}" for step in STEPS)
        table.add_row(
            f"{row['rules']} {row['bench'].rpartition('/')[2]}", f"{row['events_per_s']:,}",
            f"{row['ns'] / 1000:.2f}", *steps, f"{row['single_us']:.0f}", f"{row['alerts']:,}",
            end_section=row["rules"] == COUNTS[-1],
        )  # fmt: skip
    return table


def run_all(cpu: int, quick: bool) -> list[dict[str, Any]]:
    """Every case in processes of its own; the cases in turn, so that a slow moment meets all."""
    path, events = event_file(UNIFORM), EVENTS // 4 if quick else EVENTS
    warm(path)
    chosen = [(case, rules) for case in CASES for rules in COUNTS]
    child("benchmarks.speed.rules", "--case", "features", "--rules", COUNTS[0], "--events", 1000)
    found: dict[tuple[str, int], list[dict[str, Any]]] = {key: [] for key in chosen}
    for _repeat in range(1 if quick else 5):
        for case, rules in chosen:
            found[case, rules].append(
                child(
                    "benchmarks.speed.rules", "--case", case, "--rules", rules,
                    "--events", events, "--cpu", cpu,
                )
            )  # fmt: skip
    return [best(rows) for rows in found.values()]


def report(cpu: int, quick: bool) -> None:
    """Measure every case, print the table and keep the rows."""
    rows = run_all(cpu, quick)
    console = Console(width=max(Console().width, 120))
    console.print(table_of(rows))
    keep(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer events, one run each")
    parser.add_argument("--case", choices=CASES, help="only this one, here, as JSON")
    parser.add_argument("--rules", type=int, default=COUNTS[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    given = parser.parse_args()
    pin(given.cpu)
    if given.case:
        # as the flow does
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        print(json.dumps(measure(given.case, given.rules, event_file(UNIFORM), given.events)))
        return
    report(given.cpu, given.quick)


if __name__ == "__main__":
    main()
