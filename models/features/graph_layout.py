"""How a graph of transfers lies in a space's arrays: entities are nodes, records are edges.

Edges have numbers in the order of their arrival, and stand in the arena one after the other from
number `EDGE_BASE` on; those before `EDGE_TAIL` are no longer needed. Each edge links to the one
before it that left the same node, and to the one before it that reached the same node, by number
plus one; 0 is none. A node's row keeps its newest edge of either kind where other rows keep
their slots.
"""

from enum import IntEnum
from typing import Final

from models.features.layout import CUT, END, FIRST, FREE_BLOCKS

# words of an edge; the first six are those of a record with three values
E_TIME, E_REFERENCE, E_MASK, E_FROM, E_TO, E_AMOUNT = range(6)
E_KEY, E_SOURCE, E_TARGET, E_NEXT_OUT, E_NEXT_IN, EDGE_WORDS = range(6, 12)
# words of a node's row
NEWEST_OUT, NEWEST_IN = FIRST, END
# counters
EDGE_BASE, EDGE_TAIL, EDGE_CUT = FREE_BLOCKS, FREE_BLOCKS + 1, FREE_BLOCKS + 2
assert NEWEST_IN < CUT

EDGES_MAX: Final = 1 << 20
"""Most transfers kept per shard; beyond them the oldest sixteenth goes."""
DEGREE_MAX: Final = 64
"""Most transfers of one account that are looked at, newest first."""
VISITS_MAX: Final = 4096
"""Most transfers that one search looks at."""
HOPS_MAX: Final = 16


class GraphRead(IntEnum):
    """What a feature looks for, seen from the current transfer."""

    CYCLE = 0
    CHAIN = 1
    SCATTER_GATHER = 2
    BIPARTITE = 3
    UPSTREAM = 4


# a feature's words; those that other spaces use as well stand where theirs do
G_READ, G_SPAN, G_HOPS, G_STEP, G_MASK, G_ORDERED, G_GROUP, G_TOLERANCE = range(8)
MILLION: Final = 1_000_000
"""A tolerance is kept in millionths."""

PAIRS: Final = 1 << 13
"""Places of a hash table of pairs of accounts, which a search fills by half at most."""
SCRATCH: Final = 8 * HOPS_MAX + 4 * PAIRS
"""Room for lists of accounts, behind paths and tables."""
WORK_WORDS: Final = SCRATCH + 4 * DEGREE_MAX
