"""Features that look through their window, and windows that begin with an event of their own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Place
from models.expressions.tree import Name, Source
from models.feature_specs import Over, TermSpec
from models.features.plan import Feature
from models.reference.windows import Visit
from tests.models.features import streams
from tests.models.features.building import (
    AMOUNT,
    CASH,
    DEVICE,
    FRAUD,
    OPENED,
    OTHER,
    OWN,
    PRICE,
    Twins,
    feature,
)

START = streams.START
PLACE = Place("pack.yaml", 1)
LAT, LON = Name("lat", Source.NUMBER), Name("lon", Source.NUMBER)
TERMS = (
    ((DEVICE,), "same", 0.0),
    ((DEVICE,), "differs", 0.0),
    ((AMOUNT,), "same", 0.0),
    ((AMOUNT,), "differs", 0.0),
    ((AMOUNT,), "within_share", 0.5),
    ((AMOUNT,), "within", 1.0),
    ((PRICE,), "within_share", 0.1),
    ((PRICE,), "within", 0.1),
    ((OPENED,), "within", 1.0),
)


def match(*terms, name="match", **options) -> Feature:
    """A match of (columns, relation, tolerance)."""
    plain = feature("match", name=name, exclude_current=True, **options)
    specs = tuple(
        TermSpec(tuple(n.name for n in nodes), relation, tolerance, PLACE)
        for nodes, relation, tolerance in terms
    )
    spec = replace(plain.spec, terms=specs)
    return replace(plain, spec=spec, terms=tuple(nodes for nodes, _r, _t in terms))


def top_share(value, weight=None, *, largest=2, name="top_share", **options) -> Feature:
    plain = feature("top_share", value, name=name, **options)
    return replace(plain, spec=replace(plain.spec, largest=largest), weight=weight)


def ewm(value, half_life=10, *, name="ewm", **options) -> Feature:
    plain = feature("ewm", value, name=name, **options)
    return replace(plain, spec=replace(plain.spec, half_life_ms=half_life))


def beginning(plain: Feature, over: Over) -> Feature:
    """The same feature over a window that begins with one of its own events."""
    start = {"cash": CASH, "is_fraud": FRAUD}.get(over.since)
    return replace(plain, spec=replace(plain.spec, over=over), start=start)


OPTIONS = st.fixed_dictionaries(
    {
        "over": st.sampled_from((1, 7, 20, 100)),
        "where": st.sampled_from((None, None, CASH)),
        "of": st.sampled_from((OWN, OWN, OTHER)),
        "delay": st.sampled_from((0, 0, 5)),
        "min_history": st.sampled_from((0, 0, 2)),
    }
)
BEGINNINGS = st.sampled_from(
    (
        Over(span_ms=100, gap_ms=1), Over(span_ms=100, gap_ms=7), Over(span_ms=20, gap_ms=20),
        Over(span_ms=100, since="cash"), Over(span_ms=20, since="is_fraud"),
    )
)  # fmt: skip


@st.composite
def looking(draw, cap: int = 4096) -> list[Feature]:
    lateness, found = draw(st.sampled_from((0, 10))), []
    for number in range(draw(st.integers(1, 3))):
        shared = {"lateness": lateness, "cap": cap, "name": f"f{number}", **draw(OPTIONS)}
        kind = draw(st.sampled_from(("match", "match", "top_share", "ewm")))
        # where a value is rounded, which side of 1.0 it falls on would be chance
        shared["bound"] = draw(
            st.sampled_from((None, 0.0, 1.0) if kind == "match" else (None, 0.0))
        )
        if kind == "match":
            terms = draw(st.lists(st.sampled_from(TERMS), min_size=1, max_size=2))
            found.append(match(*terms, **shared))
            continue
        shared["exclude_current"] = draw(st.booleans())
        if kind == "ewm":
            value = draw(st.sampled_from((AMOUNT, PRICE)))
            found.append(ewm(value, draw(st.sampled_from((1, 10, 1000))), **shared))
            continue
        weight = draw(st.sampled_from((None, AMOUNT, PRICE)))
        value = draw(st.sampled_from((DEVICE, AMOUNT)))
        found.append(top_share(value, weight, largest=draw(st.integers(1, 3)), **shared))
    return found


@given(st.data())
@streams.examples(80)
def test_what_looks_through_its_window_equals_its_definition(data):
    features = data.draw(looking())
    Twins(features).read(data.draw(streams.visits(features, streams.MILLISECONDS, entities=2)))


@given(st.data())
@streams.examples(32)
def test_the_event_cap_holds_for_what_looks_through(data):
    features = data.draw(looking(cap=6))
    stream = streams.visits(features, streams.MILLISECONDS, entities=1, most=80)
    Twins(features).read(data.draw(stream))


@st.composite
def self_beginning(draw, cap: int) -> list[Feature]:
    plain = draw(streams.features(streams.MILLISECONDS, st.just(cap), most=4))
    found = []
    for item in plain:
        spec = replace(item.spec, delay_ms=0, over=Over(span_ms=20))
        item = replace(item, spec=spec)  # noqa: PLW2901
        found.append(beginning(item, draw(BEGINNINGS)) if draw(st.booleans()) else item)
    return found


@given(st.data())
@streams.examples(120)
def test_sessions_and_windows_since_an_event_equal_their_definition(data):
    features = data.draw(self_beginning(4096))
    Twins(features).read(data.draw(streams.visits(features, streams.MILLISECONDS, entities=2)))


@given(st.data())
@streams.examples(48)
def test_the_event_cap_holds_for_windows_that_begin_themselves(data):
    features = data.draw(self_beginning(6))
    stream = streams.visits(features, streams.MILLISECONDS, entities=1, most=80)
    Twins(features).read(data.draw(stream))


@given(st.data())
@streams.examples(60)
def test_a_calendar_that_takes_late_events_reads_to_the_end_of_its_period(data):
    sums = tuple(name for name in streams.AGGREGATES if name not in streams.LASTS)
    plain = data.draw(streams.features(streams.CALENDAR, st.just(4096), aggregates=sums))
    week = 7 * streams.DAY
    features = [replace(f, spec=replace(f.spec, late=True), lateness_ms=week) for f in plain]
    eve = data.draw(st.sampled_from(streams.EVES))
    Twins(features).read(data.draw(streams.visits(features, streams.CALENDAR, start=eve)))


def read(item: Feature, *events) -> list[float]:
    """Values of a feature on (ms since the start, values, conditions)."""
    twins = Twins([item])
    reads = frozenset(twins.space.groups)
    stream = [
        Visit(7, START + at, number, reads=reads, values=values, true=frozenset(true))
        for number, (at, values, *true) in enumerate(events)
    ]
    return [answer[item.name] for answer in twins.read(stream)]


def test_a_match_never_counts_the_event_itself():
    similar = match(((AMOUNT,), "within_share", 0.1), over=100)
    events = [(0, {AMOUNT: 1_000_000}), (1, {AMOUNT: 1_110_000}), (2, {AMOUNT: 1_000_000})]
    # ten per cent of the current event: 100 is within 11.1 of 111, 111 is not within 10 of 100
    assert read(similar, *events) == [0, 1, 1]
    assert read(similar, (0, {AMOUNT: None}), (1, {AMOUNT: None})) == [0, 0]


@pytest.mark.parametrize(("relation", "found"), [("near_km", [0, 1, 1]), ("beyond_km", [0, 0, 1])])
def test_a_match_of_positions(relation, found):
    near = match(((LAT, LON), relation, 5.0), over=100)
    places = [(31.23, 121.47), (31.24, 121.48), (31.30, 121.47)]
    events = [(at, {LAT: lat, LON: lon}) for at, (lat, lon) in enumerate(places)]
    events[2] = (2, {LAT: 31.28, LON: 121.48})  # 5.6 km from the first, 4.4 km from the second
    assert read(near, *events) == found


def test_a_top_share_is_of_the_largest_values():
    share = top_share(DEVICE, AMOUNT, largest=1, over=100)
    events = [
        (0, {DEVICE: 1, AMOUNT: 30}),
        (1, {DEVICE: 2, AMOUNT: 60}),
        (2, {DEVICE: 1, AMOUNT: 40}),
    ]
    assert read(share, *events) == [1.0, 60 / 90, 70 / 130]


def test_a_session_ends_with_its_gap():
    counted = beginning(feature("count"), Over(span_ms=1000, gap_ms=10))
    assert read(counted, (0, {}), (9, {}), (18, {}), (28, {}), (37, {})) == [1, 2, 3, 1, 2]


def test_a_window_since_an_event_contains_it():
    counted = beginning(feature("count"), Over(span_ms=1000, since="cash"))
    assert read(counted, (0, {}), (1, {}), (2, {}, CASH), (3, {}), (4, {}, CASH)) == [1, 2, 1, 2, 1]
