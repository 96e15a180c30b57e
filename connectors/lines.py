"""Cut a byte stream into blocks of whole lines, in bounded memory, without touching each line.

No I/O: the caller fills `room()`, says how much it got, and takes blocks.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.records import DeadLetter

HEAD_BYTES = 64 * 1024  # what a dead letter keeps of a line over the limit
_NEWLINE = 10
_BLANK = b" \t\r"
_STARTS_BLANK = np.isin(np.arange(256), list(_BLANK + b"\n"))


@dataclass(slots=True)
class _Giant:
    """A line over the limit while it passes: hashed and counted, not kept."""

    head: bytearray = field(default_factory=bytearray)
    length: int = 0
    blank: bool = True
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, part: memoryview) -> None:
        self.head += part[: HEAD_BYTES - len(self.head)]
        self.length += len(part)
        self.blank = self.blank and not bytes(part).strip(_BLANK)
        self.sha256.update(part)


class Lines:
    r"""The line cutter of one partition.

    A record is a line without its ``\n``; a line of only spaces, tabs and carriage returns is
    not a record. The result does not depend on how the stream was cut into fillings.

    Parameters
    ----------
    partition
        For the dead letters.
    block_bytes
        Most bytes one filling may bring, at least 1.
    line_bytes_max
        Longest record in bytes, at least 1; a longer one becomes a dead letter ``too_large``.
    byte, record
        Where the stream stands at the first filling: bytes and records before it.

    Attributes
    ----------
    byte, record
        Bytes and records taken so far, rejected ones included.
    rejected
        Dead letters since the owner last cleared the list, in record order.

    Examples
    --------
    >>> lines = Lines(partition=0, block_bytes=16, line_bytes_max=4)
    >>> lines.room()[:12] = b"a\n\nbc\ndefgh\n"
    >>> lines.filled(12)
    >>> lines.take(ended=False)
    (b'a\n\nbc\n', 0)
    >>> lines.take(ended=False), lines.rejected[0].offset, lines.record
    (None, 2, 3)
    """

    def __init__(
        self,
        partition: int,
        block_bytes: int,
        line_bytes_max: int,
        byte: int = 0,
        record: int = 0,
    ) -> None:
        self.byte = byte
        self.record = record
        self.rejected: list[DeadLetter] = []
        self._partition = partition
        self._block_bytes = block_bytes
        self._line_bytes_max = line_bytes_max
        # The longest tail that may still become a record, and one filling.
        self._buffer = bytearray(line_bytes_max + block_bytes)
        self._view = memoryview(self._buffer)
        self._bytes = np.frombuffer(self._buffer, np.uint8)
        self._start = 0
        self._end = 0
        self._giant: _Giant | None = None

    def room(self) -> memoryview:
        """Return where the next bytes go, `block_bytes` long; valid until the next call.

        Call it only after `take` has returned None: what was not taken is at most one line.
        """
        tail = self._end - self._start
        assert tail <= self._line_bytes_max, "take() was not called until None"
        self._view[:tail] = self._view[self._start : self._end]
        self._start, self._end = 0, tail
        return self._view[tail : tail + self._block_bytes]

    def filled(self, count: int) -> None:
        """Take over the first `count` bytes of `room()`."""
        self._end += count

    def take(self, *, ended: bool) -> tuple[bytes, int] | None:
        """Return the next block of whole lines and the number of its first record.

        Parameters
        ----------
        ended
            The stream is over: its last line is whole even without a newline.

        Returns
        -------
        The lines and how many records came before them, or None when more bytes are needed
        (`ended`: when nothing is left). Records rejected on the way are in `rejected`.
        """
        while self._start < self._end or self._giant is not None:
            if self._giant is not None:
                if not self._pass_giant(self._giant, ended=ended):
                    return None
                continue
            newline = self._buffer.rfind(b"\n", self._start, self._end)
            stop = self._end if ended else newline + 1
            if stop > self._start:
                block = self._cut(stop)
                if block is not None:
                    return block
            elif self._end - self._start > self._line_bytes_max:
                self._giant = _Giant()
            else:
                return None
        return None

    def _cut(self, stop: int) -> tuple[bytes, int] | None:
        """Take the lines up to `stop`, or up to the first that is over the limit."""
        view = self._bytes[self._start : stop]
        ends = np.flatnonzero(view == _NEWLINE)
        if view[-1] != _NEWLINE:
            ends = np.append(ends, len(view))
        starts = np.empty_like(ends)
        starts[0] = 0
        starts[1:] = ends[:-1] + 1
        widths = ends - starts
        if widths.max() > self._line_bytes_max:
            good = int(np.argmax(widths > self._line_bytes_max))
            if good == 0:
                self._giant = _Giant()
                return None
            stop = self._start + int(starts[good])
            starts, ends, widths = starts[:good], ends[:good], widths[:good]

        data, first = bytes(self._view[self._start : stop]), self.record
        records = len(ends) - _count_blank(data, starts, ends, widths)
        self._start = stop
        self.byte += len(data)
        self.record += records
        return (data, first) if records else None

    def _pass_giant(self, giant: _Giant, *, ended: bool) -> bool:
        """Consume what is here of a line over the limit; whether its end was here too."""
        newline = self._buffer.find(b"\n", self._start, self._end)
        stop = self._end if newline < 0 else newline
        giant.add(self._view[self._start : stop])
        self._start = stop if newline < 0 else newline + 1
        if newline < 0 and not ended:
            return False
        self._giant = None
        self.byte += giant.length + (newline >= 0)
        if giant.blank:
            return True
        self.rejected.append(
            DeadLetter(
                self._partition,
                self.record,
                "too_large",
                f"the record has {giant.length} bytes, the limit is {self._line_bytes_max}",
                bytes(giant.head),
                giant.length,
                giant.sha256.hexdigest(),
            )
        )
        self.record += 1
        return True


def _count_blank(
    data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], widths: NDArray[np.int64]
) -> int:
    """Count the lines of only spaces, tabs and carriage returns."""
    view = np.frombuffer(data, np.uint8)
    # An unterminated last line ends one past the data, but is never empty.
    suspects = _STARTS_BLANK[view[starts]]
    if not suspects.any():
        return 0
    short = int(np.count_nonzero(suspects & (widths <= 1)))
    long = np.flatnonzero(suspects & (widths > 1) & _STARTS_BLANK[view[ends - 1]])
    return short + sum(not data[starts[i] : ends[i]].strip(_BLANK) for i in long)
