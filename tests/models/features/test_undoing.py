"""Events that take others back, against the definition: a list without them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.plan import EVENT_ID
from models.reference.windows import Visit
from tests.models.features import streams
from tests.models.features.building import AMOUNT, DEVICE, FRAUD, Twins, feature
from tests.models.features.test_looking import BEGINNINGS, beginning, looking

IDS = st.integers(1, 12)


@st.composite
def undone(draw, given_features, **options):
    """A stream whose events have ids, some alike, and others that take some of them back."""
    found = []
    for visit in draw(streams.visits(given_features, streams.MILLISECONDS, **options)):
        found.append(replace(visit, values={**visit.values, EVENT_ID.node: draw(IDS)}))
        if draw(st.integers(0, 3)) == 0:
            found.append(replace(visit, reads=frozenset(), updates=False, undoes=draw(IDS)))
    return found


def undoable(features):
    return [replace(one, undo=FRAUD) for one in features]


@given(st.data())
@streams.examples(80)
def test_what_is_taken_back_had_never_been(data):
    features = undoable(data.draw(streams.features(streams.MILLISECONDS, st.just(4096))))
    Twins(features).read(data.draw(undone(features, entities=2)))


@given(st.data())
@streams.examples(32)
def test_it_holds_for_every_kind_of_window(data):
    features = undoable(data.draw(looking()))
    features += undoable(
        beginning(feature("distinct", DEVICE, lateness=features[0].lateness_ms, name=f"s{n}"), over)
        for n, over in enumerate(data.draw(st.lists(BEGINNINGS, max_size=2)))
    )
    Twins(features).read(data.draw(undone(features, entities=1)))


@given(st.data())
@streams.examples(25)
def test_it_holds_in_blocks_with_an_index(data):
    (counted,) = undoable([feature("distinct", DEVICE, over=10_000_000)])
    stream = data.draw(undone([counted], entities=1, most=220, reads_everything=True))
    Twins([counted]).read(stream)


@given(st.data())
@streams.examples(25)
def test_the_event_cap_may_have_taken_it_already(data):
    features = undoable(data.draw(streams.features(streams.MILLISECONDS, st.just(6))))
    twins = Twins(features)
    for visit in data.draw(undone(features, entities=1)):
        twins.read([visit])


def read(item, *events):
    twins = Twins([replace(item, undo=FRAUD)])
    reads, found = frozenset(twins.space.groups), []
    for number, (at, event_id, amount, undoes) in enumerate(events):
        values = {AMOUNT: amount, EVENT_ID.node: event_id}
        visit = Visit(7, streams.START + at, number, reads=reads, values=values)
        if undoes:
            twins.read([replace(visit, undoes=undoes, reads=frozenset(), updates=False)])
        found.append(twins.read([visit])[0][item.name])
    return found


@pytest.mark.parametrize(
    ("aggregate", "wanted"),
    [("sum", [1.0, 3.0, 5.0]), ("max", [1.0, 2.0, 4.0]), ("count", [1, 2, 2])],
)
def test_a_reversal_takes_its_own_event_only(aggregate, wanted):
    item = feature(aggregate, None if aggregate == "count" else AMOUNT, over=100)
    events = [(0, 1, 10_000, None), (1, 2, 20_000, None), (2, 3, 40_000, 2)]
    assert read(item, *events) == wanted


def test_a_reversal_of_nothing_changes_nothing():
    item = feature("count", over=100)
    assert read(item, (0, 1, 0, None), (1, 2, 0, 9), (2, 3, 0, 9)) == [1, 2, 3]
