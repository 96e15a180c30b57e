"""Keyed 64-bit hashes of text: SipHash-1-3, the same on every machine and library version.

Text is compared, grouped and sharded by these hashes and turned into strings only where a
person will read it. The key is a deployment secret, so nobody outside can aim at one shard.

References
----------
J.-P. Aumasson, D. J. Bernstein (2012), SipHash: a fast short-input PRF.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils as untyped_cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from models.compiled import inline, kernel
from models.reference.hashing import siphash13

PADDING: Final = 16
"""Bytes that must follow the last byte of any buffer given to a kernel here."""

cgutils: Final[Any] = untyped_cgutils

_ONE = np.uint64(1)
_C0, _C1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_C2, _C3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)


def _load_u64(typingctx: Any, buffer: Any, at: Any) -> Any:  # noqa: ARG001 - numba's protocol
    """Eight bytes of a uint8 array from any offset, little-endian; bounds are the caller's."""
    signature = types.uint64(buffer, at)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        at64 = context.cast(builder, args[1], sig.args[1], types.intp)
        pointer = cgutils.gep_inbounds(builder, array.data, at64)
        wide = builder.bitcast(pointer, ir.IntType(64).as_pointer())
        loaded = builder.load(wide)
        loaded.align = 1
        return loaded

    return signature, codegen


load_u64 = cast("Callable[[NDArray[np.uint8], int], np.uint64]", intrinsic(_load_u64))


@inline
def rotate(value: np.uint64, bits: int) -> np.uint64:
    """Rotate left."""
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@inline
def sip_round(a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64) -> tuple[np.uint64, ...]:
    """Mix the four words once (figure 2.1 of the paper)."""
    a = a + b
    b = rotate(b, 13) ^ a
    a = rotate(a, 32)
    c = c + d
    d = rotate(d, 16) ^ c
    a = a + d
    d = rotate(d, 21) ^ a
    c = c + b
    b = rotate(b, 17) ^ c
    c = rotate(c, 32)
    return a, b, c, d


@inline
def sip_text(
    buffer: NDArray[np.uint8], start: int, length: int, key0: np.uint64, key1: np.uint64
) -> np.uint64:
    """Hash `length` bytes from `start`; never 0, which means NULL."""
    a, b, c, d = key0 ^ _C0, key1 ^ _C1, key0 ^ _C2, key1 ^ _C3
    at = start
    for _ in range(length >> 3):
        word = load_u64(buffer, at)
        d = d ^ word
        a, b, c, d = sip_round(a, b, c, d)
        a = a ^ word
        at += 8
    rest = np.uint64(length & 7)
    last = load_u64(buffer, at) & ((_ONE << (rest << np.uint64(3))) - _ONE)
    last = last | (np.uint64(length & 255) << np.uint64(56))
    d = d ^ last
    a, b, c, d = sip_round(a, b, c, d)
    a = a ^ last
    c = c ^ np.uint64(255)
    a, b, c, d = sip_round(a, b, c, d)
    a, b, c, d = sip_round(a, b, c, d)
    a, b, c, d = sip_round(a, b, c, d)
    found = a ^ b ^ c ^ d
    return found if found != np.uint64(0) else _ONE


@inline
def sip_words(first: np.uint64, second: np.uint64, key0: np.uint64, key1: np.uint64) -> np.uint64:
    """Hash two words, as `sip_text` would hash their 16 bytes."""
    a, b, c, d = key0 ^ _C0, key1 ^ _C1, key0 ^ _C2, key1 ^ _C3
    d = d ^ first
    a, b, c, d = sip_round(a, b, c, d)
    a = a ^ first
    d = d ^ second
    a, b, c, d = sip_round(a, b, c, d)
    a = a ^ second
    last = np.uint64(16) << np.uint64(56)
    d = d ^ last
    a, b, c, d = sip_round(a, b, c, d)
    a = a ^ last
    c = c ^ np.uint64(255)
    a, b, c, d = sip_round(a, b, c, d)
    a, b, c, d = sip_round(a, b, c, d)
    a, b, c, d = sip_round(a, b, c, d)
    found = a ^ b ^ c ^ d
    return found if found != np.uint64(0) else _ONE


@kernel
def hash_many(
    buffer: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    key0: np.uint64,
    key1: np.uint64,
    out: NDArray[np.uint64],
) -> None:
    """Hash many texts of one padded buffer."""
    for i in range(starts.shape[0]):
        out[i] = sip_text(buffer, starts[i], lengths[i], key0, key1)


class Secret:
    """The deployment's hash key, 16 bytes.

    Examples
    --------
    >>> secret = Secret(b"0123456789abcdef")
    >>> secret.text(b"") == secret.text(b"a"), secret.text("acct") == secret.text(b"acct")
    (False, True)
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 16:
            raise ValueError(f"a hash key has 16 bytes, was {len(key)}")
        self.key = key
        self.key0 = np.uint64(int.from_bytes(key[:8], "little"))
        self.key1 = np.uint64(int.from_bytes(key[8:], "little"))

    def text(self, value: str | bytes) -> int:
        """Hash one text; agrees with the kernels."""
        return _remembered(self.key, value.encode() if isinstance(value, str) else value)


@lru_cache(maxsize=1 << 16)
def _remembered(key: bytes, text: bytes) -> int:
    """Subjects of alerts come again and again, and the definition takes 30 µs."""
    return siphash13(key, text) or 1
