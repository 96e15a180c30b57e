"""Where a record stands in its source: partition and offset, as one number."""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

OFFSET_BITS: Final = 48
"""Offsets are below 2⁴⁸, partitions below 2¹⁵."""
_OFFSETS: Final = (1 << OFFSET_BITS) - 1

Number = TypeVar("Number", int, NDArray[np.int64])


def place_of(partition: int, offset: Number) -> Number:
    """One number that sorts by partition, then offset."""
    return offset | (partition << OFFSET_BITS)


def partition_of(place: Number) -> Number:
    """The partition of a place."""
    return place >> OFFSET_BITS


def offset_of(place: Number) -> Number:
    """The offset of a place.

    >>> offset_of(place_of(3, 4711)), partition_of(place_of(3, 4711))
    (4711, 3)
    """
    return place & _OFFSETS


def name_places(places: NDArray[np.int64]) -> list[str]:
    """Places as a person reads them.

    >>> name_places(np.array([place_of(3, 4711)]))
    ['3:4711']
    """
    return [f"{partition_of(place)}:{offset_of(place)}" for place in places.tolist()]
