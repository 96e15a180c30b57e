"""Cuts into batches, restarts, growth and forgetting: none of them may be seen in an answer."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.layout import (
    ARENA_USED,
    BLOCK_SIZES,
    CAPACITY,
    FORGOTTEN,
    FREE_BLOCKS,
    ROWS_FREE,
    ROWS_USED,
    UPDATES,
)
from models.features.plan import Feature
from models.features.state import SpaceState
from models.reference.windows import Visit
from tests.models.features import streams
from tests.models.features.building import (
    AMOUNT,
    CASH,
    DEVICE,
    EVENT_TIME,
    FRAUD,
    OTHER,
    PRICE,
    Bits,
    Twins,
    encode,
    feature,
)

START = streams.START
SECOND = 1_000


def every_kind(*, cap: int = 4096, lateness: int = 5 * SECOND) -> list[Feature]:
    """List a feature of each kind, none of which lasts forever, so that entities are forgotten."""
    wanted = [
        ("count", None, {"over": 20 * SECOND, "bound": 3.0}),
        ("count", None, {"over": 5 * SECOND, "where": CASH, "exclude_current": True}),
        ("sum", AMOUNT, {"over": 20 * SECOND, "delay": 5 * SECOND}),
        ("sum", PRICE, {"over": 20 * SECOND}),
        ("mean", PRICE, {"over": 60 * SECOND, "where": FRAUD, "min_history": 2}),
        ("std", PRICE, {"over": 20 * SECOND}),
        ("median", AMOUNT, {"over": 20 * SECOND, "delay": 5 * SECOND}),
        ("max", AMOUNT, {"over": 60 * SECOND, "of": OTHER}),
        ("min", PRICE, {"over": 5 * SECOND, "delay": 5 * SECOND}),
        ("distinct", DEVICE, {"over": 60 * SECOND, "bound": 2.0}),
        ("distinct", DEVICE, {"over": 20 * SECOND, "where": CASH}),
        ("distinct", EVENT_TIME, {"over": 20 * SECOND}),
        ("share", None, {"over": 20 * SECOND, "condition": FRAUD}),
        ("last", DEVICE, {"over": 60 * SECOND, "exclude_current": True}),
        ("previous", AMOUNT, {"over": 20 * SECOND, "min_history": 3}),
        ("since", None, {"over": 60 * SECOND, "where": CASH}),
    ]
    return [
        feature(kind, value, cap=cap, lateness=lateness, name=f"{kind}{number}", **options)
        for number, (kind, value, options) in enumerate(wanted)
    ]


def crowd(seed: int, entities: int, visits: int, pause: int = 0) -> list[Visit]:
    """Draw visits of many entities: some burst, most are rare, and half-way all may pause.

    Every second key has the low half of another, every third its high half.
    """
    random = np.random.default_rng(seed)
    reads = [*dict.fromkeys(streams.groups_of(every_kind()))]
    found, now = list[Visit](), START
    while len(found) < visits:
        entity = int(random.integers(entities))
        burst = int(random.integers(1, 40)) if random.random() < 0.05 else 1
        for _ in range(burst):
            now += int(random.choice([0, 1, 30, 400]))
            found.append(
                Visit(
                    key=(1 + entity % 3) << 32 | (entity // 2) << 9 | 5,
                    at_ms=now - int(random.choice([0, 0, 0, 1, 700, 5 * SECOND])),
                    reference=len(found),
                    updates=bool(random.random() < 0.8),
                    reads=frozenset(group for group in reads if random.random() < 0.6),
                    values={
                        AMOUNT: int(random.integers(-5, 1_000_000)),
                        PRICE: float(random.choice([0.1, 0.25, -3.0, 1e6, np.nan])),
                        DEVICE: int(random.integers(0, 4)),
                    },
                    true=frozenset(node for node in (CASH, FRAUD) if random.random() < 0.5),
                )
            )
        if pause and len(found) >= visits // 2:
            now, pause = now + pause, 0
    return [without_nulls(visit) for visit in found]


def without_nulls(visit: Visit) -> Visit:
    """Leave out what stands for NULL."""
    values = {n: v for n, v in visit.values.items() if v == v and (n != DEVICE or v)}  # noqa: PLR0124
    return Visit(
        visit.key, visit.at_ms, visit.reference, visit.updates, visit.reads, values, visit.true
    )


def cut(entries: np.ndarray, places: Sequence[int]) -> list[np.ndarray]:
    """Split entries into batches."""
    return np.split(entries, sorted(set(places)))


def reloaded(state: SpaceState, twins: Twins) -> SpaceState:
    """Save a state, throw it away, and load it into a fresh one."""
    fresh = SpaceState(twins.plan, twins.before, "account")
    saved = state.save()
    state.store.rows[:] = -1
    state.store.arena[:] = -1
    fresh.load(saved)
    return fresh


def test_a_crowd_gets_the_answers_of_the_definition():
    twins = Twins(every_kind())
    twins.read(crowd(seed=1, entities=400, visits=4000))
    counters = twins.state.store.counters
    # otherwise this test would prove nothing about growth, reuse and forgetting
    assert counters[ROWS_USED] > 128
    assert counters[FORGOTTEN] > 100
    assert counters[ARENA_USED] > 4096
    assert np.count_nonzero(counters[FREE_BLOCKS : FREE_BLOCKS + BLOCK_SIZES.shape[0]]) > 3


def test_a_crowd_over_the_cap_gets_the_answers_of_the_definition():
    twins = Twins(every_kind(cap=6))
    stream = crowd(seed=2, entities=40, visits=3000)
    twins.read(stream)
    again = SpaceState(twins.plan, twins.before, "account").run(encode(twins.space, stream))
    assert 100 < np.count_nonzero(again.truncated) < 2900


@pytest.mark.parametrize("pause", [30 * SECOND, 70 * SECOND, 24 * 3600 * SECOND])
def test_forgetting_is_not_seen_after_a_quiet_time(pause):
    twins = Twins(every_kind())
    twins.read(crowd(seed=3, entities=150, visits=2000, pause=pause))
    assert twins.state.store.counters[FORGOTTEN] > 0


@pytest.mark.parametrize("aggregate", ["count", "distinct", "last", "since", "max"])
@pytest.mark.parametrize("delay", [0, 300])
def test_a_late_reader_sees_what_was_there_though_old_events_have_gone(aggregate, delay):
    value = {"distinct": DEVICE, "last": DEVICE, "max": AMOUNT}.get(aggregate)
    span, lateness = 400, 500
    twins = Twins([feature(aggregate, value, over=span, delay=delay, lateness=lateness)])
    reads = frozenset(twins.space.groups)
    for number in range(400):
        now = START + 20 * number
        seen = {AMOUNT: number % 7, DEVICE: 1 + number % 5 if number % 11 else None}
        event = Visit(9, now, number, reads=reads, values=seen)
        edges = (span - 1, span, span + 1, lateness - 1, lateness)
        late = [Visit(9, now - back, updates=False, reads=reads) for back in edges]
        twins.read([event, *late])
    # 400 events came; the window, its delay and the lateness together hold 60
    assert twins.state.store.rows[0, CAPACITY] <= 96


def test_blocks_shrink_when_an_entity_calms_down():
    twins = Twins([feature("count", over=SECOND), feature("distinct", DEVICE, over=SECOND)])
    one = next(iter(twins.space.groups))
    busy = [
        Visit(9, START + i, i, reads=frozenset([one]), values={DEVICE: i + 1}) for i in range(300)
    ]
    calm = [Visit(9, START + 2000 * i, i, reads=frozenset([one])) for i in range(1, 300)]
    twins.read(busy)
    assert twins.state.store.rows[0, CAPACITY] >= 300
    twins.read(calm)
    assert twins.state.store.rows[0, CAPACITY] == BLOCK_SIZES[0]


@given(st.data())
@streams.examples(30)
def test_a_cut_into_batches_is_not_seen(data):
    twins = Twins(every_kind(cap=data.draw(st.sampled_from((8, 4096)))))
    seed = data.draw(st.integers(0, 1 << 30))
    entries = encode(twins.space, crowd(seed, entities=150, visits=600))
    whole = Bits.of([twins.state.run(entries)])
    places = data.draw(st.lists(st.integers(0, entries.shape[0]), max_size=12))
    parts = SpaceState(twins.plan, twins.before, "account")
    assert Bits.of(parts.run(batch) for batch in cut(entries, places)) == whole


@given(st.data())
@streams.examples(30)
def test_a_restart_is_not_seen(data):
    twins = Twins(every_kind(cap=data.draw(st.sampled_from((8, 4096)))))
    seed = data.draw(st.integers(0, 1 << 30))
    stream = crowd(seed, entities=150, visits=600, pause=data.draw(st.sampled_from((0, 10**5))))
    entries = encode(twins.space, stream)
    whole = Bits.of([twins.state.run(entries)])
    state, answers = SpaceState(twins.plan, twins.before, "account"), []
    places = data.draw(st.lists(st.integers(0, entries.shape[0]), min_size=1, max_size=4))
    for batch in cut(entries, places):
        state = reloaded(state, twins)
        answers.append(state.run(batch))
    assert Bits.of(answers) == whole
    assert_same_state(state, twins.state)


@given(st.data())
@streams.examples(60)
def test_neither_cuts_nor_restarts_are_seen_with_any_features(data):
    features = data.draw(streams.features(streams.MILLISECONDS, st.integers(4, 30)))
    stream = data.draw(streams.visits(features, streams.MILLISECONDS, most=100))
    twins = Twins(features)
    entries = encode(twins.space, stream)
    whole = Bits.of([twins.state.run(entries)])
    state = SpaceState(twins.plan, twins.before, "account")
    answers = []
    for batch in cut(entries, data.draw(st.lists(st.integers(0, entries.shape[0]), max_size=5))):
        if data.draw(st.booleans()):
            state = reloaded(state, twins)
        answers.append(state.run(batch))
    assert Bits.of(answers) == whole
    assert_same_state(state, twins.state)


def assert_same_state(one: SpaceState, other: SpaceState) -> None:
    """Compare snapshots, but for words that nobody has written yet."""
    left, right = one.save(), other.save()
    assert left["counters"].tobytes() == right["counters"].tobytes()
    assert left["rows"].tobytes() == right["rows"].tobytes()
    assert left["arena"].tobytes() == right["arena"].tobytes()
    assert one.entities == other.entities


def test_reading_an_unknown_key_creates_nothing():
    twins = Twins(every_kind())
    entries = encode(twins.space, [Visit(key, START, updates=False) for key in range(1, 300)])
    entries[:, 0] |= (1 << 16) - 4  # every group
    assert not np.any(entries[:, 0] & UPDATES)
    twins.state.run(entries)
    assert twins.state.entities == 0
    assert twins.state.store.counters[ROWS_USED] == 0


def test_rows_of_the_forgotten_are_used_again():
    twins = Twins([feature("count", over=SECOND)])
    reads = frozenset(twins.space.groups)
    now = START
    for generation in range(20):
        twins.read(
            [
                Visit(1 + entity + 1000 * generation, now + entity, reads=reads)
                for entity in range(200)
            ]
        )
        now += 10 * SECOND
    counters = twins.state.store.counters
    assert counters[FORGOTTEN] >= 500
    assert counters[ROWS_USED] < 3600
    assert twins.state.entities == counters[ROWS_USED] - free_rows(twins.state)


def free_rows(state: SpaceState) -> int:
    """Walk the list of free rows."""
    found, row = 0, int(state.store.counters[ROWS_FREE]) - 1
    while row >= 0:
        found, row = found + 1, int(state.store.rows[row, 1]) - 1
    return found


@pytest.mark.parametrize("cap", [70, 100, 4096])
def test_distinct_is_right_in_blocks_large_enough_for_an_index(cap):
    twins = Twins(
        [
            feature("distinct", DEVICE, over=3 * SECOND, cap=cap, lateness=50, name="short"),
            feature("distinct", DEVICE, over=30 * SECOND, where=CASH, cap=cap, lateness=50),
            feature(
                "distinct", PRICE, over=10 * SECOND, delay=SECOND, cap=cap, lateness=50, name="p"
            ),
        ]
    )
    random, reads = np.random.default_rng(cap), frozenset(twins.space.groups)
    twins.read(
        [
            Visit(
                key=9,
                at_ms=START + 30 * number - int(random.choice([0, 0, 0, 0, 50])),
                updates=number % 9 != 8,
                reads=reads,
                values={DEVICE: 1 + int(random.geometric(0.02)), PRICE: float(random.integers(99))},
                true=frozenset([CASH] if random.random() < 0.5 else []),
            )
            for number in range(450)
        ]
    )
    assert twins.state.store.rows[0, CAPACITY] >= 64
