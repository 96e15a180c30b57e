"""Parts of one round, from several homes, as one: collected, put in order, and split again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.features.layout import ROW_SHIFT
from models.features.messages import Message, Order, SpaceAnswer
from models.ordering import order_of
from models.rounds import Turn

T = TypeVar("T")


@dataclass(slots=True)
class _Slot(Generic[T]):
    """What is worked on together: the parts of a round, or one item."""

    number: int | None
    homes: int
    parts: list[tuple[int, T]] = field(default_factory=list)
    finished: set[int] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        return self.number is None or len(self.finished) == self.homes


class Turns(Generic[T]):
    """Hands on what comes in order, and the parts of a round together.

    What a home sends behind its part of a round waits until the round is complete; what it sent
    before goes first, whoever else is ahead.

    Examples
    --------
    >>> turns = Turns[str]()
    >>> turns.add("a", 0, None)
    [['a']]
    >>> turns.add("b", 0, Turn(0, 2, last=True)), turns.add("c", 0, None)
    ([], [])
    >>> turns.add("d", 1, None)
    [['d']]
    >>> turns.add("e", 1, Turn(0, 2, last=True))
    [['b', 'e'], ['c']]
    """

    def __init__(self) -> None:
        self._queue: list[_Slot[T]] = []

    def __len__(self) -> int:
        """How much waits."""
        return len(self._queue)

    def add(self, item: T, home: int, turn: Turn | None) -> list[list[T]]:
        """Take one item of a home; return what may be worked on now, group by group."""
        if turn is None:
            at = next(
                (
                    place
                    for place, slot in enumerate(self._queue)
                    if slot.number is not None and home not in slot.finished
                ),
                len(self._queue),
            )
            self._queue.insert(at, _Slot(None, 1, [(home, item)]))
            return self._drained()
        slot = next((slot for slot in self._queue if slot.number == turn.number), None)
        if slot is None:
            slot = _Slot(turn.number, turn.homes)
            # a home that is ahead may have sent a later round first
            at = next(
                (
                    place
                    for place, other in enumerate(self._queue)
                    if other.number is not None and other.number > turn.number
                ),
                len(self._queue),
            )
            self._queue.insert(at, slot)
        slot.parts.append((home, item))
        if turn.last:
            slot.finished.add(home)
        return self._drained()

    def _drained(self) -> list[list[T]]:
        groups = []
        while self._queue and self._queue[0].complete:
            parts = self._queue.pop(0).parts
            # who came first is not theirs to decide
            groups.append([item for _home, item in sorted(parts, key=lambda part: part[0])])
        return groups


def places_in_order(orders: Sequence[Order | None]) -> list[NDArray[np.int64]]:
    """Per message its rows' places among all rows of all messages, in the merged order."""
    known = [order for order in orders if order is not None]
    assert len(known) == len(orders)
    times = np.concatenate([order.order_ms for order in known])
    ids = [order.ids for order in known if order.ids is not None]
    order = order_of(times, np.concatenate(ids)) if ids else np.argsort(times, kind="stable")
    ranks = np.arange(times.shape[0])
    if order is not None:
        ranks[order] = np.arange(times.shape[0])
    return np.split(ranks, np.cumsum([o.rows.shape[0] for o in known])[:-1])


@dataclass(frozen=True, slots=True)
class MergedEntries:
    """One space's entries of several messages, in order.

    Attributes
    ----------
    entries
        (n, words).
    owners
        (n,): which of the messages each came from.
    """

    entries: NDArray[np.int64]
    owners: NDArray[np.int64]

    def split(self, answer: SpaceAnswer, messages: int) -> dict[int, SpaceAnswer]:
        """Message → the answers to its own entries, which keep their order."""
        found = {}
        local = np.zeros(self.owners.shape[0], np.int64)
        for owner in range(messages):
            mine = np.flatnonzero(self.owners == owner)
            if not mine.size:
                continue
            local[mine] = np.arange(mine.size)
            evidence = answer.evidence[self.owners[answer.evidence[:, 0]] == owner]
            evidence[:, 0] = local[evidence[:, 0]]
            found[owner] = SpaceAnswer(
                answer.words[mine], answer.values[mine], answer.truncated[mine], evidence
            )
        return found


def merged_entries(
    space: int, messages: Sequence[Message], places: Sequence[NDArray[np.int64]]
) -> MergedEntries:
    """All entries of one space; an event's entries keep their order."""
    chunks, owners, ranks = [], [], []
    for owner, (message, ranked) in enumerate(zip(messages, places, strict=True)):
        if space not in message.entries or message.order is None:
            continue
        entries = message.entries[space]
        at = np.searchsorted(message.order.rows, entries[:, 0] >> ROW_SHIFT)
        chunks.append(entries)
        owners.append(np.full(entries.shape[0], owner))
        ranks.append(ranked[at])
    order = np.argsort(np.concatenate(ranks), kind="stable")
    return MergedEntries(np.concatenate(chunks)[order], np.concatenate(owners)[order])
