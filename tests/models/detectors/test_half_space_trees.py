"""The compiled trees are River's, bit by bit; and the contract that every detector keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.anomaly import HalfSpaceTrees as River

from models.detectors.half_space_trees import HalfSpaceTrees, HalfSpaceTreesConfig
from models.detectors.river import RiverConfig, RiverDetector

NAMES = ("a", "b", "c")
ALL = HalfSpaceTreesConfig(trees=7, height=4, window=20, seed=3, learn="all")
values = st.one_of(st.none(), st.floats(-0.5, 1.5), st.sampled_from([0.0, 1.0, -1e300, 1e300]))
streams = st.lists(st.tuples(values, values, values), min_size=1, max_size=120)


def matrix(stream):
    return np.array([[np.nan if v is None else v for v in row] for row in stream])


def river_scores(stream, config):
    """River's own model, its trees built over every feature before the first event."""
    model = River(
        n_trees=config.trees, height=config.height, window_size=config.window, seed=config.seed,
        limits=dict(config.limits),
    )  # fmt: skip
    model.learn_one(dict.fromkeys(NAMES, 0.0))
    for nodes in model._tree_nodes:
        for node in nodes:
            node.l_mass = 0
    model.counter = 0
    scores = []
    for row in stream:
        x = {name: v for name, v in zip(NAMES, row, strict=True) if v is not None}
        scores.append(float(model.score_one(x)))
        model.learn_one(x)
    return scores


@given(streams)
def test_scores_are_rivers_bit_by_bit(stream):
    detector = HalfSpaceTrees(NAMES, ALL)

    scores, _shares = detector.score(matrix(stream), np.ones(len(stream), np.bool_))

    assert scores.tolist() == river_scores(stream, ALL)


def test_scores_are_rivers_with_the_benchmark_s_size_and_limits():
    config = HalfSpaceTreesConfig(limits={"a": (-3.0, 3.0)}, learn="all")
    x = np.random.default_rng(0).normal(size=(1200, 3))

    scores, _shares = HalfSpaceTrees(NAMES, config).score(x, np.ones(1200, np.bool_))

    assert scores.tolist() == river_scores(x.tolist(), config)
    assert len(set(scores.tolist())) > 100


def detectors():
    return [
        lambda: HalfSpaceTrees(NAMES, ALL),
        lambda: HalfSpaceTrees(NAMES, HalfSpaceTreesConfig(trees=5, height=4, window=20)),
        lambda: RiverDetector(
            NAMES, RiverConfig("river.anomaly.HalfSpaceTrees", {"n_trees": 3, "seed": 1})
        ),
        lambda: RiverDetector(NAMES, RiverConfig("river.anomaly.OneClassSVM")),
    ]


@pytest.mark.parametrize("make", detectors())
@settings(max_examples=15)
@given(stream=streams, cut=st.integers(0, 120))
def test_batching_and_restarts_are_invisible(make, stream, cut):
    x, learnable = matrix(stream), np.arange(len(stream)) % 3 != 0
    expected = make().score(x, learnable)
    first = make()

    head = first.score(x[:cut], learnable[:cut])
    resumed = make()
    resumed.load(first.save())
    tail = resumed.score(x[cut:], learnable[cut:])

    for whole, one, two in zip(expected, head, tail, strict=True):
        assert np.concatenate([one, two]).tobytes() == whole.tobytes()


@pytest.mark.parametrize("make", detectors())
def test_contract(make):
    x = np.random.default_rng(1).uniform(0.4, 0.6, (600, 3))
    before = x.copy()
    detector = make()

    scores, shares = detector.score(x, np.ones(600, np.bool_))

    assert x.tobytes() == before.tobytes()
    assert scores[0] == 0.0
    assert ((scores >= 0) & (scores <= 1)).all()
    assert ((shares > 0) & (shares <= 1)).all()


def test_what_is_far_from_habit_scores_higher():
    config = HalfSpaceTreesConfig(trees=25, height=8, window=100)
    habit = np.random.default_rng(2).uniform(0.45, 0.55, (500, 3))
    detector = HalfSpaceTrees(NAMES, config)
    usual, _ = detector.score(habit, np.ones(500, np.bool_))

    odd, share = detector.score(np.array([[0.02, 0.97, 0.03]]), np.ones(1, np.bool_))

    assert odd[0] > usual[200:].max()
    assert share[0] < 0.01


def test_poison_guard_keeps_what_a_rule_hit_out_of_the_trees():
    config = HalfSpaceTreesConfig(trees=10, height=6, window=50)
    x = np.full((200, 3), 0.5)
    learned, guarded = HalfSpaceTrees(NAMES, config), HalfSpaceTrees(NAMES, config)
    learned.score(x, np.ones(200, np.bool_))

    guarded.score(x, np.zeros(200, np.bool_))

    assert learned.save()["settled"].sum() > 0
    assert guarded.save()["settled"].sum() == guarded.save()["recent"].sum() == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("os.system", "under river."),
        ("river.anomaly.NoSuchThing", "river has no"),
        ("river.stats.Mean", "not an anomaly detector"),
        ("river.__import__('os')", "under river."),
        ("river.os.system", "river has no"),
    ],
)
def test_only_river_s_detectors_can_be_named(name, words):
    with pytest.raises(ValueError, match=words):
        RiverDetector(NAMES, RiverConfig(name))
