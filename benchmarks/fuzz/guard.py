"""What an input may not do: take long, take memory, open files, import, compile, start anything.

Python's audit events say what is attempted; a hook cannot be removed, so there is one for good,
which looks only while a guard is up.
"""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import holidays

CPU_SECONDS_MAX: Final = 2.0
WALL_SECONDS_MAX: Final = 60.0
MEMORY_MAX: Final = 2 << 30
"""Bytes of address space that all inputs of a target together may add."""

_FORBIDDEN: Final = frozenset(
    """
    compile exec import os subprocess socket shutil ctypes tempfile glob pickle pty urllib http
    sqlite3 webbrowser mmap fcntl syslog signal ftplib smtplib
    """.split()  # noqa: SIM905 - a list of quoted words reads worse
)


_CALENDARS: Final = f"{Path(holidays.__file__).parent}{os.sep}"
"""A library's own tables of holidays, which it reads when a pack names a country."""


class HangError(BaseException):
    """An input took too long; no handler for `Exception` may swallow it."""


class _Watch:
    allowed: str | None = None
    seen: list[str] | None = None
    hooked = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    seen = _Watch.seen
    if seen is None or len(seen) > 20:
        return
    if event == "open":
        path = arguments[0]
        name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        if name != _Watch.allowed and not name.startswith(_CALENDARS):
            seen.append(f"open {path!r}"[:200])
    elif event.partition(".")[0] in _FORBIDDEN:
        seen.append(f"{event} {arguments[:1]!r}"[:200])


def _late(_number: int, _frame: FrameType | None) -> None:
    raise HangError(f"more than {CPU_SECONDS_MAX} s of CPU or {WALL_SECONDS_MAX} s")


@contextmanager
def guarded(allowed: Path | None = None) -> Iterator[list[str]]:
    """Watch what happens inside: gives a list that fills with forbidden acts.

    Parameters
    ----------
    allowed
        The one file that may be opened.

    Raises
    ------
    HangError
        Inside, after too much time. CPU time counts, so that a busy machine is no hang.
    """
    if not _Watch.hooked:
        sys.addaudithook(_audit)
        _Watch.hooked = True
    seen: list[str] = []
    before = [(s, signal.signal(s, _late)) for s in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS_MAX)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS_MAX)
    _Watch.allowed, _Watch.seen = str(allowed) if allowed else None, seen
    try:
        yield seen
    finally:
        _Watch.seen = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before:
            signal.signal(number, handler)


def limit_memory() -> None:
    """From now on this process may add `MEMORY_MAX` of address space, and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY_MAX
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def peak_mb() -> float:
    """The most memory that this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
