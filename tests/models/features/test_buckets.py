"""Windows with a grain, and lifetimes, against their definition over the whole list of events."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.arrange import lay_out
from models.features.carry_buckets import carry_buckets
from models.features.layout import ARENA_USED, ROWS_USED
from models.features.plan import FOREVER_MS, Feature
from models.features.state import SpaceState
from models.reference.windows import ReferenceSpace, Visit
from tests.models.features import streams
from tests.models.features.building import (
    AMOUNT,
    CASH,
    DEVICE,
    FOREVER,
    FRAUD,
    OPENED,
    OTHER,
    OWN,
    PRICE,
    encode,
    feature,
    space_of,
    with_event_time,
)

PLAIN = {
    "count": (None,), "sum": (AMOUNT, PRICE), "mean": (AMOUNT, PRICE), "std": (AMOUNT, PRICE),
    "max": (AMOUNT, PRICE, OPENED), "min": (AMOUNT, PRICE, OPENED),
    "first": (AMOUNT, PRICE, DEVICE), "new": (None,),
}  # fmt: skip
PER = ("mean", "std", "max", "min")


@st.composite
def grained(draw: st.DrawFn, grain: int | None = None) -> list[Feature]:
    """Draw features that share one space with a grain, or one of lifetimes."""
    grain = draw(st.sampled_from((5, 20, 100, FOREVER_MS))) if grain is None else grain
    lateness, found = draw(st.sampled_from((0, 10, 25))), []
    for number in range(draw(st.integers(1, 6))):
        aggregate = draw(st.sampled_from(tuple(PLAIN)))
        per = draw(st.sampled_from(("", "sum", "count"))) if aggregate in PER else ""
        value = draw(st.sampled_from((AMOUNT, PRICE) if per else PLAIN[aggregate]))
        forever = grain == FOREVER_MS
        found.append(
            feature(
                aggregate,
                None if per == "count" else value,
                over=FOREVER if forever else grain * draw(st.sampled_from((1, 2, 7))),
                where=draw(st.sampled_from((None, None, CASH, FRAUD))),
                of=draw(st.sampled_from((OWN, OWN, OTHER))),
                delay=0 if forever else draw(st.sampled_from((0, 0, grain, grain + 3))),
                exclude_current=draw(st.booleans()) or aggregate == "new",
                min_history=0 if aggregate == "new" else draw(st.sampled_from((0, 0, 1, 3))),
                lateness=lateness,
                name=f"{aggregate}{number}",
                grain=grain,
                per=per,
            )
        )
    return found


class Both:
    """The kernel and the definition, given the same visits."""

    def __init__(self, features: list[Feature]) -> None:
        self.space = space_of(features)
        self.plan = lay_out(self.space)
        before = [group.before for group in self.space.groups]
        self.before = sum(1 << bit for bit, is_before in enumerate(before) if is_before)
        self.state = SpaceState(self.plan, self.before, "account")
        self.reference = ReferenceSpace(self.space)
        self.newest, self.checked = -(1 << 62), 0

    def read(self, visits: list[Visit]) -> None:
        found = self.state.run(encode(self.space, visits))
        lateness = self.space.features[0].lateness_ms
        for number, visit in enumerate(visits):
            settled = self.newest - lateness
            self.newest = max(self.newest, visit.at_ms)
            expected = self.reference.visit(with_event_time(visit))
            if visit.at_ms >= settled:
                for column, item in enumerate(self.space.features):
                    self.check(visit, item, expected.values, found.values[number, column])
        assert not found.truncated.any()
        assert not found.evidence.size

    def check(self, visit: Visit, item: Feature, expected: dict, value: float) -> None:
        told = (visit, item, expected.get(item.name), value)
        want = expected.get(item.name, math.nan)
        self.checked += 1
        if item.is_text:
            bits = int(np.float64(value).view(np.int64))
            assert bits == want or (math.isnan(want) and math.isnan(value)), told
        elif math.isnan(want) or math.isnan(value):
            assert math.isnan(want), told
            assert math.isnan(value), told
        elif item.spec.aggregate in ("sum", "mean", "std") or item.spec.per:
            events = self.reference.window(item, visit.key, visit.at_ms)
            scale = 1e4 if item.value == AMOUNT else 1.0
            sizes = [abs(e.values.get(item.value) or 0) / scale for e in events]
            assert math.isclose(value, want, rel_tol=1e-9, abs_tol=1e-9 * math.fsum(sizes)), told
        else:
            assert value == want, told


@given(st.data())
@streams.examples(250)
def test_every_feature_equals_its_definition(data):
    features = data.draw(grained())
    both = Both(features)
    both.read(data.draw(streams.visits(features, streams.MILLISECONDS)))


@given(st.data())
@streams.examples(100)
def test_long_lives_equal_their_definition(data):
    features = data.draw(grained())
    both = Both(features)
    both.read(
        data.draw(
            streams.visits(
                features, streams.MILLISECONDS, entities=1, most=200, reads_everything=True
            )
        )
    )


@given(st.data())
@streams.examples(60)
def test_a_cut_and_a_restart_are_not_seen(data):
    features = data.draw(grained())
    both = Both(features)
    entries = encode(both.space, data.draw(streams.visits(features, streams.MILLISECONDS)))
    whole = both.state.run(entries).values
    at = data.draw(st.integers(0, entries.shape[0]))
    state = SpaceState(both.plan, both.before, "account")
    first = state.run(entries[:at])
    again = SpaceState(both.plan, both.before, "account")
    again.load(state.save())

    second = again.run(entries[at:])

    assert np.concatenate([first.values, second.values]).tobytes() == whole.tobytes()


@given(st.data())
@streams.examples(100)
def test_cells_that_both_plans_have_are_carried(data):
    grain = data.draw(st.sampled_from((5, 20, FOREVER_MS)))
    shared = data.draw(grained(grain))
    lateness = shared[0].lateness_ms
    added = feature("max", OPENED, over=shared[0].spec.over, where=FRAUD, name="added",
                    grain=grain, lateness=lateness)  # fmt: skip
    dropped = feature("min", OPENED, over=shared[0].spec.over, where=CASH, name="dropped",
                      grain=grain, lateness=lateness)  # fmt: skip
    # a longer window would also keep buckets for longer
    old, new = Both([dropped, *shared]), Both([*reversed(shared), added])
    stream = data.draw(streams.visits(shared, streams.MILLISECONDS))
    half = data.draw(st.integers(0, len(stream)))
    old.state.run(encode(old.space, stream[:half]))
    for visit in stream[:half]:
        values = {n: v for n, v in visit.values.items() if n != OPENED}
        kept = any(f.value == OPENED for f in shared)
        seen = visit if kept else Visit(
            visit.key, visit.at_ms, visit.reference, visit.updates, visit.reads, values, visit.true
        )  # fmt: skip
        new.reference.visit(with_event_time(seen))
        new.newest = max(new.newest, visit.at_ms)
    if any(f.value == OPENED for f in shared):
        return  # then `added` may begin with what another cell has seen, in the reference only

    places = [
        old.space.cells.index(meaning) if meaning in old.space.cells else None
        for meaning in new.space.cells
    ]
    carry_buckets(old.state, new.state, places)

    new.read(stream[half:])


def test_a_crowd_grows_and_is_forgotten():
    both = Both(
        [feature("count", over=1000, grain=100), feature("sum", AMOUNT, over=500, grain=100)]
    )
    reads = frozenset(both.space.groups)
    random = np.random.default_rng(3)
    now, visits = streams.START, []
    for number in range(6000):
        now += int(random.integers(0, 7))
        key, amount = int(random.integers(1, 1500)) << 20 | 5, int(random.integers(0, 99999))
        visits.append(Visit(key, now, number, reads=reads, values={AMOUNT: amount}))
    both.read(visits)

    assert both.checked == 12_000
    assert both.state.store.counters[ROWS_USED] > 128
    assert both.state.store.counters[ARENA_USED] > 4096


def test_a_lifetime_costs_an_entity_one_record():
    both = Both([feature("count", over=FOREVER, grain=FOREVER_MS)])
    reads = frozenset(both.space.groups)
    both.read([Visit(7, streams.START + 86_400_000 * day, day, reads=reads) for day in range(900)])

    assert both.state.store.counters[ARENA_USED] <= 64


@pytest.mark.parametrize(("at", "count"), [(1999, 3), (2000, 1), (2999, 1), (3000, 0)])
def test_buckets_leave_whole(at, count):
    both = Both([feature("count", over=2000, grain=1000)])
    start = 1_700_000_000_000
    reads = frozenset(both.space.groups)
    both.read([Visit(7, start + after, reads=reads) for after in (0, 900, 1100)])
    asked = Visit(7, start + at, updates=False, reads=reads)

    found = both.state.run(encode(both.space, [asked]))

    assert found.values[0, 0] == count
