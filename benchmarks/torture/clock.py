"""A wall clock for the engine that jumps at will; the monotonic clock stays.

Libfaketime cannot do it: it leaves `cnd_timedwait` alone, by which librdkafka waits, so that a
wait of a second lasts as long as the clock is off; and 0.9.10 breaks `time.sleep` of Python 3.11.
"""

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).with_name("clock.c")
_FORMAT: Final = "q"
_TRIAL: Final = "import time; time.sleep(0.01); print(time.time())"
_TRIAL_S: Final = 86_400


class Clock:
    """What an engine must be started with, and the file that says how far its clock is off.

    Parameters
    ----------
    library
        Made by `build`.
    file
        Created.
    """

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        file.write_bytes(struct.pack(_FORMAT, 0))
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "TORTURE_CLOCK": str(file),
        }

    def set(self, offset_s: float) -> None:
        """Put the clock so far ahead of the true one; behind it where negative."""
        # in place: the processes have mapped it
        with self._file.open("r+b", buffering=0) as file:
            file.write(struct.pack(_FORMAT, round(offset_s * 1e9)))


def build(folder: Path) -> tuple[Path | None, str]:
    """The library that is loaded into the processes, or else why there is none.

    Parameters
    ----------
    folder
        For its file.
    """
    compiler = shutil.which("cc")
    if not compiler:
        return None, "no C compiler"
    library = folder / "clock.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        return None, made.stderr.strip()
    clock = Clock(library, folder / "clock")
    clock.set(-_TRIAL_S)
    trial = subprocess.run(
        [sys.executable, "-c", _TRIAL], check=False, capture_output=True, text=True,
        env={**os.environ, **clock.environment},
    )  # fmt: skip
    if trial.returncode or float(trial.stdout) > time.time() - _TRIAL_S / 2:
        return None, f"the clock does not move: {trial.stderr.strip()}"
    return library, ""
