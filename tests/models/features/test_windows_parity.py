"""The kernels against the twin that recomputes every window from the whole list of events."""

from hypothesis import given
from hypothesis import strategies as st

from tests.models.features import streams
from tests.models.features.building import Twins

ROOMY = st.just(4096)
TIGHT = st.integers(4, 20)


@given(st.data())
@streams.examples(200)
def test_every_feature_equals_its_definition(data):
    features = data.draw(streams.features(streams.MILLISECONDS, ROOMY))
    Twins(features).read(data.draw(streams.visits(features, streams.MILLISECONDS)))


@given(st.data())
@streams.examples(100)
def test_features_of_a_long_life_equal_their_definition(data):
    features = data.draw(streams.features(streams.MILLISECONDS, ROOMY))
    stream = streams.visits(
        features, streams.MILLISECONDS, entities=1, most=150, reads_everything=True
    )
    Twins(features).read(data.draw(stream))


@given(st.data())
@streams.examples(120)
def test_the_event_cap_takes_the_oldest_from_every_window(data):
    features = data.draw(streams.features(streams.MILLISECONDS, TIGHT))
    stream = streams.visits(features, streams.MILLISECONDS, entities=2, most=100)
    Twins(features).read(data.draw(stream))


@given(st.data())
@streams.examples(100)
def test_events_later_than_allowed_still_find_their_place(data):
    # where a feature needs the last event, an event behind the allowed lateness may come too
    # late for it; such events never update in production
    sums = tuple(name for name in streams.AGGREGATES if name not in streams.LASTS)
    features = data.draw(streams.features(streams.MILLISECONDS, TIGHT, aggregates=sums))
    stream = streams.visits(features, streams.MILLISECONDS, entities=2, late_updates=True)
    Twins(features).read(data.draw(stream))


@given(st.data())
@streams.examples(120)
def test_calendar_windows_equal_their_definition(data):
    features = data.draw(streams.features(streams.CALENDAR, ROOMY))
    eve = data.draw(st.sampled_from(streams.EVES))
    Twins(features).read(data.draw(streams.visits(features, streams.CALENDAR, start=eve)))


@given(st.data())
@streams.examples(100)
def test_a_huge_value_that_came_and_went_leaves_nothing_behind(data):
    features = data.draw(
        streams.features(streams.MILLISECONDS, ROOMY, aggregates=("sum", "mean", "std", "max"))
    )
    stream = streams.visits(features, streams.MILLISECONDS, entities=1, prices=streams.HUGE_PRICES)
    Twins(features).read(data.draw(stream))
