"""The simulator as a source: a labelled world, paced by the wall clock."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from models.records import DeadLetter, RawBlock
from models.simulator.world import SimulatedBatch, World


@dataclass(frozen=True)
class SimulatorSource:
    """One partition of simulated events; event time runs ahead of the wall clock.

    Attributes
    ----------
    world
        What happens.
    events_per_s
        Pace; 0 is as fast as possible.
    batches
        End after so many slices; None never ends.
    on_batch
        Told of every slice that was handed on, for its incidents.
    """

    world: World
    events_per_s: float = 0.0
    batches: int | None = None
    on_batch: Callable[[SimulatedBatch], None] = lambda _batch: None

    def partitions(self) -> list[int]:
        """The one partition."""
        return [0]

    @property
    def grows(self) -> bool:
        """Whether partitions may be added while we read: never."""
        return False

    def durable(self, partition: int, position: Mapping[str, int]) -> None:
        """A simulator has nobody to tell."""

    def open(self, partition: int, position: Mapping[str, int] | None = None) -> "SimulatorReader":
        """Go on after the slice where a position stands."""
        del partition
        return SimulatorReader(self, dict(position or {"batch": 0, "record": 0}))


class SimulatorReader:
    """Reads the one partition, not faster than the pace."""

    def __init__(self, source: SimulatorSource, position: dict[str, int]) -> None:
        self._source, self._position = source, position
        left = None if source.batches is None else max(source.batches - position["batch"], 0)
        self._slices = islice(source.world.batches(skip=position["batch"]), left)
        self._started: float | None = None
        self._handed = 0
        self.finished = self.at_end = False

    def read(self) -> RawBlock | None:
        """The next slice, or None while it is not yet time."""
        now = time.monotonic()
        if self._started is None:
            self._started = now
        pace = self._source.events_per_s
        self.at_end = bool(pace) and self._handed > (now - self._started) * pace
        if self.at_end:
            return None
        batch = next(self._slices, None)
        if batch is None:
            self.finished = self.at_end = True
            return None
        block = RawBlock(0, batch.lines, self._position["record"], batch.last_ms)
        self._handed += batch.events
        self._position["batch"] += 1
        self._position["record"] += batch.events
        self._source.on_batch(batch)
        return block

    def oversized(self) -> list[DeadLetter]:
        """Simulated records are never too large."""
        return []

    def position(self) -> Mapping[str, int]:
        """After the last slice that was handed on."""
        return dict(self._position)

    def close(self) -> None:
        """Nothing to let go."""
