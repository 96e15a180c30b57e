"""All windows of one shard: messages in, answers out, everything logged for a resume."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.features.layout import Plan
from models.features.messages import Answer, Message, SpaceAnswer
from models.features.state import SpaceState
from models.merging import merged_entries, places_in_order


class Windowed(Protocol):
    """What is asked of a space; see `models.planning.spaces.SpaceBlueprint`."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def plan(self) -> Plan:
        """Its arrays."""

    @property
    def before_groups(self) -> int:
        """Bit mask of read groups that exclude the current event."""

    @property
    def entry_words(self) -> int:
        """Length of an entry."""


class WindowsShard:
    """The entities of one shard in every space.

    Parameters
    ----------
    shard
        Its number.
    spaces
        Of a blueprint, or of an outline of one.
    """

    def __init__(self, shard: int, spaces: Sequence[Windowed]) -> None:
        self.shard = shard
        self._words = [space.entry_words for space in spaces]
        self.spaces = [SpaceState(s.plan, s.before_groups, s.name) for s in spaces]
        self._log: dict[int, list[NDArray[np.int64]]] = {}

    def answer(self, message: Message) -> Answer:
        """Apply a message; the answers are in the order of its entries."""
        answers = {}
        for space, entries in message.entries.items():
            answers[space] = self.spaces[space].run(entries)
            self._log.setdefault(space, []).append(entries)
        return Answer(message.home, message.sequence, self.shard, answers)

    def answer_together(self, messages: Sequence[Message]) -> list[Answer]:
        """Apply the messages of one round as if they were one, in the order of their events."""
        asking = [message for message in messages if message.entries]
        if len(asking) < 2:
            return [self.answer(message) for message in asking]
        places = places_in_order([message.order for message in asking])
        answers: list[dict[int, SpaceAnswer]] = [{} for _ in asking]
        for space in sorted({space for message in asking for space in message.entries}):
            merged = merged_entries(space, asking, places)
            answer = self.spaces[space].run(merged.entries)
            self._log.setdefault(space, []).append(merged.entries)
            for owner, own in merged.split(answer, len(asking)).items():
                answers[owner][space] = own
        return [
            Answer(message.home, message.sequence, self.shard, spaces)
            for message, spaces in zip(asking, answers, strict=True)
        ]

    def take_log(self) -> list[NDArray[np.int64]]:
        """Entries applied since the last call, a chunk per space, headed by its number.

        Spaces do not see each other, so only the order within each matters.
        """
        log, self._log = self._log, {}
        return [
            np.concatenate([np.array([space], np.int64), *(part.reshape(-1) for part in parts)])
            for space, parts in log.items()
        ]

    def replay(self, log: Sequence[NDArray[np.int64]]) -> None:
        """Apply again what an earlier run applied after it was saved; nothing is answered."""
        for chunk in log:
            space = int(chunk[0])
            self.spaces[space].run(chunk[1:].reshape(-1, self._words[space]))

    def save(self) -> dict[str, NDArray[np.int64]]:
        """The whole state, copied."""
        return {
            f"{number}.{name}": array
            for number, space in enumerate(self.spaces)
            for name, array in space.save().items()
        }

    def load(self, saved: Mapping[str, NDArray[np.int64]]) -> None:
        """Take over what `save` gave."""
        for number, space in enumerate(self.spaces):
            space.load({n: saved[f"{number}.{n}"] for n in ("rows", "arena", "counters")})
