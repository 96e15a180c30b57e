"""From a judged batch to messages for the shards, before any window is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.events import KINDS
from models.features.layout import ROW_SHIFT
from models.features.messages import Message, Order
from models.features.scatter import Events, scatter_straight
from models.fx import convert, fx_tables, smallest_coin
from models.holding import Release
from models.lookups import join
from models.places import partition_of
from models.planning.blueprint import Blueprint
from models.planning.spaces import SpaceBlueprint
from models.rounds import Turn
from models.running import Runner


@dataclass(frozen=True, slots=True)
class Scattered:
    """A batch that waits for answers, and the messages that ask for them.

    Attributes
    ----------
    home, sequence
        Its home shard, and its number there.
    batch
        Events of kinds that some pack reads; None where only the turn matters.
    order_ms, ids
        (n,): by what its hits, and questions to detectors, are merged with those of other homes.
    messages
        Shard → message; without a turn, shards without entries are absent.
    turn
        Of the round that it belongs to.
    unconverted
        Amounts for which no FX rate was known.
    clocks_ms
        Partition → newest event time, where some rule waits; of all events, whoever reads them.
    """

    home: int
    sequence: int
    batch: Batch | None
    order_ms: NDArray[np.int64]
    messages: dict[int, Message]
    turn: Turn | None = None
    unconverted: int = 0
    clocks_ms: Mapping[int, int] = field(default_factory=dict)
    ids: NDArray[np.bytes_] | None = None

    @property
    def asked(self) -> int:
        """How many shards will answer."""
        return sum(bool(message.entries) for message in self.messages.values())


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
        self._conversions = [
            (
                schema.integers[name],
                np.uint64(deployment.secret.text(code)),
                smallest_coin(schema.currencies[code]),
            )
            for name, code in schema.conversions.items()
        ]
        self._lookups = blueprint.lookups
        # the kinds that concern each space
        self._kinds = [
            int(space.routes.on | np.bitwise_or.reduce(space.routes.groups[:, 1], initial=0))
            for space in blueprint.spaces
        ]
        self._nobody = np.empty((0, 0), np.int64), [0] * (deployment.shards + 1)

    def scatter(self, home: int, sequence: int, release: Release) -> Scattered:
        """Drop events that no pack reads, convert amounts, and write every shard's entries."""
        shards, turn = range(self._blueprint.deployment.shards), release.turn
        if release.batch is None:
            marks = {shard: Message(shard, home, sequence, {}, turn=turn) for shard in shards}
            return Scattered(home, sequence, None, release.order_ms, marks, turn)
        clocks_ms = _clocks_of(release.batch) if self._blueprint.waiting else {}
        release = self._read_by_a_pack(release)
        batch = release.batch
        assert batch is not None
        unconverted = self._convert(batch)
        self._join(batch)
        features = np.zeros((1, len(batch)))
        prepared = self._prepare.run(batch, features)
        derived = prepared.results
        events = Events(
            batch.kind, batch.late, prepared.touched, batch.places,
            batch.text_hash, batch.integers, batch.numbers, batch.numbers.view(np.int64),
            derived, derived.view(np.int64),
        )  # fmt: skip
        present = int(np.bitwise_or.reduce(1 << batch.kind.astype(np.int64), initial=0))
        parts = [
            self._space(space, events) if reads & present else self._nobody
            for space, reads in zip(self._blueprint.spaces, self._kinds, strict=True)
        ]
        messages = {}
        for shard in shards:
            entries = {
                number: chunks[bounds[shard] : bounds[shard + 1]]
                for number, (chunks, bounds) in enumerate(parts)
                if bounds[shard] < bounds[shard + 1]
            }
            if entries or turn:
                order = _order(release, entries) if turn else None
                messages[shard] = Message(shard, home, sequence, entries, order, turn)
        return Scattered(
            home, sequence, batch, release.order_ms, messages, turn, unconverted, clocks_ms,
            release.ids,
        )  # fmt: skip

    def _read_by_a_pack(self, release: Release) -> Release:
        batch = release.batch
        assert batch is not None
        if not self._ignored[batch.kind].any():
            return release
        rows = np.flatnonzero(~self._ignored[batch.kind])
        ids = release.ids[rows] if release.ids is not None else None
        return Release(batch.take(rows), release.order_ms[rows], ids, release.turn)

    def _convert(self, batch: Batch) -> int:
        """Fill the amounts in other currencies; how many had no rate."""
        rows = batch.schema.integers
        return sum(
            convert(
                batch.integers[rows["amount"]], batch.hashes("currency"), batch.times,
                self._base, target, coin, self._fx, batch.integers[row],
            )
            for row, target, coin in self._conversions
        )  # fmt: skip

    def _join(self, batch: Batch) -> None:
        """Fill the columns that come from reference data."""
        schema = batch.schema
        for name, table in self._lookups.items():
            if name in schema.texts:
                out = batch.text_hash[schema.texts[name]]
            else:
                out = batch.numbers[schema.numbers[name]].view(np.uint64)
            join(table, batch.hashes(schema.joined[name]), batch.times, out)

    def _space(self, space: SpaceBlueprint, events: Events) -> tuple[NDArray[np.int64], list[int]]:
        """One space's entries by shard, and where each shard's begin."""
        undoing = int(space.routes.undo.shape[0] > 0)
        most = events.kind.shape[0] * (2 * space.routes.keys.shape[0] - 1 + undoing)
        draft = np.empty((most, space.entry_words), np.int64)
        entries = np.empty((most, space.entry_words), np.int64)
        bounds = np.empty(self._blueprint.deployment.shards + 1, np.int64)
        scatter_straight(space.routes, self._tenant, events, draft, entries, bounds)
        return entries, bounds.tolist()


def _clocks_of(batch: Batch) -> dict[int, int]:
    """Partition → newest event time."""
    partitions = partition_of(batch.places)
    return {
        partition: int(batch.times[partitions == partition].max())
        for partition in sorted(set(partitions.tolist()))
    }


def _order(release: Release, entries: Mapping[int, NDArray[np.int64]]) -> Order:
    """What merges the entries of one message with those of other homes."""
    named = [chunk[:, 0] >> ROW_SHIFT for chunk in entries.values()]
    rows = np.unique(np.concatenate(named)) if named else np.zeros(0, np.int64)
    ids = release.ids[rows] if release.ids is not None else None
    return Order(rows, release.order_ms[rows], ids)
