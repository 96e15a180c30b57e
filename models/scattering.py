"""From a judged batch to messages for the shards, before any window is read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.events import KINDS
from models.features.messages import Message, references
from models.features.scatter import Events, scatter
from models.fx import convert, fx_tables, smallest_coin
from models.planning.blueprint import Blueprint
from models.running import Runner


@dataclass(frozen=True, slots=True)
class Scattered:
    """A batch that waits for answers, and the messages that ask for them.

    Attributes
    ----------
    batch
        Events of kinds that some pack reads.
    sequence
        Its number within its partition.
    messages
        Shard → message; shards without entries are absent.
    unconverted
        Amounts for which no FX rate was known.
    """

    batch: Batch
    sequence: int
    messages: dict[int, Message]
    unconverted: int


class Scatterer:
    """Prepares batches; holds no state between them."""

    def __init__(self, blueprint: Blueprint) -> None:
        deployment, schema = blueprint.deployment, blueprint.schema
        self._blueprint = blueprint
        self._prepare = Runner(blueprint.prepare, 1, blueprint.derived)
        self._nothing = np.zeros((1, 0))
        self._tenant = schema.texts["tenant"]
        self._ignored = np.array([not (blueprint.kinds >> k) & 1 for k in range(len(KINDS))])
        self._fx = fx_tables(deployment.fx, deployment.secret)
        self._base = np.uint64(deployment.secret.text(deployment.base_currency))
        self._coin = smallest_coin(schema.currencies[deployment.base_currency])

    def scatter(self, batch: Batch, sequence: int) -> Scattered:
        """Drop events that no pack reads, convert amounts, and write every shard's entries."""
        if self._ignored[batch.kind].any():
            batch = batch.take(np.flatnonzero(~self._ignored[batch.kind]))
        unconverted = self._convert(batch)
        features = np.zeros((1, len(batch)))
        prepared = self._prepare.run(batch, features)
        parts = [
            self._space(number, batch, prepared.touched, prepared.results)
            for number in range(len(self._blueprint.spaces))
        ]
        messages = {}
        for shard in range(self._blueprint.deployment.shards):
            entries = {
                number: chunks[bounds[shard] : bounds[shard + 1]]
                for number, (chunks, bounds) in enumerate(parts)
                if bounds[shard] < bounds[shard + 1]
            }
            if entries:
                messages[shard] = Message(shard, batch.partition, sequence, entries)
        return Scattered(batch, sequence, messages, unconverted)

    def _convert(self, batch: Batch) -> int:
        rows = batch.schema.integers
        if "amount_base" not in rows:
            return 0
        return convert(
            batch.integers[rows["amount"]], batch.hashes("currency"), batch.times,
            self._base, self._coin, self._fx, batch.integers[rows["amount_base"]],
        )  # fmt: skip

    def _space(
        self,
        number: int,
        batch: Batch,
        wants: NDArray[np.bool_],
        derived: NDArray[np.float64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        space = self._blueprint.spaces[number]
        most = len(batch) * (2 * space.routes.keys.shape[0] - 1)
        draft = np.empty((most, space.entry_words), np.int64)
        entries = np.empty((most, space.entry_words), np.int64)
        bounds = np.empty(self._blueprint.deployment.shards + 1, np.int64)
        events = Events(
            batch.kind, batch.late, wants, references(batch.partition, batch.offsets),
            batch.text_hash, batch.integers, batch.numbers, batch.numbers.view(np.int64),
            derived, derived.view(np.int64),
        )  # fmt: skip
        scatter(space.routes, self._tenant, events, draft, entries, bounds)
        return entries, bounds
