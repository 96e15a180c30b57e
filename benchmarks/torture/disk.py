"""A small file system for the engine's state, which can be filled up."""

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_CLONE_NEWNS: Final = 0x0002_0000


class SmallDisk:
    """A tmpfs; a context manager that unmounts.

    Parameters
    ----------
    folder
        Where it is mounted; created.
    mebibytes
        Its size.
    """

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "riverguard", str(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # lazily: a process that is being killed may still hold a file
        _run("umount", "--lazy", str(self._folder))

    @property
    def _ballast(self) -> Path:
        return self._folder / "ballast"

    def fill(self) -> None:
        """Take all the room that there is now."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)


def mounts_of_our_own() -> str:
    """Let this process and those that it starts see mounts that nobody else sees.

    The kernel takes them away when the last of these processes has ended, whatever ended it.

    Returns
    -------
    str
        Why nothing can be mounted here; empty where it can.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        return "mount namespaces are Linux's"
    if libc.unshare(_CLONE_NEWNS):
        return f"a mount namespace: {os.strerror(ctypes.get_errno())}"
    try:
        _run("mount", "--make-rprivate", "/")
        with tempfile.TemporaryDirectory() as name, SmallDisk(Path(name), 1):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"mount: {getattr(error, 'stderr', None) or error}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
