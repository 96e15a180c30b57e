"""Bursts of edges: the compiled sketch against exact counts, and what bounded memory costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors.midas import Midas, MidasConfig
from models.reference.midas import ExactMidas

WIDE = {"tick": 10, "hashes": 4, "buckets": 4096}
"""So wide that the few keys of a test share no bucket in all rows."""

events = st.tuples(
    st.integers(1, 5), st.integers(1, 5), st.integers(0, 40), st.booleans()
)  # payer, payee, ms since the event before, may be learnt


def columns(stream):
    """(n, 3) as the engine gives it, and (n,) what may be learnt."""
    keys = np.array([[payer, payee] for payer, payee, _step, _may in stream], np.uint64)
    times = np.cumsum([step for _payer, _payee, step, _may in stream])
    learnable = np.array([may for *_rest, may in stream])
    return np.column_stack([keys.view(np.float64), times]), learnable


def exact(stream, config):
    model, time_ms, scores = ExactMidas(config.fade), 0, []
    for payer, payee, step, may in stream:
        time_ms += step
        learns = may or config.learn == "all"
        scores.append(model.score(payer, payee, time_ms // config.tick, learns=learns))
    return scores


@pytest.mark.parametrize("learn", ["normal", "all"])
@given(
    stream=st.lists(events, min_size=1, max_size=80),
    fade=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    cuts=st.sets(st.integers(1, 80), max_size=4),
)
def test_scores_are_those_of_exact_counts_however_the_stream_is_cut(stream, fade, cuts, learn):
    config = MidasConfig(fade=fade, learn=learn, **WIDE)
    x, learnable = columns(stream)

    model, found = Midas(["a", "b"], config), []
    for rows in np.split(np.arange(len(stream)), sorted(cut for cut in cuts if cut < len(stream))):
        scores, _shares = model.score(x[rows], learnable[rows])
        found += scores.tolist()
        fresh = Midas(["a", "b"], config)
        fresh.load(model.save())
        model = fresh

    assert found == pytest.approx(exact(stream, config), rel=1e-12)


def test_an_event_of_an_earlier_tick_counts_as_of_the_present_one():
    config = MidasConfig(learn="all", **WIDE)
    keys = np.array([[1, 2]] * 4, np.uint64).view(np.float64)
    inputs = [np.column_stack([keys, times]) for times in ([0, 30, 20, 40], [0, 30, 30, 40])]

    late, level = (Midas(["a", "b"], config).score(x, np.ones(4, np.bool_))[0] for x in inputs)

    assert late.tolist() == level.tolist()


def test_memory_is_bounded_and_a_burst_is_still_seen_among_very_many_keys():
    rng = np.random.default_rng(3)
    config = MidasConfig(tick=1000, learn="all")
    model = Midas(["a", "b"], config)
    size = sum(array.nbytes for array in model.save().values())
    for second in range(60):
        keys = rng.integers(1, 1 << 60, (2000, 2)).astype(np.uint64)
        if second == 50:
            keys[:300] = 7, 8
        times = np.full(2000, 1000.0 * second)
        scores, _ = model.score(
            np.column_stack([keys.view(np.float64), times]), np.ones(2000, np.bool_)
        )
        if second == 50:
            assert np.median(scores[:300]) > scores[300:].max()

    assert sum(array.nbytes for array in model.save().values()) == size


def test_what_a_rule_hit_does_not_become_usual():
    stream = [(1, 2, 10, True)] * 30 + [(1, 2, 0, False)] * 50 + [(1, 2, 10, True)] * 30
    x, learnable = columns([*stream, *[(1, 2, 0, False)] * 50])
    last = slice(-50, None)

    kept = Midas(["a", "b"], MidasConfig(**WIDE)).score(x, learnable)[0]
    learnt = Midas(["a", "b"], MidasConfig(learn="all", **WIDE)).score(x, learnable)[0]

    assert (kept[last] > learnt[last]).all()
