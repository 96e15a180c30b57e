"""What a measurement depends on: the core it is pinned to, the machine, the commit."""

import os
import platform
import resource
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]


def pin(cpu: int | None) -> None:
    """Keep this process, and every thread that it starts from now on, on one core."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


def peak_mb() -> float:
    """The largest resident size that this process has had, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _git(*arguments: str) -> str:
    # no optional locks: a measurement must not touch the index
    command = ["git", "--no-optional-locks", *arguments]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def conditions() -> dict[str, Any]:
    """Date, machine and commit, as they stand beside every result."""
    changed = "+changes" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "commit": _git("rev-parse", "--short=12", "HEAD") + changed,
    }
