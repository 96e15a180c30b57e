"""What travels between the home of a batch and the shards of its entities: keys and numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.rounds import Turn


@dataclass(frozen=True, slots=True)
class Message:
    """One batch's entries for one shard.

    Attributes
    ----------
    shard
        Whom it asks.
    home, sequence
        Which batch: the home shard, and its number there.
    entries
        Space → (n, words) int64, see `models.features.layout.ENTRY_ROW`.
    order
        By what they are merged with the entries of other homes; None: they are not.
    turn
        Of the round that they belong to.
    """

    shard: int
    home: int
    sequence: int
    entries: dict[int, NDArray[np.int64]]
    order: "Order | None" = None
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What the events of a message are ordered by.

    Attributes
    ----------
    rows
        (n,), rising: rows of the batch that the message speaks of.
    order_ms, ids
        (n,): first by one, then by the other; without ids the order of arrival decides.
    """

    rows: NDArray[np.int64]
    order_ms: NDArray[np.int64]
    ids: NDArray[np.bytes_] | None


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

    home: int
    sequence: int
    shard: int
    spaces: dict[int, SpaceAnswer]
