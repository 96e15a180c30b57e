"""The kernel that turns events into messages: which entity, which shard, which values."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel, straight, to_int
from models.events import NULL_INT, NULL_NUMBER
from models.features.layout import (
    ENTRY_KEY,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_ROW,
    ENTRY_TIME,
    ENTRY_VALUES,
    GROUP_BITS,
    ROW_SHIFT,
    UNDOES,
    UPDATES,
    WANTS_EVIDENCE,
)
from models.hashing import sip_words

FROM_TEXT, FROM_INTEGER, FROM_NUMBER, FROM_DERIVED = range(4)
"""Where a message's value comes from."""

FLOAT_MAX = 1e140
"""Larger magnitudes are NULL to windows: their squares would overflow."""

KEY_SALT = 0x1E37_79B9_7F4A_7C15
_SENDERS_MAX = 16


class Routes(NamedTuple):
    """How one space's messages are made.

    Attributes
    ----------
    keys
        (senders, 1 + key columns): how many key columns, then their rows in the text matrix.
        Sender 0 is the updating key.
    groups
        (groups, 3): sender, kinds that read (bit mask), 1 when it excludes the event.
    values
        (values, 3): `FROM_TEXT` or a neighbour, its row there, 1 when it is only counted.
    filters
        Rows of the derived matrix, one per filter bit.
    domain
        Two words: the hash key of the key's domain.
    on
        Kinds that update (bit mask).
    options
        (2,): reads carry values too, late events update too; empty where neither holds.
    undo
        (3,): row of the derived matrix that says which events take back another, row of the text
        that names it, and the value that is an event's id; empty where none is taken back.
    """

    keys: NDArray[np.int64]
    groups: NDArray[np.int64]
    values: NDArray[np.int64]
    filters: NDArray[np.int64]
    domain: NDArray[np.uint64]
    on: int
    options: NDArray[np.int64]
    undo: NDArray[np.int64]


class Events(NamedTuple):
    """What is read of a batch's n events.

    Attributes
    ----------
    kind, late, wants
        (n,): kind; behind the watermark: reads, updates nothing; may need evidence.
    references
        (n,): partition and offset, see `models.features.messages.references`.
    texts, integers, numbers, number_bits
        The batch's matrices, the last two the same memory.
    derived, derived_bits
        Expressions computed beforehand, the same memory.
    """

    kind: NDArray[np.int8]
    late: NDArray[np.bool_]
    wants: NDArray[np.bool_]
    references: NDArray[np.int64]
    texts: NDArray[np.uint64]
    integers: NDArray[np.int64]
    numbers: NDArray[np.float64]
    number_bits: NDArray[np.int64]
    derived: NDArray[np.float64]
    derived_bits: NDArray[np.int64]


@inline
def _entity(
    routes: Routes, sender: int, texts: NDArray[np.uint64], row: int, tenant: int
) -> np.uint64:
    """Hash of (tenant, domain, key columns), or 0 where one of them is NULL."""
    key = texts[tenant, row]
    if routes.keys[sender, 0] == 0:
        # no key column: all events of the tenant together
        return sip_words(key, np.uint64(1), routes.domain[0], routes.domain[1])
    for place in range(1, routes.keys[sender, 0] + 1):
        part = texts[routes.keys[sender, place], row]
        if part == np.uint64(0):
            return np.uint64(0)
        key = sip_words(key, part, routes.domain[0], routes.domain[1])
    return key


@inline
def shard_of(key: np.uint64, shards: int) -> int:
    """The shard of an entity; its low bits are the table's, so take the high ones."""
    return to_int((key >> np.uint64(32)) % np.uint64(shards))


@inline
def _flags(routes: Routes, row: int, kind: int, sender: int, before: int, wants: bool) -> int:
    """An entry's word: its row, the groups that this sender reads, whether evidence is wanted."""
    groups = 0
    for group in range(routes.groups.shape[0]):
        same = routes.groups[group, 0] == sender
        if before >= 0:
            same = same and routes.groups[group, 2] == before
        if same and (routes.groups[group, 1] >> kind) & 1:
            groups |= 1 << group
    if groups == 0:
        return 0
    word = (row << ROW_SHIFT) | (groups << GROUP_BITS)
    return word | WANTS_EVIDENCE if wants else word


@inline
def _value(routes: Routes, place: int, row: int, events: Events) -> int:
    """One value as the block stores it."""
    source, index = routes.values[place, 0], routes.values[place, 1]
    counted = routes.values[place, 2] == 1
    if source == FROM_TEXT:
        return to_int(events.texts[index, row])
    if source == FROM_INTEGER:
        value = events.integers[index, row]
        null = value == NULL_INT
    else:
        number = events.numbers[index, row] if source == FROM_NUMBER else events.derived[index, row]
        null = np.isnan(number) or abs(number) > FLOAT_MAX
        value = (
            events.number_bits[index, row]
            if source == FROM_NUMBER
            else events.derived_bits[index, row]
        )
        if not counted and null:
            return NULL_NUMBER
        if number == 0.0:
            value = 0  # minus zero is zero
    if not counted:
        return value
    # only counted: any bits will do, but 0 is NULL
    return 0 if null else (value ^ KEY_SALT)


@inline
def _mask(routes: Routes, row: int, derived: NDArray[np.float64]) -> int:
    mask = 0
    for bit in range(routes.filters.shape[0]):
        if derived[routes.filters[bit], row] == 1.0:
            mask |= 1 << bit
    return mask


@inline
def _group_by_shard(
    draft: NDArray[np.int64],
    count: int,
    shards: int,
    entries: NDArray[np.int64],
    bounds: NDArray[np.int64],
) -> None:
    """Counting sort: `bounds[s + 1]` holds how many entries shard s has, then where they end."""
    for shard in range(shards):
        bounds[shard + 1] += bounds[shard]
    for number in range(count):
        shard = shard_of(np.uint64(draft[number, ENTRY_KEY]), shards)
        for word in range(draft.shape[1]):
            entries[bounds[shard], word] = draft[number, word]
        bounds[shard] += 1
    for shard in range(shards, 0, -1):
        bounds[shard] = bounds[shard - 1]
    bounds[0] = 0


@inline
def _take_back(
    routes: Routes, row: int, own: np.uint64, events: Events, entry: NDArray[np.int64]
) -> None:
    """Write the entry of an event that takes back another one of its entity."""
    entry[:] = 0
    entry[ENTRY_ROW] = (row << ROW_SHIFT) | UNDOES
    entry[ENTRY_KEY] = to_int(own)
    entry[ENTRY_TIME] = events.integers[0, row]
    entry[ENTRY_VALUES + routes.undo[2]] = to_int(events.texts[routes.undo[1], row])


@kernel
def scatter(
    routes: Routes,
    tenant: int,
    events: Events,
    draft: NDArray[np.int64],
    entries: NDArray[np.int64],
    bounds: NDArray[np.int64],
) -> int:
    """Write one space's entries, grouped by shard, each shard's in the order of the events.

    Parameters
    ----------
    tenant
        Row of the tenant in the texts.
    draft, entries
        (most entries, words): room to work in, and the result.
    bounds
        (shards + 1,), out: each shard's entries are [bounds[i], bounds[i + 1]).

    Returns
    -------
    How many entries there are.
    """
    shards = bounds.shape[0] - 1
    bounds[:] = 0
    count = 0
    senders = routes.keys.shape[0]
    asks = routes.options.shape[0] > 0 and routes.options[0] == 1
    takes_late = routes.options.shape[0] > 0 and routes.options[1] == 1
    for row in range(events.kind.shape[0]):
        code = to_int(events.kind[row])
        own = _entity(routes, 0, events.texts, row, tenant)
        in_time = takes_late or not events.late[row]
        updates = (routes.on >> code) & 1 == 1 and in_time and own != np.uint64(0)
        if updates and routes.undo.shape[0] and events.derived[routes.undo[0], row] == 1.0:
            _take_back(routes, row, own, events, draft[count])
            bounds[shard_of(own, shards) + 1] += 1
            count += 1
        # reads of other keys that exclude the event, then the update, then the other reads
        for step in range(2 * senders - 1):
            sender = (step + 1) % senders if step < senders - 1 else step - senders + 1
            before = -1 if sender == 0 else (1 if step < senders - 1 else 0)
            word = _flags(routes, row, code, sender, before, events.wants[row])
            if sender == 0 and updates:
                word = (word or row << ROW_SHIFT) | UPDATES
            if word == 0:
                continue
            key = own if sender == 0 else _entity(routes, sender, events.texts, row, tenant)
            if key == np.uint64(0):
                continue
            draft[count, ENTRY_ROW] = word
            draft[count, ENTRY_KEY] = to_int(key)
            draft[count, ENTRY_TIME] = events.integers[0, row]
            draft[count, ENTRY_REFERENCE] = events.references[row]
            draft[count, ENTRY_MASK:] = 0
            if word & UPDATES or asks:
                draft[count, ENTRY_MASK] = _mask(routes, row, events.derived)
                for place in range(routes.values.shape[0]):
                    draft[count, ENTRY_VALUES + place] = _value(routes, place, row, events)
            bounds[shard_of(key, shards) + 1] += 1
            count += 1
    _group_by_shard(draft, count, shards, entries, bounds)
    return count


scatter_straight = straight(scatter)
"""The same, for the many calls of a run."""
