"""A file of JSON lines that only grows: the durable end under every file sink.

A crash may leave half a line; the next start cuts it off and a replay writes it again.
"""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from models.errors import ConfigError, DeliveryError, StateError

_BUFFER_BYTES = 1 << 20  # above this, lines go to the operating system before the flush


class AppendFile:
    """Append lines; `flush` returns when all of them are on disk.

    One process at a time: a lock refuses the second, because its memory of what the file holds
    would be stale.

    Parameters
    ----------
    path
        Created when missing; its directory must exist.
    remember
        Called with each JSON object the file already holds, oldest first; a KeyError, TypeError
        or ValueError from it means the file is not ours.

    Raises
    ------
    ConfigError
        The file cannot be opened, or another process writes to it.
    StateError
        The file holds a line that is not ours; nothing was changed.
    """

    def __init__(self, path: Path, remember: Callable[[dict[str, Any]], None]) -> None:
        self._path = path
        self._pending = bytearray()
        self._failed = False
        self._fd = _open_locked(path)
        try:
            self._recover(remember)
        except BaseException:
            os.close(self._fd)
            raise

    def append(self, line: bytes) -> None:
        """Add one line, given without its newline.

        Raises
        ------
        DeliveryError
            The buffer was full and could not be written.
        """
        self._pending += line
        self._pending += b"\n"
        if len(self._pending) >= _BUFFER_BYTES:
            self._sync(self._write_out)

    def flush(self) -> None:
        """Write and fsync everything.

        Raises
        ------
        DeliveryError
            The disk is full or failed. What it holds now is unknown, so every later call raises
            too: open the file anew and replay.
        """
        self._sync(self._write_out)
        self._sync(lambda: os.fsync(self._fd))

    def close(self) -> None:
        """Close without writing: lines after the last `flush` are lost, as in a crash."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _sync(self, step: Callable[[], None]) -> None:
        if self._failed:
            raise DeliveryError(
                f"{self._path} already failed to take what was written",
                hint="restart: the run replays from its last commit",
            )
        try:
            step()
        except OSError as error:
            # A failed fsync may drop the pages it could not write: trying again would lie.
            self._failed = True
            full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
            raise DeliveryError(
                f"cannot write {self._path}: {error.strerror}",
                hint=f"{'free some space' if full else 'check the disk'}, then restart: "
                "the run replays from its last commit",
            ) from error

    def _write_out(self) -> None:
        view = memoryview(self._pending)
        try:
            done = 0
            while done < len(view):
                done += os.write(self._fd, view[done:])
        finally:
            view.release()
        self._pending.clear()

    def _recover(self, remember: Callable[[dict[str, Any]], None]) -> None:
        """Remember every line, then mend the last if a crash left it without its newline."""
        whole_bytes, line, torn = 0, b"\n", False
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    remember(orjson.loads(line))
                except orjson.JSONDecodeError as error:
                    torn = line.startswith(b"{") and not line.endswith(b"\n")
                    if not torn:
                        raise self._not_ours(number) from error
                except (KeyError, TypeError, ValueError) as error:
                    raise self._not_ours(number) from error
                else:
                    whole_bytes += len(line)
        if torn:
            os.ftruncate(self._fd, whole_bytes)
        elif not line.endswith(b"\n"):
            os.write(self._fd, b"\n")

    def _not_ours(self, number: int) -> StateError:
        return StateError(
            f"line {number} of {self._path} was not written by this sink",
            hint="choose another output file, or move this one away",
        )


def _open_locked(path: Path) -> int:
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path} is not a plain file", hint="name a file to append to")
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise ConfigError(
            f"cannot write {path}: {error.strerror}",
            hint="the directory must exist and be writable",
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sync_directory(path.parent)
    except BlockingIOError as error:
        os.close(fd)
        raise ConfigError(
            f"{path} is being written by another sink",
            hint="stop the other run, or give each run its own output file",
        ) from error
    except BaseException:
        os.close(fd)
        raise
    return fd


def _sync_directory(directory: Path) -> None:
    """Make a new file's name as durable as its lines."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
