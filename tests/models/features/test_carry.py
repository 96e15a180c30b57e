"""Stored events enter the windows of another plan as if that had always been the plan."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from models.expressions.tree import Node
from models.features.carry import FROM_TIME, FROM_TIME_AS_KEY, Translation, carry
from models.features.layout import CUT, KEY, ROWS_USED
from models.features.plan import Feature, Space
from models.features.state import SpaceState
from models.planning.spaces import NULLS
from models.reference.windows import Visit
from tests.models.features import streams
from tests.models.features.building import (
    AMOUNT,
    CASH,
    EVENT_TIME,
    FOREVER,
    Twins,
    encode,
    feature,
    with_event_time,
)

START = streams.START


def translation(old: Space, new: Space) -> Translation:
    values: list[int | None] = []
    for value in new.values:
        if value in old.values:
            values.append(old.values.index(value))
        elif value.node == EVENT_TIME:
            values.append(FROM_TIME_AS_KEY if value.as_key else FROM_TIME)
        else:
            values.append(None)
    bits = [old.filters.index(node) if node in old.filters else None for node in new.filters]
    return Translation(values, [NULLS.get(value.holds, 0) for value in new.values], bits)


def as_the_old_plan_saw(visit: Visit, old: Space, new: Space) -> Visit:
    """Without what only the new plan asks of an event; the same event may be asked in two ways."""
    known = {value.node for value in old.values}
    wanted = {value.node for value in new.values}
    values = {n: v for n, v in visit.values.items() if n in known or n not in wanted}
    true: set[Node] = {n for n in visit.true if n in old.filters or n not in new.filters}
    return Visit(
        visit.key, visit.at_ms, visit.reference, visit.updates, visit.reads, values,
        frozenset(true),
    )  # fmt: skip


def asks_alike(old: Space, new: Space) -> bool:
    """Whether a value that both know is kept in the same form by both."""
    forms: dict[Node, set[bool]] = {}
    for value in old.values:
        forms.setdefault(value.node, set()).add(value.as_key)
    return all(
        value.node == EVENT_TIME or value.node not in forms or value.as_key in forms[value.node]
        for value in new.values
    )


@given(st.data())
@streams.examples(150)
def test_answers_are_those_of_a_plan_that_was_there_from_the_start(data):
    cap = st.just(4096)
    everything = feature("count", over=FOREVER, name="everything", lateness=10)
    drawn = data.draw(streams.features(streams.MILLISECONDS, cap))
    before = [everything, *(_with_lateness(f) for f in drawn)]
    after = [_with_lateness(f) for f in data.draw(streams.features(streams.MILLISECONDS, cap))]
    old, new = Twins(before), Twins(after)
    if not asks_alike(old.space, new.space):
        return
    stream = data.draw(streams.visits(after, streams.MILLISECONDS))
    half = data.draw(st.integers(0, len(stream)))
    first = [_reading(visit, old) for visit in stream[:half]]
    old.state.run(encode(old.space, first))
    for visit in stream[:half]:
        seen = as_the_old_plan_saw(visit, old.space, new.space)
        new.reference.visit(with_event_time(seen))
        new.newest = max(new.newest, visit.at_ms)
        new._note(visit)

    carry(old.state, new.state, translation(old.space, new.space))

    new.read(stream[half:])


def _with_lateness(item: Feature) -> Feature:
    return replace(item, lateness_ms=10)


def _reading(visit: Visit, twins: Twins) -> Visit:
    reads = frozenset(twins.space.groups)
    return Visit(
        visit.key, visit.at_ms, visit.reference, visit.updates, reads, visit.values, visit.true
    )


def test_an_entity_that_lost_events_to_the_cap_still_says_so():
    old = Twins([feature("count", over=FOREVER, cap=4)])
    visits = [Visit(9, START + i, i, reads=frozenset(old.space.groups)) for i in range(10)]
    old.state.run(encode(old.space, visits))
    new = Twins([feature("sum", AMOUNT, over=FOREVER, cap=8)])

    carry(old.state, new.state, translation(old.space, new.space))

    asked = Visit(9, START + 20, updates=False, reads=frozenset(new.space.groups))
    assert new.state.run(encode(new.space, [asked])).truncated.tolist() == [True]
    assert new.state.store.rows[0, CUT] == START + 5


def test_many_entities_are_carried_in_several_goes(monkeypatch):
    monkeypatch.setattr("models.features.carry.EVENTS_AT_ONCE", 7)
    twins = Twins([feature("count", over=FOREVER, where=CASH)])
    visits = [
        Visit(key, START + step, 10 * key + step, true=frozenset([CASH]))
        for step in range(3)
        for key in range(1, 40)
    ]
    twins.state.run(encode(twins.space, visits))
    again = SpaceState(twins.plan, twins.before, "account")

    carry(twins.state, again, translation(twins.space, twins.space))

    used = int(again.store.counters[ROWS_USED])
    assert sorted(again.store.rows[:used, KEY].tolist()) == list(range(1, 40))
    ask = [
        Visit(key, START + 9, updates=False, reads=frozenset(twins.space.groups))
        for key in range(1, 40)
    ]
    assert again.run(encode(twins.space, ask)).values[:, 0].tolist() == [3.0] * 39


def test_nothing_is_carried_from_an_empty_space():
    old, new = Twins([feature("count")]), Twins([feature("sum", AMOUNT)])

    carry(old.state, new.state, translation(old.space, new.space))

    assert new.state.entities == 0
