"""The processes of one host: started together, watched, restarted together, stopped together.

Bytewax ends every process of a cluster when one dies, and the state of all belongs to the same
epoch; so they fail as one and start as one, on every host by itself.
"""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from models.errors import StateError

EXIT_GOOD, EXIT_PROBLEM, EXIT_CONFIG = 0, 1, 2
EXIT_FATAL: Final = 3
"""A worker's: what went wrong will go wrong again, so there is no use in a restart."""
EXIT_CRASH: Final = 70
"""A worker's: restart."""

SUPERVISOR: Final = "RIVERGUARD_SUPERVISOR"
"""Environment variable with the process id of the supervisor."""

FIRST_DELAY_S: Final = 0.5
LONGEST_DELAY_S: Final = 30.0
STABLE_AFTER_S: Final = 60.0
"""A run that lasted so long has recovered: the next delay is the first again."""
PEERS_S: Final = 3.0
"""How long the others may outlive one that has died."""
SET_BACK_S: Final = 1.0
"""A wall clock that jumps back further ends the processes; see `Watchdog`."""
_POLL_S: Final = 0.02


@dataclass
class Supervisor:
    """Runs the processes of one host until they end, or until it is told to stop.

    Attributes
    ----------
    command
        Process number on this host → its command line.
    count
        How many.
    prepare
        Called before every start, while none runs.
    say
        Takes one line for the operator.
    grace_s
        How long processes may take to stop after SIGTERM.
    inherited
        Open files that the processes keep, see `lock`.
    stopping
        Set it to end as if the input ended.
    """

    command: Callable[[int], Sequence[str]]
    count: int
    prepare: Callable[[], None]
    say: Callable[[str], None]
    grace_s: float = 30.0
    inherited: tuple[int, ...] = ()
    restarts: int = 0
    outputs: list[bytes] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Return the exit code: 0 good, 1 it cannot go on, 2 bad configuration."""
        delay_s = FIRST_DELAY_S
        while True:
            ready = self._prepared()
            if self.stopping.is_set():
                return EXIT_GOOD
            began = time.monotonic()
            codes = self._once() if ready else [EXIT_CRASH]
            lasted = time.monotonic() - began
            if EXIT_CONFIG in codes:
                return EXIT_CONFIG
            if EXIT_FATAL in codes:
                return EXIT_PROBLEM
            if self.stopping.is_set():
                # one that SIGTERM met before it could listen has stopped as it should
                return EXIT_GOOD if set(codes) <= {EXIT_GOOD, -signal.SIGTERM} else EXIT_PROBLEM
            if not any(codes):
                return EXIT_GOOD
            delay_s = FIRST_DELAY_S if lasted > STABLE_AFTER_S else delay_s
            self.restarts += 1
            ended = ", ".join(_named(code) for code in codes)
            self.say(f"ended after {lasted:.1f} s ({ended}); starting again in {delay_s:g} s")
            if self.stopping.wait(delay_s):
                return EXIT_GOOD
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)

    def _prepared(self) -> bool:
        """Whether all is ready for a start; where a disk is full there may be room later."""
        try:
            self.prepare()
        except (OSError, sqlite3.OperationalError) as error:
            if not self.restarts:
                raise
            self.say(f"cannot start: {error}")
            return False
        return True

    def _once(self) -> list[int]:
        """Run all processes until all have ended; their exit codes."""
        running: list[subprocess.Popen[bytes]] = []
        readers: list[threading.Thread] = []
        outputs: list[bytes] = [b""] * self.count
        try:
            for number in range(self.count):
                process = _start(self.command(number), self.inherited)
                running.append(process)
                arguments = (process, outputs, number)
                readers.append(threading.Thread(target=_collect, args=arguments, daemon=True))
                readers[-1].start()
            self._wait(running)
        finally:
            for process in running:
                process.kill()
            codes = [process.wait() for process in running]
        for reader in readers:
            reader.join()
        self.outputs = outputs
        return codes

    def _wait(self, running: "Sequence[subprocess.Popen[bytes]]") -> None:
        """Until all have ended, or those that are left have had their time."""
        told = False
        deadline: float | None = None
        while any(process.poll() is None for process in running):
            now = time.monotonic()
            if self.stopping.is_set() and not told:
                told, deadline = True, now + self.grace_s
                for process in running:
                    process.terminate()
            if any(process.poll() not in {None, EXIT_GOOD} for process in running):
                deadline = min(deadline or now + PEERS_S, now + PEERS_S)
            if deadline is not None and now > deadline:
                return
            time.sleep(_POLL_S)


def _start(command: Sequence[str], inherited: Sequence[int]) -> "subprocess.Popen[bytes]":
    # a session of its own: Ctrl-C is for the supervisor, which stops all in order
    return subprocess.Popen(  # noqa: S603 - our own command
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        pass_fds=inherited,
        env={**os.environ, SUPERVISOR: str(os.getpid())},
    )


def _collect(process: "subprocess.Popen[bytes]", outputs: list[bytes], number: int) -> None:
    assert process.stdout
    with process.stdout:
        outputs[number] = process.stdout.read()


def _named(code: int) -> str:
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"code {code}"


class Watchdog:
    """Ends this process when it has committed nothing for too long, or the wall clock is set back.

    Bytewax ends epochs and wakes sources by the wall clock: until that is again where it was
    nothing would be committed, and perhaps nothing read. A new start counts anew.

    Parameters
    ----------
    hang_after_s
        How long that is; counted from the first commit.
    """

    def __init__(self, hang_after_s: float) -> None:
        self._hang_after_s = hang_after_s
        self._committed: float | None = None
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def committed(self) -> None:
        """A commit was made."""
        self._committed = time.monotonic()

    def _watch(self) -> None:
        ahead_s = time.time() - time.monotonic()
        while True:
            time.sleep(min(1.0, self._hang_after_s / 4))
            before_s, ahead_s = ahead_s, time.time() - time.monotonic()
            if before_s - ahead_s > SET_BACK_S:
                _give_up(
                    f"the wall clock was set back by {before_s - ahead_s:.1f} s",
                    "nothing would be committed until it is again where it was",
                )
            last = self._committed
            if last is not None and time.monotonic() - last > self._hang_after_s:
                _give_up(
                    f"nothing was committed for {self._hang_after_s:g} s", "a sink may be stuck"
                )


def _give_up(what: str, hint: str) -> None:
    print(  # noqa: T201 - the last words of this process
        f"error: {what}\n  hint: {hint}; this process ends and is started again",
        file=sys.stderr,
        flush=True,
    )
    os._exit(EXIT_CRASH)


def end_with_supervisor() -> None:
    """Let the kernel end this process when its supervisor dies, even by ``kill -9``.

    A supervisor that died before this was called is noticed too.
    """
    expected = os.environ.get(SUPERVISOR)
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - Linux only

        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if expected is not None and os.getppid() != int(expected):
        os._exit(EXIT_CRASH)


def lock(path: Path, patience_s: float = 30.0) -> int:
    """Take a state directory for this host's run; return what processes must inherit.

    The lock lives as long as any process that inherited it: so a supervisor that was killed is
    followed by another one only when its last process is gone.

    Raises
    ------
    StateError
        Another run still has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise StateError(
                    f"{path.parent} is used by another run",
                    hint="stop it first, or give this one a state directory of its own",
                ) from error
            time.sleep(0.1)
        else:
            return descriptor
