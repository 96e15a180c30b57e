"""Files, gzip files and standard input as a source of lines: one partition per path.

Regular files resume at a byte; ``.gz`` reads again and skips; pipes cannot resume.
"""

import gzip
import os
import select
import stat
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from connectors.lines import Lines
from models.errors import ConfigError, StateError
from models.records import DeadLetter, RawBlock

Position = Mapping[str, int]

STDIN = "-"
_FILLINGS_PER_READ = 8  # a read that finds no block returns after this many, not after gigabytes


@dataclass(frozen=True, slots=True)
class FileSource:
    """Lines of several files; partition i is the i-th path.

    Parameters
    ----------
    paths
        NDJSON files, ``.gz`` files, pipes, or ``-`` for standard input.
    as_of_ms
        Arrival time of every record, epoch ms; None takes the clock at each read.
    follow
        The end of a file is not the end of the stream: wait for it to grow.
    block_bytes
        About how many bytes of lines a block holds.
    line_bytes_max
        Longest record in bytes; a longer one becomes a dead letter ``too_large``.

    Raises
    ------
    ConfigError
        A path is missing, a directory or not readable; a limit is not positive; `follow` is
        asked of a ``.gz`` file or a pipe, which cannot grow.
    """

    paths: tuple[str, ...]
    as_of_ms: int | None = None
    follow: bool = False
    block_bytes: int = 4 << 20
    line_bytes_max: int = 1 << 20

    def __post_init__(self) -> None:
        if not self.paths:
            raise ConfigError("no input was given", hint="name a file, or - for standard input")
        if len(set(self.paths)) < len(self.paths):
            raise ConfigError(
                f"an input was named twice: {', '.join(self.paths)}",
                hint="each path is one partition; name it once",
            )
        for name in ("block_bytes", "line_bytes_max"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"{name} must be positive, was {getattr(self, name)}",
                    hint="the default is 1048576",
                )
        for path in self.paths:
            self._check(path)

    def partitions(self) -> list[int]:
        """Return the partition numbers: one per path, in the order given."""
        return list(range(len(self.paths)))

    @property
    def grows(self) -> bool:
        """Whether partitions may be added while we read: never."""
        return False

    def durable(self, partition: int, position: Position) -> None:
        """A file has nobody to tell."""

    def open(self, partition: int, position: Position | None = None) -> "FileReader":
        """Open one path, at its start or after the last record of a stored position.

        Raises
        ------
        StateError
            The position is not one of ours, the file does not reach it or was replaced, or the
            input is a pipe.
        """
        return FileReader(self, partition, position)

    def _check(self, path: str) -> None:
        if path == STDIN:
            grows = False
        else:
            try:
                mode = Path(path).stat().st_mode
                readable = os.access(path, os.R_OK) and not stat.S_ISDIR(mode)
            except OSError as error:
                raise ConfigError(
                    f"cannot read {path}: {error.strerror}", hint="check the path of the input"
                ) from error
            if not readable:
                raise ConfigError(
                    f"cannot read {path}: not a readable file",
                    hint="name files, not directories, and check their permissions",
                )
            grows = stat.S_ISREG(mode) and not path.endswith(".gz")
        if self.follow and not grows:
            raise ConfigError(
                f"cannot follow {path}: only plain files grow", hint="leave out follow"
            )


class FileReader:
    """One open path.

    Attributes
    ----------
    finished
        True once `read` has returned None at the end of the input; never when following.
    at_end
        Whether the last `read` returned None because nothing more was there.
    """

    def __init__(self, source: FileSource, partition: int, position: Position | None) -> None:
        self.finished = False
        self.at_end = False
        self._source = source
        self._path = source.paths[partition]
        self._partition = partition
        self._file = _open(self._path)
        try:
            fd = self._file.fileno()
            # A pipe must not block its worker, so it is asked first; a plain file never blocks.
            self._poll = None if stat.S_ISREG(os.fstat(fd).st_mode) else select.poll()
            if self._poll is not None:
                self._poll.register(fd, select.POLLIN)
            byte, record = self._resume(position) if position is not None else (0, 0)
        except BaseException:
            self._file.close()
            raise
        self._lines = Lines(partition, source.block_bytes, source.line_bytes_max, byte, record)
        self._ended = False

    def read(self) -> RawBlock | None:
        """Return the next block of whole lines, or None when there is nothing right now.

        Inside a line far over the limit it returns None now and then, to let others work.

        Raises
        ------
        StateError
            The input cannot be read further: damaged gzip, an I/O error, or a followed file
            that was cut or replaced.
        """
        self.at_end = False
        for _ in range(_FILLINGS_PER_READ):
            block = self._lines.take(ended=self._ended)
            if block is not None:
                arrival_ms = self._source.as_of_ms
                if arrival_ms is None:
                    arrival_ms = time.time_ns() // 1_000_000
                return RawBlock(self._partition, block[0], block[1], arrival_ms)
            if self._ended:
                self.finished = self.at_end = True
                return None
            if not self._fill():
                self.at_end = True
                return None
        return None

    def oversized(self) -> list[DeadLetter]:
        """Hand over the records over the limit that `read` met since the last call.

        They stand before the block that this `read` returned.
        """
        letters, self._lines.rejected = self._lines.rejected, []
        return letters

    def position(self) -> dict[str, int]:
        """Return where a new reader goes on: after the last record handed over.

        ``byte`` counts uncompressed bytes, ``record`` the records before it.
        """
        return {"byte": self._lines.byte, "record": self._lines.record}

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self._file.close()

    def _fill(self) -> bool:
        """Read up to one block; whether anything changed."""
        room = self._lines.room()
        count = 0
        while count < len(room):
            if self._poll is not None and not self._poll.poll(0):
                break
            got = self._readinto(room[count:])
            if got == 0:
                if self._source.follow:
                    self._check_grown()
                else:
                    self._ended = True
                break
            count += got
        self._lines.filled(count)
        return count > 0 or self._ended

    def _readinto(self, room: memoryview) -> int:
        try:
            # None: another process made the pipe non-blocking and emptied it
            return self._file.readinto(room) or 0
        except (OSError, EOFError, zlib.error) as error:
            raise StateError(
                f"cannot read {self._path} after byte {self._lines.byte}: {error}",
                hint="check the disk, or a .gz file with `gzip -t`; it may be incomplete",
            ) from error

    def _check_grown(self) -> None:
        """Refuse a followed file that was cut or replaced: its positions mean nothing now."""
        ours = os.fstat(self._file.fileno())
        try:
            named: os.stat_result | None = Path(self._path).stat()
        except FileNotFoundError:
            named = None
        replaced = named is None or (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino)
        if replaced or ours.st_size < self._file.tell():
            raise StateError(
                f"{self._path} was {'replaced' if replaced else 'cut'} while it was followed",
                hint="append only, and give a rotated file a new name and a run of its own",
            )

    def _resume(self, position: Position) -> tuple[int, int]:
        """Skip what was read before; the byte before the position must still end a line."""
        byte, record = position.get("byte", -1), position.get("record", -1)
        if byte < 0 or record < 0:
            raise StateError(
                f"not a position in a file: {dict(position)}",
                hint="the state belongs to another source; start with an empty state directory",
            )
        if self._path == STDIN or self._poll is not None:
            raise StateError(
                f"cannot resume {self._path} at byte {byte}: a pipe is read once",
                hint="write the input to a file, or start with an empty state directory",
            )
        if byte == 0:
            return 0, 0
        if isinstance(self._file, FileIO):
            # A seek past the end would succeed and hide that the file shrank.
            self._file.seek(min(byte - 1, os.fstat(self._file.fileno()).st_size))
        else:
            self._skip(byte - 1)
        before = bytearray(1)
        reached = self._readinto(memoryview(before)) == 1
        if not reached or (before != b"\n" and not self._at_line_end(byte)):
            raise StateError(
                f"{self._path} was {'replaced' if reached else 'cut'} since byte {byte} was read",
                hint="bring the old file back, or start with an empty state directory",
            )
        return byte, record

    def _at_line_end(self, byte: int) -> bool:
        """Whether the unterminated last line of an earlier run is still a whole line."""
        following = bytearray(1)
        if self._readinto(memoryview(following)) == 0:
            return True
        self._file.seek(byte)
        return following == b"\n"

    def _skip(self, count: int) -> None:
        scratch = memoryview(bytearray(min(count, 1 << 20)))
        while count > 0:
            got = self._readinto(scratch[: min(count, len(scratch))])
            if got == 0:
                return
            count -= got


def _open(path: str) -> FileIO | gzip.GzipFile:
    try:
        if path == STDIN:
            return FileIO(0, "rb", closefd=False)
        return gzip.GzipFile(path, "rb") if path.endswith(".gz") else FileIO(path, "rb")
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}", hint="check the path of the input"
        ) from error
