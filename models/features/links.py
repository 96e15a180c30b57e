"""Where a value stands in a block, and links between events of one entity with the same value.

A link is one int64: (earlier slot + 1) in its high and (later slot + 1) in its low 32
bits; 0 is no neighbour.
"""

from models.compiled import inline

_LOW = (1 << 32) - 1


@inline
def address(base: int, capacity: int, stride: int, column: int, slot: int) -> int:
    """Where a column of an event stands in the arena."""
    if column < stride:
        return base + slot * stride + column
    return base + column * capacity + slot


@inline
def earlier(link: int) -> int:
    """Slot of the previous event with the same value, or −1."""
    return (link >> 32) - 1


@inline
def later(link: int) -> int:
    """Slot of the next event with the same value, or −1."""
    return (link & _LOW) - 1


@inline
def make_link(before: int, after: int) -> int:
    """Join two slots, each −1 for none."""
    return ((before + 1) << 32) | (after + 1)


@inline
def moved_link(link: int, by: int) -> int:
    """The link after all slots moved down by `by`; neighbours below slot 0 are gone."""
    return make_link(max(earlier(link) - by, -1), max(later(link) - by, -1))
