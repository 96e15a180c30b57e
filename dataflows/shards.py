"""Shard keys that land where they should: shard i on worker i mod W."""

from functools import lru_cache

from config.settings import BALANCED_FOR
from models.reference.hashing import siphash13


@lru_cache(maxsize=256)
def shard_key(shard: int) -> str:
    """A stable key for a shard, salted so that Bytewax routes it to worker shard mod W.

    Bytewax hashes a key's bytes and 0xFF with SipHash-1-3 under a zero key. Only balance depends
    on this, never correctness.

    >>> shard_key(0) != shard_key(1), shard_key(3) == shard_key(3)
    (True, True)
    """
    salt = 0
    while True:
        key = f"s{shard:04d}.{salt}"
        if siphash13(bytes(16), key.encode() + b"\xff") % BALANCED_FOR == shard % BALANCED_FOR:
            return key
        salt += 1


def shard_number(key: str) -> int:
    """The shard that a key stands for.

    >>> shard_number(shard_key(7))
    7
    """
    return int(key[1:5])
