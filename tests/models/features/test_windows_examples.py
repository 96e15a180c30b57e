"""What the aggregates and windows mean, one small story each."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from models.expressions.tree import Node
from models.feature_specs import Over
from models.features.plan import Feature, Group
from models.reference.windows import Visit
from tests.models.features.building import (
    AMOUNT,
    CASH,
    DEVICE,
    FRAUD,
    OTHER,
    OWN,
    PRICE,
    Twins,
    encode,
    evidence_by_entry,
    feature,
)

MINUTE = 60_000
HOUR = 60 * MINUTE
NOON = int(datetime(2024, 7, 1, 12, tzinfo=UTC).timestamp()) * 1000
NAN = pytest.approx(math.nan, nan_ok=True)


def history(item: Feature, *events: tuple[int, dict[Node, float] | None]) -> list[float]:
    """Read a feature at each event of one account: (ms after noon, values; None only reads)."""
    twins = Twins([item])
    reads = frozenset(twins.space.groups)
    answers = twins.read(
        [
            Visit(7, NOON + at_ms, number, values is not None, reads, values or {})
            for number, (at_ms, values) in enumerate(events)
        ]
    )
    return [answer[item.name] for answer in answers]


def test_a_window_holds_the_present_and_not_its_own_length_ago():
    count = feature("count", over=MINUTE)
    assert history(count, (0, {}), (MINUTE - 1, {}), (MINUTE, {}), (2 * MINUTE - 1, {})) == [
        1,
        2,
        2,
        2,
    ]


def test_money_is_summed_exactly_and_read_in_major_units():
    total = feature("sum", AMOUNT, over=HOUR)
    events = [(number, {AMOUNT: 1_000}) for number in range(10)]  # ten times 0.1
    assert history(total, *events)[-1] == 1.0


def test_a_huge_number_that_has_left_leaves_no_trace():
    total = feature("sum", PRICE, over=MINUTE)
    events = [(0, {PRICE: 1e15}), (1, {PRICE: 0.1}), (MINUTE, {PRICE: 0.2}), (MINUTE + 1, None)]
    assert history(total, *events)[2:] == [pytest.approx(0.3, abs=1e-15), 0.2]


def test_empty_windows_are_zero_for_sums_and_null_for_the_rest():
    quiet = ((0, {AMOUNT: 1, PRICE: 1.0, DEVICE: 1}), (2 * HOUR, None))
    for aggregate, value in (("count", None), ("sum", AMOUNT), ("distinct", DEVICE)):
        assert history(feature(aggregate, value), *quiet)[-1] == 0
    for aggregate in ("mean", "std", "max", "min", "last", "previous"):
        assert history(feature(aggregate, PRICE), *quiet)[-1] == NAN
    assert history(feature("since"), *quiet)[-1] == NAN
    assert history(feature("share", condition=CASH), *quiet)[-1] == NAN


def test_null_inputs_are_skipped():
    events = ((0, {PRICE: 3.0}), (1, {}), (2, {PRICE: 5.0}))
    assert history(feature("mean", PRICE), *events)[-1] == 4
    assert history(feature("last", PRICE), *events)[1] == 3
    assert history(feature("count"), *events)[-1] == 3


def test_a_deviation_needs_two_values_and_divides_by_one_less():
    assert history(feature("std", AMOUNT), (0, {AMOUNT: 10_000}), (1, {AMOUNT: 30_000})) == [
        NAN,
        pytest.approx(math.sqrt(2), rel=1e-15),
    ]


def test_a_delayed_window_does_not_see_the_latest_events():
    count = feature("count", over=MINUTE, delay=MINUTE)
    events = ((0, {}), (MINUTE - 1, {}), (MINUTE, {}), (2 * MINUTE - 1, None), (2 * MINUTE, None))
    assert history(count, *events) == [0, 0, 1, 2, 2]


def test_what_excludes_the_event_sees_those_that_came_before_it():
    before = feature("last", AMOUNT, exclude_current=True, over=Over())
    events = ((0, {AMOUNT: 10_000}), (0, {AMOUNT: 20_000}), (5, {AMOUNT: 30_000}), (5, None))
    assert history(before, *events) == [NAN, 1, 2, 3]


def test_a_history_that_is_too_short_is_null():
    longest = feature("max", AMOUNT, min_history=2, over=HOUR)
    assert history(longest, (0, {AMOUNT: 10_000}), (1, {}), (HOUR, {})) == [NAN, 1, NAN]


def test_the_last_value_knows_how_long_its_history_is():
    # once only the last event was kept, and the history with it
    last = feature("last", AMOUNT, min_history=4, over=Over())
    events = [(number, {AMOUNT: 10_000 * number}) for number in range(20)]
    assert history(last, *events) == [NAN, NAN, NAN, *range(3, 20)]


def test_an_event_of_the_past_sees_only_the_past():
    count = feature("count", over=HOUR, lateness=MINUTE)
    assert history(count, (0, {}), (MINUTE, {}), (10, {}), (11, None), (MINUTE, None)) == [
        1,
        2,
        2,
        2,
        3,
    ]


def test_seconds_since_the_last_matching_event():
    twins = Twins([feature("since", where=CASH, over=Over(), delay=1)])
    reads = frozenset(twins.space.groups)
    cash = Visit(7, NOON, reads=reads, true=frozenset([CASH]))
    answers = twins.read(
        [cash, Visit(7, NOON + 1, reads=reads), Visit(7, NOON + 2500, reads=reads)]
    )
    assert [answer["test.since"] for answer in answers] == [NAN, 0.001, 2.5]


def test_the_cap_pushes_the_oldest_out_and_says_so():
    twins = Twins([feature("count", over=HOUR, cap=4)])
    reads = frozenset(twins.space.groups)
    entries = encode(twins.space, [Visit(7, NOON + 10 * i, reads=reads) for i in range(6)])
    found = twins.state.run(entries)
    assert found.values[:, 0].tolist() == [1, 2, 3, 4, 4, 4]
    assert found.truncated.tolist() == [False] * 4 + [True] * 2


def test_what_was_cut_matters_as_long_as_a_window_would_hold_it():
    twins = Twins([feature("count", over=MINUTE, cap=4)])
    reads = frozenset(twins.space.groups)
    stream = [Visit(7, NOON + i, reads=reads) for i in range(5)]  # the fifth pushes the first out
    stream += [Visit(7, NOON + MINUTE + i, updates=False, reads=reads) for i in (-1, 0)]
    assert twins.state.run(encode(twins.space, stream)).truncated.tolist()[4:] == [
        True,
        True,
        False,
    ]


def test_of_equal_times_the_cap_takes_what_came_first():
    first = feature("sum", AMOUNT, over=HOUR, cap=4, lateness=HOUR)
    events = [(at_ms, {AMOUNT: 10_000 * 2**i}) for i, at_ms in enumerate((0, 1, 2, 3, 0))]
    # the fifth is as old as the first, came later, and stays
    assert history(first, *events, (3, None))[-1] == 2 + 4 + 8 + 16
    events[4] = (-1, events[4][1])
    assert history(first, *events, (3, None))[-1] == 1 + 2 + 4 + 8


def test_another_key_is_read_and_not_updated():
    received = feature("sum", AMOUNT, of=OTHER, over=HOUR)
    spent = feature("sum", AMOUNT, over=HOUR, name="spent")
    twins = Twins([received, spent])
    of_other, of_own = (
        frozenset([Group(OTHER, before=False)]),
        frozenset([Group(OWN, before=False)]),
    )
    paid = {AMOUNT: 50_000}
    twins.read([Visit(1, NOON, reads=of_own, values=paid)])
    answers = twins.read(
        [
            Visit(2, NOON + 1, reads=of_own, values=paid),
            Visit(1, NOON + 1, updates=False, reads=of_other),
            Visit(3, NOON + 1, updates=False, reads=of_other),
        ]
    )
    assert [answer["test.sum"] for answer in answers] == [NAN, 5, 0]
    assert [answer["test.spent"] for answer in answers] == [5, NAN, NAN]
    assert twins.state.entities == 2


def test_evidence_names_the_newest_fifty_that_count():
    twins = Twins([feature("sum", PRICE, where=CASH, over=HOUR, bound=1.0)])
    reads = frozenset(twins.space.groups)
    stream = [
        Visit(
            key=7,
            at_ms=NOON + number,
            reference=number,
            reads=reads,
            values={PRICE: 1.0} if number % 3 else {},
            true=frozenset([CASH] if number % 2 else []),
        )
        for number in range(400)
    ]
    evidence = evidence_by_entry(twins.state.run(encode(twins.space, stream)))
    assert (0, 0) not in evidence  # 0 is below the bound
    counting = [number for number in range(399, -1, -1) if number % 2 and number % 3]
    assert evidence[399, 0] == counting[:50]


def test_the_evidence_of_the_last_value_is_one_event():
    twins = Twins([feature("since", over=Over(), bound=1.0)])
    reads = frozenset(twins.space.groups)
    stream = [Visit(7, NOON + number, number, reads=reads) for number in range(6)]
    stream.append(Visit(7, NOON + 2000, 99, updates=False, reads=reads))
    assert evidence_by_entry(twins.state.run(encode(twins.space, stream))) == {(6, 0): [5]}


def test_a_text_is_read_as_its_hash():
    twins = Twins([feature("last", DEVICE)])
    visit = Visit(7, NOON, reads=frozenset(twins.space.groups), values={DEVICE: -5})
    found = twins.state.run(encode(twins.space, [visit]))
    assert found.values.view(np.int64).tolist() == [[-5]]


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Asia/Shanghai", "2024-07-01T16:00"),
        ("America/New_York", "2024-03-10T05:00"),  # the day of 23 hours begins
        ("America/New_York", "2024-03-11T04:00"),  # and ends
        ("America/New_York", "2024-11-03T04:00"),  # the day of 25 hours begins
        ("America/New_York", "2024-11-04T05:00"),  # and ends
        ("America/Sao_Paulo", "2018-11-04T03:00"),  # a day without midnight
    ],
)
def test_a_day_begins_at_local_midnight(zone, midnight):
    at_ms = int(datetime.fromisoformat(midnight).replace(tzinfo=UTC).timestamp()) * 1000 - NOON
    today = feature("count", over=Over(period="day", zone=zone))
    assert history(today, (at_ms - 1, {}), (at_ms, {}), (at_ms + 1, {})) == [1, 1, 2]


def test_the_parts_of_a_share_and_its_condition():
    twins = Twins([feature("share", where=CASH, condition=FRAUD)])
    reads = frozenset(twins.space.groups)
    flags = [{CASH, FRAUD}, {CASH}, {FRAUD}, {CASH}]
    stream = [Visit(7, NOON + i, reads=reads, true=frozenset(f)) for i, f in enumerate(flags)]
    assert [a["test.share"] for a in twins.read(stream)] == [1, 0.5, 0.5, pytest.approx(1 / 3)]
