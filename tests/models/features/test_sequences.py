"""Sequences against their definition, which looks for every chain of events."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Place
from models.expressions.tree import TRUE
from models.feature_specs import StepSpec
from models.features.plan import Feature
from models.reference.windows import Visit
from tests.models.features import streams
from tests.models.features.building import CASH, FRAUD, OTHER, OWN, Twins, feature

START = streams.START
PLACE = Place("pack.yaml", 1)


def sequence(*steps, name="sequence", **options) -> Feature:
    """A sequence of (condition, times, within ms)."""
    plain = feature("sequence", name=name, **options)
    specs = tuple(StepSpec(str(node), times, within, PLACE) for node, times, within in steps)
    return replace(
        plain,
        spec=replace(plain.spec, steps=specs),
        steps=tuple(node for node, _times, _within in steps),
    )


@st.composite
def sequences(draw) -> list[Feature]:
    lateness, found = draw(st.sampled_from((0, 10))), []
    conditions = st.sampled_from((CASH, FRAUD, FRAUD, TRUE))
    for number in range(draw(st.integers(1, 3))):
        times = draw(st.sampled_from((1, 1, 2, 3)))
        first = (draw(conditions), times, draw(st.sampled_from((0, 7, 20))) if times > 1 else 0)
        rest = [
            (draw(conditions), 1, draw(st.sampled_from((0, 0, 1, 7, 20))))
            for _ in range(draw(st.integers(1, 3)))
        ]
        options = {
            "over": draw(st.sampled_from((7, 20, 100))),
            "where": draw(st.sampled_from((None, None, CASH))),
            "of": draw(st.sampled_from((OWN, OTHER))),
            "delay": draw(st.sampled_from((0, 0, 5))),
            "exclude_current": draw(st.booleans()),
        }
        found.append(sequence(first, *rest, name=f"s{number}", lateness=lateness, **options))
    return found


@given(st.data())
@streams.examples(250)
def test_a_sequence_equals_its_definition(data):
    features = data.draw(sequences())
    stream = streams.visits(features, streams.MILLISECONDS, entities=2, most=40)
    Twins(features).read(data.draw(stream))


@given(st.data())
@streams.examples(60)
def test_sequences_and_other_features_share_a_space(data):
    features = data.draw(sequences())
    lateness = features[0].lateness_ms
    counted = feature("count", over=20, where=CASH, lateness=lateness)
    others = [counted, feature("distinct", streams.DEVICE, over=20, lateness=lateness)]
    together = [features[0], *others, *features[1:]]
    Twins(together).read(data.draw(streams.visits(together, streams.MILLISECONDS)))


def read(chain: Feature, *events) -> list[float]:
    twins = Twins([chain])
    reads = frozenset(twins.space.groups)
    stream = [
        Visit(7, START + at, number, reads=reads, true=frozenset(true))
        for number, (at, true) in enumerate(events)
    ]
    return [answer["test.sequence"] for answer in twins.read(stream)]


NULL = pytest.approx(float("nan"), nan_ok=True)


def test_a_value_says_how_long_ago_it_was_completed():
    chain = sequence((CASH, 1, 0), (FRAUD, 1, 0), over=10_000)
    found = read(chain, (0, {CASH}), (1000, {FRAUD}), (3000, set()), (4000, {FRAUD}), (10_001, ()))
    # the second completion follows the same first step, which has left the window by the end
    assert found == [NULL, 0.0, 2.0, 0.0, NULL]


def test_the_order_counts_and_one_event_is_one_step():
    chain = sequence((CASH, 1, 0), (FRAUD, 1, 0), over=10_000)
    assert read(chain, (0, {FRAUD}), (1, {CASH}), (2, ())) == [NULL] * 3
    assert read(chain, (0, {CASH, FRAUD}), (1, ())) == [NULL] * 2
    assert read(chain, (0, {CASH, FRAUD}), (1, {FRAUD})) == [NULL, 0.0]


def test_the_first_step_may_take_several_events_and_the_next_must_follow_soon():
    chain = sequence((CASH, 3, 100), (FRAUD, 1, 50), over=10_000)
    three = [(0, {CASH}), (50, {CASH}), (100, {CASH})]
    assert read(chain, *three, (150, {FRAUD}))[-1] == 0.0
    assert read(chain, *three, (151, {FRAUD}))[-1] == NULL
    assert read(chain, *three[:2], (101, {CASH}), (102, {FRAUD}))[-1] == NULL
    # a fourth one renews the step
    assert read(chain, *three, (140, {CASH}), (190, {FRAUD}))[-1] == 0.0
