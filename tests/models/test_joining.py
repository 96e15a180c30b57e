"""Rows of several batches in one: nothing of a row changes, nothing else is carried along."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.decoding.decoder import Decoder
from models.decoding.schema import Schema
from models.hashing import PADDING, Secret
from models.joining import identities, joined
from models.places import place_of
from models.records import RawBlock

SCHEMA = Schema(
    frozenset({"account", "counterparty", "amount", "amount_base"}),
    frozenset({"payment", "label"}),
    Secret(bytes(16)),
    constants={"tenant": "bank"},
)
DECODER = Decoder(SCHEMA)
START_MS = 1_700_000_000_000
# escapes make the decoder write a text behind the buffer, outside of its record
texts = st.text(st.sampled_from('ab"\\é\n字'), min_size=1, max_size=6)
rows = st.fixed_dictionaries(
    {"event_id": texts, "account": texts, "amount": st.integers(0, 10_000)},
    optional={"counterparty": texts, "tenant": texts},
)
batches = st.lists(st.lists(rows, min_size=1, max_size=6), min_size=1, max_size=4)


def batch_of(partition, found, *, first=0):
    lines = [
        json.dumps(
            {"kind": "payment", "event_time": START_MS + at, "currency": "EUR", **row},
            ensure_ascii=at % 2 == 0,
        ).encode()
        for at, row in enumerate(found)
    ]
    headers = {first + at: (("n", b"%d" % at),) for at in range(0, len(found), 2)}
    ends = np.cumsum([len(line) for line in lines])
    block = RawBlock(partition, b"".join(lines), first, START_MS, ends, headers=headers)
    batch, dead = DECODER.decode(block)
    assert not dead, dead
    return batch


def content(batch, row):
    columns = [*SCHEMA.texts, *SCHEMA.integers, *SCHEMA.numbers]
    place = int(batch.places[row])
    return (
        {name: batch.value(name, row) for name in columns},
        batch.text_hash[:, row].tolist(),
        batch.raw(row),
        place,
        batch.headers.get(place),
        bool(batch.late[row]),
        int(batch.kind[row]),
    )


@given(batches, st.data())
def test_every_row_stays_what_it_was(found, data):
    every = [batch_of(number, one) for number, one in enumerate(found)]
    for batch in every:
        batch.late[:: data.draw(st.integers(1, 3))] = True
    pairs = [(owner, row) for owner, batch in enumerate(every) for row in range(len(batch))]
    chosen = data.draw(st.permutations(pairs))[: data.draw(st.integers(1, len(pairs)))]
    owners, at = np.array(chosen).T

    out = joined(every, owners, at)
    again = joined([out], np.zeros(len(out), np.int64), np.arange(len(out))[::-1].copy())

    expected = [content(every[owner], row) for owner, row in chosen]
    assert [content(out, row) for row in range(len(out))] == expected
    assert [content(again, row) for row in range(len(again))] == expected[::-1]
    assert not out.buffer.flags.writeable


@given(batches)
def test_no_byte_that_no_row_needs(found):
    every = [batch_of(number, one) for number, one in enumerate(found)]
    last = len(every) - 1

    out = joined(every, np.array([last]), np.array([0]))

    outside = sum(len(str(value).encode()) for value in found[last][0].values()) + len("bank")
    assert out.buffer.shape[0] <= len(every[last].raw(0)) + outside + 20 + PADDING
    assert (out.buffer[-PADDING:] == 0).all()


def test_no_rows_at_all():
    nobody = np.zeros(0, np.int64)

    assert len(joined([batch_of(0, [{"event_id": "a", "account": "b", "amount": 1}])], nobody,
                      nobody)) == 0  # fmt: skip


names = st.text(st.sampled_from("aAb0é字\U0001f600"), min_size=1, max_size=4)


@given(st.lists(st.tuples(names, names), min_size=1, max_size=12, unique=True))
def test_identities_sort_as_their_texts(pairs):
    one = batch_of(0, [{"event_id": e, "tenant": t, "account": "x", "amount": 1} for e, t in pairs])

    found = identities(one, np.arange(len(one)))

    assert np.argsort(found, kind="stable").tolist() == [
        at for at, _pair in sorted(enumerate(pairs), key=lambda item: item[1])
    ]


def test_labels_have_the_lowest_identity():
    row = {"account": "x", "amount": 1, "of": "e", "is_fraud": True}
    one = batch_of(0, [{**row, "event_id": "a"}, {**row, "event_id": "z", "kind": "label"}])

    found = identities(one, np.arange(2))

    assert found[1] < found[0]


def test_places_of_all_partitions_are_kept_apart():
    row = {"event_id": "a", "account": "x", "amount": 1}
    every = [batch_of(p, [row, row], first=5) for p in (0, 3)]

    out = joined(every, np.array([1, 0, 1]), np.array([0, 1, 1]))

    assert out.places.tolist() == [place_of(3, 5), place_of(0, 6), place_of(3, 6)]
    assert out.headers[place_of(3, 5)] == (("n", b"0"),)
