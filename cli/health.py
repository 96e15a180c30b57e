"""Whether an engine gets on: its state directory tells, whoever runs it.

Every epoch writes a log of state, also while no events come: pulses keep the holds changing. So
no new log means that no epoch has closed: a step or a sink hangs, a broker or Redis is being
waited for, or nothing runs. Files alone are looked at, so that a look costs next to nothing:
``python -m cli.health STATE SECONDS`` imports neither the engine nor the settings.
"""

import contextlib
import sys
import time
from pathlib import Path
from typing import Final

_ARGUMENTS: Final = 3


def healthy(state: Path, within_s: float) -> bool:
    """Whether a log of state was written lately.

    Parameters
    ----------
    state
        The directory that the setting `state` names; one that is not there is not healthy.
    within_s
        How lately, seconds; more than twice the setting `commit_every`.

    Returns
    -------
    False also for logs from the future: a clock that was set back must not hide a hang.
    """
    now = time.time()
    for log in (state / "state").glob("*.log"):
        # the engine deletes logs that no manifest names any more
        with contextlib.suppress(FileNotFoundError):
            if abs(now - log.stat().st_mtime) <= within_s:
                return True
    return False


def main(arguments: list[str]) -> int:
    """Say how it is; return the exit code: 0 healthy, 1 not, 2 bad usage."""
    if len(arguments) != _ARGUMENTS:
        print("usage: python -m cli.health STATE SECONDS", file=sys.stderr)  # noqa: T201
        return 2
    state, within_s = Path(arguments[1]), float(arguments[2])
    good = healthy(state, within_s)
    found = "committed" if good else "nothing committed"
    print(f"{found} within {within_s:g} s in {state}")  # noqa: T201
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
