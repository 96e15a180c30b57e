"""What travels between the home of a batch and the shards of its entities: keys and numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OFFSET_BITS = 48


@dataclass(frozen=True, slots=True)
class Message:
    """One batch's entries for one shard.

    Attributes
    ----------
    shard
        Whom it asks.
    partition, sequence
        Which batch: partition of its home, and its number there.
    entries
        Space → (n, words) int64, see `models.features.layout.ENTRY_ROW`.
    """

    shard: int
    partition: int
    sequence: int
    entries: dict[int, NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class SpaceAnswer:
    """The answers to one space's entries.

    Attributes
    ----------
    words
        (n,): each entry's first word: its row and the groups that it read.
    values
        (n, features) float64: the features of its groups; a text's bits; NaN is NULL.
    truncated
        (n,): the entity's cap cut a window short.
    evidence
        (m, 3 + references): entry, feature, how many, references.
    """

    words: NDArray[np.int64]
    values: NDArray[np.float64]
    truncated: NDArray[np.bool_]
    evidence: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answer:
    """One shard's answers to one batch, by space."""

    partition: int
    sequence: int
    shard: int
    spaces: dict[int, SpaceAnswer]


def references(partition: int, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Partition and offset of events as one number each; offsets below 2⁴⁸.

    >>> name_references(references(3, np.array([4711])))
    ['3:4711']
    """
    return offsets | (partition << OFFSET_BITS)


def name_references(found: NDArray[np.int64]) -> list[str]:
    """References as a person reads them: ``partition:offset``."""
    mask = (1 << OFFSET_BITS) - 1
    return [f"{reference >> OFFSET_BITS}:{reference & mask}" for reference in found.tolist()]
