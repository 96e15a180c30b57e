"""Batches that wait for the answers of several shards, and go on strictly in their own order."""

from typing import Generic, TypeVar

T = TypeVar("T")
A = TypeVar("A")


class InSequence(Generic[T, A]):
    """Items in the order of their numbers, each with all of its answers.

    Examples
    --------
    >>> waiting = InSequence[str, str]()
    >>> waiting.expect(0, 2, "first"), waiting.expect(1, 0, "second")
    (None, None)
    >>> waiting.receive(0, 5, "e"), waiting.release()
    (None, [])
    >>> waiting.receive(0, 3, "c"), waiting.release()
    (None, [('first', ['c', 'e']), ('second', [])])
    """

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[int, T]] = {}
        self._answers: dict[int, list[tuple[int, A]]] = {}

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def expect(self, number: int, asked: int, item: T) -> None:
        """An item has asked so many shards."""
        self._waiting[number] = asked, item

    def receive(self, number: int, shard: int, answer: A) -> None:
        """One shard has answered."""
        self._answers.setdefault(number, []).append((shard, answer))

    def release(self) -> list[tuple[T, list[A]]]:
        """Every item that is complete and next, with its answers."""
        found = []
        for number in sorted(self._waiting):
            asked, item = self._waiting[number]
            answers = self._answers.get(number, [])
            if len(answers) < asked:
                break
            self._answers.pop(number, None)
            del self._waiting[number]
            # the order in which shards answered is not theirs to decide
            answers.sort(key=lambda one: one[0])
            found.append((item, [answer for _shard, answer in answers]))
        return found
