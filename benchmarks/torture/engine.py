"""The engine under torture: `riverguard run`, its processes, and ways to end them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.torture.clock import Clock

ROOT: Final = Path(__file__).resolve().parents[2]
DEADLINE_S: Final = 120.0


@dataclass
class Engine:
    """One deployment.

    Attributes
    ----------
    folder
        For its settings and state.
    settings
        Text of its settings file without the number of processes.
    clock
        Its wall clock, unless it is the true one.
    """

    folder: Path
    settings: str
    clock: Clock | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def start(self, processes: int, *, until_end: bool = False) -> None:
        """Start the supervisor, which starts the processes."""
        config = self.folder / f"riverguard-{processes}.yaml"
        config.write_text(f"{self.settings}processes: {processes}\n")
        command = [sys.executable, "-m", "cli", "run", "--config", str(config)]
        command += ["--until-end"] if until_end else []
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if self.clock:
            environment |= self.clock.environment
        with (self.folder / "engine.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def workers(self) -> list[int]:
        """Process ids of what the supervisor started."""
        assert self.process
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            return [int(word) for word in path.read_text().split()]
        except OSError:
            return []

    def kill_workers(self, chance: random.Random, *, every: bool) -> int:
        """SIGKILL one process or all at once; how many there were."""
        found = self.workers()
        if not every and found:
            found = [chance.choice(found)]
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return len(found)

    def kill_supervisor(self) -> None:
        """SIGKILL the supervisor; the kernel kills its processes."""
        assert self.process
        workers = self.workers()
        self.process.kill()
        self.process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))

    def close(self) -> None:
        """Make sure that nothing of it runs."""
        if self.process:
            self.kill_supervisor()

    def lost(self, workers: Collection[int]) -> bool:
        """Whether all of these processes, of which there were some, have ended."""
        return bool(workers) and not {*workers} & {*self.workers()}

    def terminate(self) -> int:
        """SIGTERM, and wait; the exit code."""
        assert self.process
        self.process.terminate()
        return self.process.wait(DEADLINE_S)

    def files(self, kind: str) -> set[str]:
        """Names of state segments of one kind."""
        return {path.name for path in (self.state / "state").glob(f"*.{kind}")}

    def commits(self, seconds: float = DEADLINE_S) -> bool:
        """Whether it commits, or ends, in time."""
        before = self.files("log")
        # seldom: a folder of hundreds of files is costly to list
        return wait_until(lambda: self.files("log") != before or not self.running, seconds, 0.01)


def wait_until(
    true: Callable[[], bool], seconds: float = DEADLINE_S, every_s: float = 0.001
) -> bool:
    """Whether something came true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True
