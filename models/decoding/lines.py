"""The kernel that finds the lines of a block."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel
from models.decoding.text import skip_space
from models.hashing import load_u64


@kernel
def split_lines(
    buffer: NDArray[np.uint8], end: int, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> int:
    """Find the lines of buffer[:end] that are not blank; return how many there are."""
    lines = 0
    at = 0
    while at < end:
        start = at
        while at < end:
            # eight bytes at a time; a borrow can only mark a byte after a real newline
            word = load_u64(buffer, at) ^ np.uint64(0x0A0A0A0A0A0A0A0A)
            marks = (word - np.uint64(0x0101010101010101)) & ~word
            if marks & np.uint64(0x8080808080808080) == np.uint64(0):
                at += 8
                continue
            while buffer[at] != 10:
                at += 1
            break
        at = min(at, end)
        if skip_space(buffer, start, at) < at:
            starts[lines] = start
            ends[lines] = at
            lines += 1
        at += 1
    return lines
