"""The speed job, ours against the naive peer: ``python -m benchmarks.speed.run [--quick]``.

Each run is a process of its own, pinned to one core, over a file in the page cache. A rate is
marginal: the events between a short and a long run over the difference of their times, each the
best of two (``--quick``: one run each); both read the same file's first events. So start-up is
not in a rate; it is stated apart. State commits are on for ours and off for the naive peer, and
ours writes every alert in full, the naive peer four fields of each output.

``--profile`` says where our time goes instead, ``--rules`` what more rules cost
(`benchmarks.speed.rules`).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.speed.files import (
    BENCH,
    EVENTS,
    SKEWED,
    UNIFORM,
    Keys,
    Outputs,
    event_file,
    naive_outputs,
    our_outputs,
    warm,
)
from benchmarks.speed.machine import ROOT, conditions

HERE: Final = Path(__file__).resolve().parent
WORK: Final = BENCH / "work"
RESULTS: Final = BENCH / "results.jsonl"
SHORT: Final = 200_000
WARM_UP: Final = 20_000


@dataclass(frozen=True, slots=True)
class Job:
    """One of the four jobs.

    Attributes
    ----------
    pack
        The pack's name, here in the folder.
    naive, naive_quick
        Events of the naive peer's short and long run. On skewed keys its cost per event grows
        with every event, as it computes the largest accounts' windows anew: few events are
        kind to it.
    """

    pack: str
    keys: Keys
    naive: tuple[int, int]
    naive_quick: tuple[int, int]

    @property
    def trees(self) -> bool:
        """Whether every event is scored and learned."""
        return self.pack == "job_trees"


JOBS: Final = (
    Job("job", UNIFORM, (SHORT, EVENTS), (20_000, 120_000)),
    Job("job", SKEWED, (10_000, 30_000), (5_000, 20_000)),
    Job("job_trees", UNIFORM, (5_000, 20_000), (5_000, 20_000)),
    Job("job_trees", SKEWED, (5_000, 20_000), (5_000, 20_000)),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The best of some runs.

    Attributes
    ----------
    seconds, cpu
        In the flow: wall time, and processor time of every thread.
    wall
        Of the whole process.
    report, outputs
        What it printed, what it put out.
    """

    seconds: float
    cpu: float
    wall: float
    report: dict[str, Any]
    outputs: Outputs


class Runner:
    """Starts the runs, each once, on one core."""

    def __init__(self, cpu: int, repeats: int) -> None:
        self.cpu, self.repeats = cpu, repeats
        self._done: dict[tuple[str, Path], Measured] = {}

    def ours(self, pack: str, events: Path) -> Measured:
        """Our flow over a file."""
        arguments = ["benchmarks.speed.ours", HERE / f"{pack}.yaml", events, WORK]
        return self._best(f"ours {pack}", events, arguments, WORK / "alerts.ndjson")

    def naive(self, trees: bool, events: Path) -> Measured:
        """The naive peer over a file."""
        out = WORK / "naive.ndjson"
        arguments = ["benchmarks.speed.naive", events, out, *(["--trees"] if trees else [])]
        return self._best(f"naive trees={trees}", events, arguments, out)

    def _best(self, name: str, events: Path, arguments: list[Any], out: Path) -> Measured:
        if (name, events) not in self._done:
            runs = [self._run(arguments, out) for _ in range(self.repeats)]
            self._done[name, events] = replace(
                runs[-1],
                seconds=min(run.seconds for run in runs),
                cpu=min(run.cpu for run in runs),
                wall=min(run.wall for run in runs),
            )
        return self._done[name, events]

    def _run(self, arguments: list[Any], out: Path) -> Measured:
        began = time.perf_counter()
        report = child(*arguments, "--cpu", self.cpu)
        wall = time.perf_counter() - began
        outputs = our_outputs(out) if out.name == "alerts.ndjson" else naive_outputs(out)
        return Measured(report["seconds"], report["cpu_seconds"], wall, report, outputs)


def child(module: str, *arguments: Any) -> dict[str, Any]:
    """Run a module to its end; what it printed."""
    command = [sys.executable, "-m", module, *(str(argument) for argument in arguments)]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def keep(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows, and add them to the results with what they were measured on."""
    about = conditions()
    with RESULTS.open("a", encoding="utf-8") as results:
        for row in rows:
            print(json.dumps(row))
            results.write(json.dumps({**row, **about}) + "\n")


def rate(short: Measured, long: Measured, sizes: tuple[int, int]) -> float:
    """Events per second between a short and a long run."""
    return (sizes[1] - sizes[0]) / (long.seconds - short.seconds)


def run_job(job: Job, runner: Runner, quick: bool) -> dict[str, Any]:
    """Measure one job, both sides, and compare what they put out."""
    short_file, long_file = event_file(job.keys, SHORT), event_file(job.keys)
    sizes = job.naive_quick if quick else job.naive
    naive_files = [event_file(job.keys, size) for size in sizes]
    for path in (short_file, long_file, *naive_files):
        warm(path)
    short, long = runner.ours(job.pack, short_file), runner.ours(job.pack, long_file)
    naive = [runner.naive(job.trees, path) for path in naive_files]
    compared = [(naive[1].outputs, runner.ours(job.pack, naive_files[1]).outputs)]
    if job.trees:
        # few events bring few hits; the rules do not read the trees, so a longer run counts too
        plain = next(other for other in JOBS if other.keys is job.keys and not other.trees)
        path = event_file(job.keys, (plain.naive_quick if quick else plain.naive)[1])
        warm(path)
        compared.append((runner.naive(False, path).outputs, runner.ours(job.pack, path).outputs))
    ours_per_s = rate(short, long, (SHORT, EVENTS))
    naive_per_s = rate(naive[0], naive[1], sizes)
    report = long.report
    return {
        "bench": f"speed/{job.pack}",
        "keys": job.keys.name,
        "events": EVENTS,
        "events_per_s": round(ours_per_s),
        "cpu_us": round((long.cpu - short.cpu) / (EVENTS - SHORT) * 1e6, 2),
        "start_s": round(short.wall - SHORT / ours_per_s, 2),
        "naive_events": sizes[1],
        "naive_events_per_s": round(naive_per_s),
        "naive_cpu_us": round((naive[1].cpu - naive[0].cpu) / (sizes[1] - sizes[0]) * 1e6, 2),
        "naive_start_s": round(naive[0].wall - naive[0].seconds, 2),
        "ratio": round(ours_per_s / naive_per_s, 1),
        "alerts": report["alerts"],
        "outputs": len(long.outputs),
        "outputs_expected": job.keys.outputs,
        "hits_equal": all(theirs == ours for theirs, ours in compared),
        "hits_compared": max(len(theirs) for theirs, _ in compared),
        "memory_mb": report["peak_mb"],
        "accounts": report["accounts"],
        "account_bytes": round(report["window_bytes"] / report["accounts"]),
        "account_bytes_held": round(report["window_bytes_held"] / report["accounts"]),
    }


def profile_job(job: Job, cpu: int) -> Table:
    """Our time by step, between a short and a long run."""
    pack = HERE / f"{job.pack}.yaml"
    reports = []
    for path in (event_file(job.keys, SHORT), event_file(job.keys)):
        warm(path)
        reports.append(child("benchmarks.speed.ours", pack, path, WORK, "--profile", "--cpu", cpu))
    before, after = ({step: (wall, cpu) for step, wall, cpu, _ in r["steps"]} for r in reports)
    times = {step: _minus(after[step], before.get(step, (0.0, 0.0))) for step in after}
    whole = _minus(*((r["seconds"], r["cpu_seconds"]) for r in reversed(reports)))
    known = (sum(wall for wall, _ in times.values()), sum(cpu for _, cpu in times.values()))
    times["Bytewax and the rest"] = _minus(whole, known)
    table = Table(title=f"{job.pack}, {job.keys.name} keys: {reports[1]['alerts']} alerts")
    table.add_column("µs per event")
    for name in ("processor", "share", "wall"):
        table.add_column(name, justify="right")
    scale = 1e6 / (EVENTS - SHORT)
    for step, (wall, busy) in sorted(times.items(), key=lambda row: -row[1][1]):
        share = f"{busy / whole[1]:.1%}"
        table.add_row(step, f"{busy * scale:.3f}", share, f"{wall * scale:.3f}")
    table.add_section()
    table.add_row("all", f"{whole[1] * scale:.3f}", "", f"{whole[0] * scale:.3f}")
    return table


def _minus(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] - other[0], one[1] - other[1]


def table_of(rows: list[dict[str, Any]]) -> Table:
    """The results as a person reads them."""
    table = Table(title="the speed job, one pinned core")
    table.add_column("job")
    titles = ("ours /s", "naive /s", "ratio", "start s", "outputs", "hits", "B/account", "MB")
    for title in titles:
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(
            f"{row['bench'].partition('/')[2]}, {row['keys']}",
            f"{row['events_per_s']:,}", f"{row['naive_events_per_s']:,}", f"{row['ratio']:,} ×",
            f"{row['start_s']}", f"{row['outputs']}",
            f"{row['hits_compared']} {'equal' if row['hits_equal'] else 'DIFFER'}",
            f"{row['account_bytes']}", f"{row['memory_mb']:.0f}",
        )  # fmt: skip
    return table


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one run each, a smaller naive peer")
    parser.add_argument("--profile", action="store_true", help="where our time goes, by step")
    parser.add_argument("--rules", action="store_true", help="what 10, 50 and 200 rules cost")
    parser.add_argument("--job", choices=sorted({job.pack for job in JOBS}), help="only this one")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    given = parser.parse_args()
    if given.rules:
        # it imports the engine, which nothing else here does
        from benchmarks.speed.rules import report  # noqa: PLC0415

        report(given.cpu, given.quick)
        return 0
    console = Console(width=max(Console().width, 110))
    jobs = [job for job in JOBS if given.job in (None, job.pack)]
    # the first run compiles what is not compiled yet
    for pack in sorted({job.pack for job in jobs}):
        warm_up = event_file(UNIFORM, WARM_UP)
        child("benchmarks.speed.ours", HERE / f"{pack}.yaml", warm_up, WORK)
    if given.profile:
        for job in jobs:
            console.print(profile_job(job, given.cpu))
        return 0
    runner = Runner(given.cpu, 1 if given.quick else 2)
    rows = []
    for job in jobs:
        console.print(f"[dim]{job.pack}, {job.keys.name} keys …[/dim]")
        rows.append(run_job(job, runner, given.quick))
    console.print(table_of(rows))
    keep(rows)
    as_expected = all(r["hits_equal"] and r["outputs"] == r["outputs_expected"] for r in rows)
    return 0 if as_expected else 1


if __name__ == "__main__":
    sys.exit(main())
