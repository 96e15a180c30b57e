"""Kernels that read a record's keys: the previous record's in their order first, then by hash."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, to_int
from models.decoding.schema import Tables
from models.decoding.text import SLOW, needed_string
from models.hashing import load_u64, sip_text

KEYS_REMEMBERED: Final = 128


@inline
def look_up(hashes: NDArray[np.uint64], values: NDArray[np.int64], key: np.uint64) -> int:
    """Look a hash up in an open-addressing table; −1 where it is absent."""
    mask = hashes.shape[0] - 1
    place = to_int(key & np.uint64(mask))
    while hashes[place] != np.uint64(0):
        if hashes[place] == key:
            return values[place]
        place = (place + 1) & mask
    return -1


@inline
def _same_bytes(buffer: NDArray[np.uint8], one: int, other: int, length: int) -> bool:
    done = 0
    while done < length:
        left = min(length - done, 8)
        differ = load_u64(buffer, one + done) ^ load_u64(buffer, other + done)
        if left < 8:
            differ &= (np.uint64(1) << np.uint64(8 * left)) - np.uint64(1)
        if differ != np.uint64(0):
            return False
        done += 8
    return True


@inline
def read_key(
    buffer: NDArray[np.uint8],
    at: int,
    end: int,
    position: int,
    seen: NDArray[np.int64],
    tables: Tables,
) -> tuple[int, int]:
    """Read a key at its opening quote: (offset after the closing quote, slot or −1), or SLOW.

    `seen` holds, per position, the previous record's key: offset, length, slot.
    """
    start = at + 1
    if position < KEYS_REMEMBERED:
        length = seen[position, 1]
        fits = length > 0 and start + length < end and buffer[start + length] == 34
        if fits and _same_bytes(buffer, start, seen[position, 0], length):
            return start + length + 1, seen[position, 2]
    close = needed_string(buffer, start, end)
    if close < 0:
        return SLOW, -1
    name = sip_text(buffer, start, close - start, tables.key[0], tables.key[1])
    slot = look_up(tables.name_hash, tables.name_slot, name)
    if position < KEYS_REMEMBERED:
        seen[position, 0] = start
        seen[position, 1] = close - start
        seen[position, 2] = slot
    return close + 1, slot
