"""Rows of several batches as one batch, in any order, with no byte that no row needs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.compiled import kernel
from models.events import KINDS
from models.hashing import PADDING

_LABEL: Final = KINDS.index("label")
_SEPARATOR: Final = 1
"""Length of what separates the parts of an identity: one zero byte, below every other."""


@kernel
def bytes_needed(
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    text_at: NDArray[np.int32],
    text_length: NDArray[np.int32],
    rows: NDArray[np.int64],
) -> int:
    """Bytes of the chosen rows: their records, and texts that stand outside of them."""
    total = 0
    for row in rows:
        total += ends[row] - starts[row]
        for text in range(text_at.shape[0]):
            at = text_at[text, row]
            if at < starts[row] or at + text_length[text, row] > ends[row]:
                total += text_length[text, row]
    return total


@kernel
def move_rows(
    buffer: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    text_at: NDArray[np.int32],
    text_length: NDArray[np.int32],
    rows: NDArray[np.int64],
    places: NDArray[np.int64],
    used: int,
    new_buffer: NDArray[np.uint8],
    new_starts: NDArray[np.int64],
    new_ends: NDArray[np.int64],
    new_text_at: NDArray[np.int32],
) -> int:
    """Copy rows' bytes behind the first `used` ones; row ``rows[i]`` becomes ``places[i]``."""
    for i in range(rows.shape[0]):
        row, place = rows[i], places[i]
        start, end = starts[row], ends[row]
        new_starts[place] = used
        for at in range(start, end):
            new_buffer[used + at - start] = buffer[at]
        moved = used - start
        used += end - start
        new_ends[place] = used
        for text in range(text_at.shape[0]):
            at, length = text_at[text, row], text_length[text, row]
            if start <= at and at + length <= end:
                new_text_at[text, place] = at + moved
                continue
            new_text_at[text, place] = used
            for byte in range(length):
                new_buffer[used + byte] = buffer[at + byte]
            used += length
    return used


def joined(batches: Sequence[Batch], owners: NDArray[np.int64], rows: NDArray[np.int64]) -> Batch:
    """Row ``rows[i]`` of batch ``owners[i]``, for every i, in one new batch.

    Parameters
    ----------
    batches
        Of one schema.
    owners, rows
        Shape (n,).
    """
    n, first = rows.shape[0], batches[0]
    of = [np.flatnonzero(owners == number) for number in range(len(batches))]
    size = sum(
        bytes_needed(b.starts, b.ends, b.text_at, b.text_length, rows[at])
        for b, at in zip(batches, of, strict=True)
    )
    buffer = np.zeros(size + PADDING, np.uint8)
    starts, ends = np.empty(n, np.int64), np.empty(n, np.int64)
    text_at = np.empty((first.text_at.shape[0], n), np.int32)
    used = 0
    for batch, at in zip(batches, of, strict=True):
        used = move_rows(
            batch.buffer, batch.starts, batch.ends, batch.text_at, batch.text_length, rows[at],
            at, used, buffer, starts, ends, text_at,
        )  # fmt: skip
    buffer.flags.writeable = False  # as every decoded buffer, so kernels see one type

    def gathered(name: str) -> Any:
        source = [getattr(batch, name) for batch in batches]
        out = np.empty((*source[0].shape[:-1], n), source[0].dtype)
        for array, at in zip(source, of, strict=True):
            out[..., at] = array[..., rows[at]]
        return out

    names = ("places", "kind", "text_length", "text_hash", "integers", "numbers", "late")
    headers = {place: found for batch in batches for place, found in batch.headers.items()}
    return replace(
        first, buffer=buffer, starts=starts, ends=ends, text_at=text_at, headers=headers,
        **{name: gathered(name) for name in names},
    )  # fmt: skip


@kernel
def write_identities(
    buffer: NDArray[np.uint8],
    label: NDArray[np.bool_],
    at: NDArray[np.int32],
    length: NDArray[np.int32],
    rows: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Per row: 0 for a label, else 1; then each text and a zero byte."""
    for i in range(rows.shape[0]):
        row, used = rows[i], 1
        out[i, 0] = 1 if label[row] else 2
        for text in range(at.shape[0]):
            for byte in range(length[text, row]):
                out[i, used] = buffer[at[text, row] + byte]
                used += 1
            used += _SEPARATOR


def identities(batch: Batch, rows: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """What orders events of one time: labels first, then event_id, kind, tenant; shape (rows,).

    Unequal events of one stream have unequal identities, so the order does not depend on how
    they came here.
    """
    texts = [batch.schema.texts[name] for name in ("event_id", "kind", "tenant")]
    length = batch.text_length[texts]
    width = int(length[:, rows].sum(axis=0).max(initial=0)) + 1 + len(texts) * _SEPARATOR
    out = np.zeros((rows.shape[0], width), np.uint8)
    write_identities(batch.buffer, batch.kind == _LABEL, batch.text_at[texts], length, rows, out)
    return out.view(f"S{width}").reshape(-1)
