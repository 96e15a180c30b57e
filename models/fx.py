"""Amounts in another currency, at the rate that was valid at the event's time.

Exact to the last unit: 128-bit product, rounded half to even. Where no rate is known the result
is NULL, and it is counted.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bisection import first_above
from models.compiled import inline, kernel, to_int
from models.events import MONEY_DECIMALS, NULL_INT
from models.hashing import Secret

RATE_DECIMALS: Final = 12
_RATE_SCALE: Final = 10**RATE_DECIMALS
_AMOUNT_MAX = 1 << 62
_DIVISOR_MAX = 1 << 55


@dataclass(frozen=True)
class FxRates:
    """Rates of each currency, as of when they became valid.

    Attributes
    ----------
    currencies
        ISO 4217 codes.
    times_ms
        Per currency, ascending: valid from, epoch ms.
    rates
        Per currency, in the same order: units of the base currency for one unit.
    """

    currencies: tuple[str, ...] = ()
    times_ms: tuple[tuple[int, ...], ...] = ()
    rates: tuple[tuple[Decimal, ...], ...] = ()


class FxTables(NamedTuple):
    """The rates as arrays: currency i has entries [at[i], at[i + 1]); 10⁻¹² units."""

    hashes: NDArray[np.uint64]
    at: NDArray[np.int64]
    times: NDArray[np.int64]
    rates: NDArray[np.int64]


def fx_tables(fx: FxRates, secret: Secret) -> FxTables:
    """Build the arrays."""
    flat = [int(rate.scaleb(RATE_DECIMALS)) for rates in fx.rates for rate in rates]
    return FxTables(
        np.array([secret.text(code) for code in fx.currencies], np.uint64),
        np.cumsum([0, *(len(times) for times in fx.times_ms)]),
        np.array([time for times in fx.times_ms for time in times], np.int64),
        np.array(flat, np.int64),
    )


@inline
def multiply_divide(amount: int, factor: int, divisor: int) -> int:
    """amount · factor ÷ divisor, rounded half to even; NULL_INT where that exceeds int64.

    `factor` ≥ 0, 0 < `divisor` < 2⁵⁵.
    """
    negative = amount < 0
    a, b = np.uint64(abs(amount)), np.uint64(factor)
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    low_low, low_high = (a & low) * (b & low), (a & low) * (b >> half)
    high_low, high_high = (a >> half) * (b & low), (a >> half) * (b >> half)
    middle = (low_low >> half) + (low_high & low) + (high_low & low)
    upper = high_high + (low_high >> half) + (high_low >> half) + (middle >> half)
    lower = (middle << half) | (low_low & low)
    if upper >= np.uint64(divisor):
        return NULL_INT
    # long division, 8 bits at a time: the remainder stays below 2^55, so 63 bits suffice
    rest, quotient = upper, np.uint64(0)
    for step in range(8):
        chunk = (lower >> np.uint64(56 - 8 * step)) & np.uint64(0xFF)
        rest = (rest << np.uint64(8)) | chunk
        quotient = (quotient << np.uint64(8)) | (rest // np.uint64(divisor))
        rest = rest % np.uint64(divisor)
    twice = to_int(rest) * 2
    if twice > divisor or (twice == divisor and quotient & np.uint64(1)):
        quotient += np.uint64(1)
    if quotient > np.uint64(_AMOUNT_MAX):
        return NULL_INT
    return -to_int(quotient) if negative else to_int(quotient)


@inline
def _rate_at(tables: FxTables, base: np.uint64, currency: np.uint64, time: int) -> int:
    """A currency's rate into the base currency as of a time, 10⁻¹²; 0 where none is known."""
    if currency == base:
        return _RATE_SCALE
    for known in range(tables.hashes.shape[0]):
        if tables.hashes[known] != currency:
            continue
        first = tables.at[known]
        later = first_above(tables.times, first, tables.at[known + 1], time)
        return tables.rates[later - 1] if later > first else 0
    return 0


@kernel
def convert(
    amounts: NDArray[np.int64],
    currencies: NDArray[np.uint64],
    times: NDArray[np.int64],
    base: np.uint64,
    target: np.uint64,
    unit: int,
    tables: FxTables,
    out: NDArray[np.int64],
) -> int:
    """Fill `out` with amounts in the target currency; return how many had no rate.

    Parameters
    ----------
    amounts, times, out
        (n,): 10⁻⁴ major units; epoch ms; 10⁻⁴ major units.
    currencies
        (n,): hashes; 0 is the base currency.
    base, target
        What rates are expressed in, and what is wanted.
    unit
        10⁻⁴ units in the target currency's smallest coin: results are whole coins.
    """
    missing = 0
    for i in range(amounts.shape[0]):
        amount, currency = amounts[i], currencies[i] if currencies[i] != np.uint64(0) else base
        if amount == NULL_INT or currency == target:
            out[i] = amount
            continue
        rate = _rate_at(tables, base, currency, times[i])
        divisor = _rate_at(tables, base, target, times[i]) * unit
        coins = NULL_INT
        if rate > 0 and 0 < divisor < _DIVISOR_MAX:
            coins = multiply_divide(amount, rate, divisor)
        out[i] = NULL_INT if coins == NULL_INT else coins * unit
        missing += coins == NULL_INT
    return missing


def smallest_coin(decimals: int) -> int:
    """10⁻⁴ units in one smallest coin of a currency with so many decimals."""
    return int(10 ** (MONEY_DECIMALS - decimals))
