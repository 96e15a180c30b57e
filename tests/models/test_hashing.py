"""The hash kernels against their definition, and the definition against CPython's own."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.compiled import kernel
from models.hashing import PADDING, Secret, hash_many, sip_words
from models.reference.hashing import siphash13

KEYS = st.binary(min_size=16, max_size=16)

_OF_CPYTHON = """
import sys
print(sys.hash_info.algorithm)
for line in sys.stdin:
    print(hash(bytes.fromhex(line)))
"""


@kernel
def words_hashed(pairs, key0, key1, out):
    """`sip_words` is inlined into kernels, so it is tested from one."""
    for i in range(pairs.shape[0]):
        out[i] = sip_words(pairs[i, 0], pairs[i, 1], key0, key1)


def hashed(secret, texts, *, padding=bytes(PADDING)):
    lengths = np.array([len(text) for text in texts], np.int64)
    starts = np.cumsum(lengths) - lengths
    buffer = np.frombuffer(b"".join(texts) + padding, np.uint8)
    out = np.zeros(len(texts), np.uint64)
    hash_many(buffer, starts, lengths, secret.key0, secret.key1, out)
    return out.tolist()


@given(key=KEYS, seed=st.integers(0, 2**32 - 1))
def test_every_length(key, seed):
    random = np.random.default_rng(seed)
    texts = [random.bytes(n) for n in range(81)]
    texts += [bytes(n) for n in (255, 256, 257, 1000)]
    # what follows a text must not matter: the last one is followed by padding of ones
    found = hashed(Secret(key), texts, padding=b"\xff" * PADDING)
    assert found == [siphash13(key, text) or 1 for text in texts]


@given(key=KEYS, texts=st.lists(st.text(), max_size=20))
def test_text_agrees_with_the_kernel(key, texts):
    secret = Secret(key)
    assert hashed(secret, [t.encode() for t in texts]) == [secret.text(t) for t in texts]


@given(key=KEYS, pair=st.tuples(*[st.integers(0, 2**64 - 1)] * 2))
def test_two_words_are_their_sixteen_bytes(key, pair):
    secret, out = Secret(key), np.zeros(1, np.uint64)
    words_hashed(np.array([pair], np.uint64), secret.key0, secret.key1, out)
    raw = b"".join(word.to_bytes(8, "little") for word in pair)
    assert out[0] == (siphash13(key, raw) or 1)


def test_the_definition_is_what_cpython_computes():
    random = np.random.default_rng(7)
    texts = [random.bytes(n) for n in [*range(1, 100), 255, 256, 257, 5000]]
    done = subprocess.run(
        [sys.executable, "-c", _OF_CPYTHON],
        input="\n".join(text.hex() for text in texts),
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    algorithm, *found = done.stdout.split()
    if algorithm != "siphash13":
        pytest.skip(f"this Python hashes with {algorithm}")
    for text, signed in zip(texts, map(int, found), strict=True):
        wanted = siphash13(bytes(16), text)
        wanted -= (wanted >> 63) << 64
        # CPython keeps -1 for errors
        assert signed == (-2 if wanted == -1 else wanted)


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_key_has_sixteen_bytes(length):
    with pytest.raises(ValueError, match=f"was {length}"):
        Secret(bytes(length))
