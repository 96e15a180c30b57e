"""The definition of our text hash: SipHash-1-3, step by step, in plain integers.

References
----------
J.-P. Aumasson, D. J. Bernstein (2012), SipHash: a fast short-input PRF, with c = 1, d = 3.
"""

_MASK = (1 << 64) - 1


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _round(v: list[int]) -> None:
    v[0] = (v[0] + v[1]) & _MASK
    v[1] = _rotate(v[1], 13) ^ v[0]
    v[0] = _rotate(v[0], 32)
    v[2] = (v[2] + v[3]) & _MASK
    v[3] = _rotate(v[3], 16) ^ v[2]
    v[0] = (v[0] + v[3]) & _MASK
    v[3] = _rotate(v[3], 21) ^ v[0]
    v[2] = (v[2] + v[1]) & _MASK
    v[1] = _rotate(v[1], 17) ^ v[2]
    v[2] = _rotate(v[2], 32)


def siphash13(key: bytes, text: bytes) -> int:
    """Hash `text` under a 16-byte key to an unsigned 64-bit number.

    >>> hex(siphash13(bytes(range(16)), bytes(range(8))))
    '0x369095118d299a8e'
    """
    key0, key1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [
        key0 ^ 0x736F6D6570736575,
        key1 ^ 0x646F72616E646F6D,
        key0 ^ 0x6C7967656E657261,
        key1 ^ 0x7465646279746573,
    ]
    whole = len(text) - len(text) % 8
    words = [int.from_bytes(text[i : i + 8], "little") for i in range(0, whole, 8)]
    words.append(int.from_bytes(text[whole:], "little") | ((len(text) & 255) << 56))
    for word in words:
        v[3] ^= word
        _round(v)
        v[0] ^= word
    v[2] ^= 255
    for _ in range(3):
        _round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
