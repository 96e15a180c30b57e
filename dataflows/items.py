"""What the steps of the flow hand to each other beside the core's own messages."""

from dataclasses import dataclass
from typing import Self

from models.batch import Batch
from models.places import offset_of
from models.records import DeadLetter, RawBlock


@dataclass(frozen=True, slots=True)
class Decoded:
    """A block after decoding.

    Attributes
    ----------
    partition
        Where it came from.
    next
        Offset after its last record.
    batch
        Its good events; None where there is none.
    dead
        A dead letter for every other record.
    """

    partition: int
    next: int
    batch: Batch | None
    dead: list[DeadLetter]

    @classmethod
    def of(cls, block: RawBlock, batch: Batch, dead: list[DeadLetter]) -> Self:
        """What decoding made of a block; both keep its order."""
        good = offset_of(int(batch.places[-1])) + 1 if len(batch) else block.first
        return cls(block.partition, max(good, dead[-1].offset + 1 if dead else 0), batch, dead)
