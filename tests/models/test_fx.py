"""Amounts in the base currency, exact to the coin."""

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.events import NULL_INT
from models.fx import FxRates, convert, fx_tables
from models.hashing import Secret

SECRET = Secret(bytes(range(16)))
RATES = FxRates(
    ("JPY", "USD"),
    ((0,), (1000, 2000)),
    ((Decimal("0.0475"),), (Decimal("7.1"), Decimal("7.123456789012"))),
)


def converted(amount, currency, time, unit=100, target="CNY"):
    out = np.zeros(1, np.int64)
    missing = convert(
        np.array([amount], np.int64), np.array([SECRET.text(currency)], np.uint64),
        np.array([time], np.int64), np.uint64(SECRET.text("CNY")),
        np.uint64(SECRET.text(target)), unit,
        fx_tables(RATES, SECRET), out,
    )  # fmt: skip
    return int(out[0]), missing


@given(st.integers(-(9 * 10**15), 9 * 10**15), st.sampled_from([100, 1, 10_000, 10]))
def test_agrees_with_decimal_arithmetic(amount, unit):
    exact = Decimal(amount) * Decimal("7.123456789012") / unit
    coins = int(exact.to_integral_value(ROUND_HALF_EVEN))

    assert converted(amount, "USD", 5000, unit) == (coins * unit, 0)


def test_the_rate_is_the_one_valid_at_event_time():
    assert converted(10_000, "USD", 1999) == (71_000, 0)
    assert converted(10_000, "USD", 2000) == (71_200, 0)


def test_without_a_rate_the_amount_is_null_and_counted():
    assert converted(10_000, "USD", 999) == (NULL_INT, 1)
    assert converted(10_000, "GBP", 5000) == (NULL_INT, 1)


def test_the_base_currency_and_null_pass_through():
    assert converted(12_345, "CNY", 0) == (12_345, 0)
    assert converted(NULL_INT, "USD", 5000) == (NULL_INT, 0)


def test_halves_round_to_even():
    # 0.0475 CNY per JPY: 200 JPY are 9.50, 1000 JPY 47.50; in whole yuan 10 and 48
    assert converted(200 * 10_000, "JPY", 1, 10_000) == (100_000, 0)
    assert converted(1000 * 10_000, "JPY", 1, 10_000) == (480_000, 0)


@given(st.integers(-(9 * 10**15), 9 * 10**15), st.sampled_from([100, 1, 10]))
def test_another_currency_takes_one_rounding(amount, unit):
    exact = Decimal(amount) * Decimal("0.0475") / Decimal("7.123456789012") / unit
    coins = int(exact.to_integral_value(ROUND_HALF_EVEN))

    assert converted(amount, "JPY", 5000, unit, "USD") == (coins * unit, 0)


def test_another_currency_needs_both_rates_as_of_the_event():
    assert converted(71_000, "CNY", 1999, target="USD") == (10_000, 0)
    assert converted(12_345, "USD", 0, target="USD") == (12_345, 0)
    assert converted(10_000, "CNY", 999, target="USD") == (NULL_INT, 1)
    assert converted(10_000, "JPY", 999, target="USD") == (NULL_INT, 1)
    assert converted(10_000, "GBP", 5000, target="USD") == (NULL_INT, 1)
