"""Encryption of state at rest: AES-256-GCM over every piece of a segment.

A piece is bound to the component that it belongs to, so pieces cannot be exchanged. Without a
key pieces are stored in clear; each says by its first bytes which it is, so a key may be introduced
over existing state, which is encrypted as it is written anew.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.errors import StateError

SEALED: Final = b"RGSEAL01"
"""Read as the length of a head, which clear pieces begin with, it would be absurd."""
_NONCE_BYTES: Final = 12


class Sealer:
    """Encrypts and decrypts pieces.

    Parameters
    ----------
    key
        32 bytes.

    Examples
    --------
    >>> sealer = Sealer(bytes(32))
    >>> sealer.open(sealer.seal(b"secret", "windows-0001"), "windows-0001")
    b'secret'
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, piece: bytes, key: str) -> bytes:
        """Encrypt a component's piece; 36 bytes longer."""
        nonce = os.urandom(_NONCE_BYTES)
        return SEALED + nonce + self._cipher.encrypt(nonce, piece, key.encode())

    def open(self, piece: bytes, key: str) -> bytes:
        """Decrypt; clear pieces are returned as they are.

        Raises
        ------
        StateError
            Another key sealed it, for another component, or it was changed.
        """
        if not piece.startswith(SEALED):
            return piece
        nonce, rest = piece[8 : 8 + _NONCE_BYTES], piece[8 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, key.encode())
        except InvalidTag as error:
            raise StateError(
                f"state of {key} does not open with this key",
                hint="set RIVERGUARD_STATE_KEY to the key that it was written with",
            ) from error


def open_piece(sealer: Sealer | None, piece: bytes, key: str) -> bytes:
    """As `Sealer.open`; without a key only clear pieces open.

    Raises
    ------
    StateError
        The piece is encrypted and there is no key, or the wrong one.
    """
    if sealer is not None:
        return sealer.open(piece, key)
    if piece.startswith(SEALED):
        raise StateError(
            f"state of {key} is encrypted, and no key is given",
            hint="set RIVERGUARD_STATE_KEY to the key that it was written with",
        )
    return piece
