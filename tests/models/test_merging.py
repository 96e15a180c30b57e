"""The parts of a round, from several homes, as one: nothing shows where an event came from."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.packs import load_pack
from models.alerting import merged
from models.alerts import Details, Hit
from models.decoding.decoder import Decoder
from models.features.layout import F_GROUP, ROW_SHIFT
from models.features.placing import place_answers
from models.features.shard import WindowsShard
from models.holding import Holding, Passed
from models.merging import Turns
from models.ordering import in_order
from models.places import offset_of
from models.planning.blueprint import Deployment, draw
from models.records import RawBlock
from models.rounds import FOREVER, Round
from models.scattering import Scatterer
from tests.models.streams import START_MS, batch_of

PACK = """
pack: small
on: [payment]
features:
  payments_1m: {count: "*", by: account, over: 1m}
  paid_1m: {sum: amount_base, by: account, over: 1m}
  received_1m: {sum: amount_base, by: counterparty, of: account, over: 1m}
  before: {last: counterparty, by: account, exclude_current: true}
rules:
  - id: MANY
    name: {en: Many, zh: 多}
    when: payments_1m >= 2 OR paid_1m > 100 OR received_1m > 100 OR before = 'x'
    subject: account
    severity: low
    because: {en: "{payments_1m}", zh: "{payments_1m}"}
"""
SHARDS = 2


@pytest.fixture(scope="module")
def blueprint(tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "small.yaml"
    path.write_text(PACK)
    return draw([load_pack(str(path))], Deployment(shards=SHARDS))


@pytest.fixture(scope="module")
def payments(blueprint):
    decoder = Decoder(blueprint.schema)

    def batch(partition, rows):
        lines = [
            b'{"event_id":"%d-%d","event_time":%d,"kind":"payment","account":"a%d",'
            b'"counterparty":"a%d","amount":%d,"currency":"CNY"}\n'
            % (partition, offset, START_MS + time, who, whom, amount)
            for offset, (time, who, whom, amount) in enumerate(rows)
        ]
        found, dead = decoder.decode(RawBlock(partition, b"".join(lines), 0, START_MS + 1_000_000))
        assert not dead
        return found

    return batch


rows = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 3), st.integers(0, 3), st.integers(1, 90)),
    max_size=20,
)


def answered(blueprint, releases, chance, together):
    """(partition, offset) → features, and the evidence, when all homes' releases are answered."""
    scatterer = Scatterer(blueprint)
    windows = [WindowsShard(shard, blueprint.spaces) for shard in range(SHARDS)]
    turns = [Turns() for _ in range(SHARDS)]
    scattered = {}
    for home, sequence, release in releases:
        scattered[home, sequence] = scatterer.scatter(home, sequence, release)
    messages = [message for one in scattered.values() for message in one.messages.values()]
    if together:
        chance.shuffle(messages)
        # but for the order of one home, which the engine keeps
        messages.sort(key=lambda m: m.sequence)
    answers, evidence = [], {}
    for message in messages:
        for group in turns[message.shard].add(message, message.home, message.turn):
            answers += windows[message.shard].answer_together(group)
    assert not any(map(len, turns))
    assert len(answers) == sum(one.asked for one in scattered.values())
    features = {
        key: np.full((len(blueprint.columns), len(one.batch)), np.nan)
        for key, one in scattered.items()
        if one.batch is not None
    }
    for answer in answers:
        key = answer.home, answer.sequence
        for number, space in answer.spaces.items():
            blue = blueprint.spaces[number]
            width = features[key].shape[1]
            place_answers(
                space.words, space.values, blue.plan.features[:, F_GROUP].copy(),
                blue.first_column, features[key], space.truncated, np.zeros(width, np.bool_),
            )  # fmt: skip
            for item in space.evidence:
                word = int(space.words[item[0]])
                row = word >> ROW_SHIFT
                place = int(scattered[key].batch.places[row])
                known = evidence.setdefault((place, number, int(item[1])), [])
                known.append(item[2 : 3 + int(item[2])].tolist())
    values = {
        int(place): features[key][:, row].view(np.int64).tolist()
        for key, one in scattered.items()
        if one.batch is not None
        for row, place in enumerate(one.batch.places)
    }
    return values, evidence


@given(data=st.data(), seed=st.integers(0, 1 << 32), cut=st.integers(0, 20))
def test_parts_answered_together_are_answered_as_one(blueprint, payments, data, seed, cut):
    streams = [data.draw(rows) for _ in range(data.draw(st.integers(2, 4)))]
    batches = [payments(number, stream) for number, stream in enumerate(streams)]
    homes, parts = len(streams), []
    for home, batch in enumerate(batches):
        hold = Holding(home, "event_time")
        for rows_ in (np.arange(min(cut, len(batch))), np.arange(min(cut, len(batch)), len(batch))):
            part = batch.take(rows_)
            hold.add(Passed(home, part, len(batch), batch.places[:0]))
        now = Round(0, tuple(range(homes)), homes, FOREVER, FOREVER, START_MS + 50)
        parts += [(home, at, release) for at, release in enumerate(hold.turn(now))]

    found, evidence = answered(blueprint, parts, random.Random(seed), together=True)

    one = Holding(0, "event_time")
    for number, batch in enumerate(batches):
        one.add(Passed(number, batch, len(batch), batch.places[:0]))
    whole = one.turn(Round(0, (0,), homes, FOREVER, FOREVER, START_MS + 50))
    alone = [(0, at, release) for at, release in enumerate(whole)]
    expected, expected_evidence = answered(blueprint, alone, random.Random(0), together=False)
    assert found == expected
    assert evidence == expected_evidence


@given(st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=4))
def test_batches_in_order_are_one_order(streams):
    batches = [
        batch_of(number, 0, [(time, f"{number}-{at}", "login") for at, time in enumerate(times)])
        for number, times in enumerate(streams)
    ]

    out = [
        (int(time), batch.text("event_id", row), offset_of(int(batch.places[row])))
        for batch in in_order(batches)
        for row, time in enumerate(batch.times)
    ]

    assert out == sorted(out)
    assert len(out) == sum(map(len, streams))


def hit(home, order_ms, event_id, kind="payment"):
    details = Details(lambda: ({}, {}))
    return Hit("p", "", "account", f"a{home}", kind, event_id, order_ms, False, (), details,
               {}, order_ms)  # fmt: skip


in_homes = st.lists(st.lists(st.integers(0, 5), max_size=6), min_size=1, max_size=4)


@given(in_homes)
def test_hits_of_several_homes_are_in_the_order_of_their_events(homes):
    parts = [
        [
            hit(home, time, f"{home}-{at}", "label" if at % 3 == 1 else "payment")
            for at, time in enumerate(sorted(times))
        ]
        for home, times in enumerate(homes)
    ]
    parts = [sorted(part, key=lambda one: (one.order_ms, one.kind != "label")) for part in parts]

    found = [
        (one.order_ms, one.kind != "label", one.event_id) for one in merged(parts, by_time=True)
    ]

    assert found == sorted(found)
    assert len(found) == sum(map(len, homes))


@given(in_homes)
def test_hits_of_one_clock_keep_the_order_of_their_homes_in_arrival(homes):
    # ids fall, so that an order by them would show
    parts = [
        [hit(home, time, f"{9 - home}-{9 - at}") for at, time in enumerate(sorted(times))]
        for home, times in enumerate(homes)
    ]

    found = [
        (one.order_ms, *(9 - int(n) for n in one.event_id.split("-")))
        for one in merged(parts, by_time=False)
    ]

    assert found == sorted(found)
    assert len(found) == sum(map(len, homes))


def test_hits_of_one_partition_keep_their_order_in_arrival():
    own = [hit(0, 50, "tx-9"), hit(0, 50, "tx-10")]

    assert merged([own, [hit(1, 60, "tx-11")]], by_time=False)[:2] == own
