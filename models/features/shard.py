"""All windows of one shard: messages in, answers out, everything logged for a resume."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.features.messages import Answer, Message
from models.features.state import SpaceState
from models.planning.blueprint import SpaceBlueprint


class WindowsShard:
    """The entities of one shard in every space.

    Parameters
    ----------
    shard
        Its number.
    spaces
        The blueprint's spaces.
    """

    def __init__(self, shard: int, spaces: Sequence[SpaceBlueprint]) -> None:
        self.shard = shard
        self._words = [space.entry_words for space in spaces]
        self.spaces = [SpaceState(s.plan, s.before_groups, s.name) for s in spaces]
        self._log: list[tuple[int, NDArray[np.int64]]] = []

    def answer(self, message: Message) -> Answer:
        """Apply a message; the answers are in the order of its entries."""
        answers = {}
        for space, entries in message.entries.items():
            answers[space] = self.spaces[space].run(entries)
            self._log.append((space, entries))
        return Answer(message.partition, message.sequence, self.shard, answers)

    def take_log(self) -> list[NDArray[np.int64]]:
        """Entries applied since the last call, each chunk headed by its space."""
        log, self._log = self._log, []
        return [
            np.concatenate([np.array([space], np.int64), entries.reshape(-1)])
            for space, entries in log
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
