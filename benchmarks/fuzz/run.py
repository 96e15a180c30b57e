"""Feed hostile input to everything that reads input: ``python -m benchmarks.fuzz.run``.

Each target runs in a process of its own, whose memory is bounded and whose death is noticed. The
same seed gives the same inputs. The last line is one JSON object; the exit code is 1 after any
crash, hang, disagreement or forbidden act.
"""

import argparse
import json
import logging
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final

from cli.kernels import use_kernel_cache

SHARES: Final = {"scanner": 0.90, "packs": 0.012, "expressions": 0.058, "settings": 0.03}
"""Target → its share of the inputs."""

SILENCE_MAX_S: Final = 240
"""A target that reports nothing for so long hangs where no signal reaches it."""

Beat = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What a target's process is asked to do."""

    target: str
    inputs: int
    seed: int


def work(order: Order, wire: Connection) -> None:
    """Run one target in this process and send what it came to."""
    use_kernel_cache()
    # sqlglot says in its log what it cannot read, for every such input
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    # a target's own modules are imported here, after the cache is in place
    from benchmarks.fuzz.guard import limit_memory, peak_mb  # noqa: PLC0415
    from benchmarks.fuzz.targets import TARGETS, Target  # noqa: PLC0415

    def beat(where: str) -> None:
        wire.send(("at", where))

    target: Target = TARGETS[order.target](order.seed)
    target.run(target.warm_up, beat)
    limit_memory()
    before, begun = peak_mb(), time.perf_counter()
    target.reset()
    tally = target.run(order.inputs, beat)
    report = tally.report() | {
        "peak_mb_growth": round(peak_mb() - before, 1),
        "seconds": round(time.perf_counter() - begun, 1),
    }
    wire.send(("done", report, [(f.sort, f.text, f.data) for f in tally.found.values()]))


def conduct(order: Order) -> dict[str, Any]:
    """Start a target's process, follow it, print its findings; a dead process is a finding."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(order, theirs), daemon=True)
    process.start()
    theirs.close()
    where = "the start"
    report: dict[str, Any] | None = None
    try:
        while report is None and ours.poll(SILENCE_MAX_S):
            message = ours.recv()
            if message[0] == "at":
                where = message[1]
                continue
            report = message[1]
            for sort, text, data in message[2]:
                print(f"{order.target}: {sort}\n  {text}\n  input: {data[:3000]!r}", flush=True)
    except EOFError:
        pass
    if report is None:
        process.kill()
    process.join()
    if report is not None:
        return report
    print(f"{order.target}: the process ended with {process.exitcode} after {where}", flush=True)
    return {"inputs": 0, "accepted": 0, "rejected": 0, "crashes": 1, "died_after": where}


def shares(inputs: int, target: str | None) -> dict[str, int]:
    """How many inputs each target gets; the scanner gets what rounding leaves."""
    if target is not None:
        return {target: inputs}
    found = {name: int(inputs * share) for name, share in SHARES.items()}
    found["scanner"] += inputs - sum(found.values())
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="feed hostile input to all that reads input")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--target", choices=sorted(SHARES))
    given = parser.parse_args()
    # by way of an exit, which ends the target's process too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    reports = {}
    for name, count in shares(given.inputs, given.target).items():
        reports[name] = conduct(Order(name, count, given.seed))
        print(f"{name}: {json.dumps(reports[name])}", flush=True)
    crashes = sum(report["crashes"] for report in reports.values())
    total = sum(report["inputs"] for report in reports.values())
    print(json.dumps({"inputs": total, "seed": given.seed, "crashes": crashes, **reports}))
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
