"""Distances and local clocks against their definition."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.expressions.tree import Type
from models.reference.expressions import evaluate

ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo")
DEGREES = st.floats(-181, 181, allow_nan=False) | st.sampled_from([0.0, 90.0, -90.0, 180.0, 89.999])


@given(st.data())
def test_a_distance_is_that_on_the_sphere(harness, row, data):
    lat, lon, other_lat, other_lon = (data.draw(DEGREES) for _ in range(4))
    tree = harness.parser.parse("km(price, quantity, amount, paid_1h)", Type.NUMBER)
    amount = round(other_lat, 4)
    given_row = row(price=lat, quantity=lon, amount=amount, paid_1h=other_lon)

    (found,) = harness.number(tree, [given_row])

    wanted = evaluate(tree, given_row)
    if wanted is None:
        assert math.isnan(found)
    else:
        assert math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-6)
        assert 0.0 <= found <= 20_016.0


@given(st.lists(st.integers(915_148_800_000, 4_133_980_800_000), min_size=1, max_size=20))
def test_a_local_clock_is_that_of_the_zone(harness, row, times):
    rows = [row(event_time=float(time)) for time in times]
    for zone in ZONES:
        for function in ("local_hour", "local_weekday"):
            tree = harness.parser.parse(f"{function}(event_time, '{zone}')", Type.NUMBER)

            found = harness.number(tree, rows)

            wanted = [evaluate(tree, one) for one in rows]
            expected = [np.nan if value is None else value for value in wanted]
            assert np.array_equal(found, np.array(expected), equal_nan=True), zone
