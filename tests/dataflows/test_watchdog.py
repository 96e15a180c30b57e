"""The wall clock jumps under a process: set back it ends, or the engine would wait for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.cluster import EXIT_CRASH

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("jump_s", "ends"), [(-2, True), (-0.5, False), (3600, False)])
def test_the_watchdog_ends_a_process_whose_wall_clock_is_set_back(jump_s, ends):
    program = (
        "import time\nfrom dataflows.cluster import Watchdog\nWatchdog(0.2)\nreal = time.time\n"
        f"time.sleep(0.2)\ntime.time = lambda: real() + {jump_s}\ntime.sleep(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert done.returncode == (EXIT_CRASH if ends else 0)
    assert (b"error: the wall clock was set back by 2.0 s" in done.stderr) is ends
