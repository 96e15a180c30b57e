"""Events as int64 columns: what every part of the world produces and the encoder reads."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Table: TypeAlias = dict[str, Ints]
"""Column name → one value per event; times are ms since the day began, money is hundredths."""

NONE: Final = -1
"""The code that means absent in `card`, `device`, `ip` and `incident`."""

CHANNELS: Final = ("card", "cnp", "transfer", "wallet", "atm")
CARD, CNP, TRANSFER, WALLET, ATM = range(5)

COUNTRIES: Final = ("CN", "HK", "US", "JP", "DE")
CURRENCIES: Final = ("CNY", "HKD", "USD", "JPY", "EUR")
"""The currency of each country, at the same position."""
CNY, HKD, USD, JPY, EUR = range(5)
CNY_PER_UNIT: Final = np.array([1.0, 0.91, 7.1, 0.047, 7.8])

DECLINE_CODES: Final = ("51", "05", "61", "54", "14", "59")
"""ISO 8583 responses; a payment's status is 0 when approved, else 1 + the position here."""

PROFILE_FIELDS: Final = ("phone", "email", "password", "limit", "payee", "address")

PAYMENT_COLUMNS: Final = (
    *("time", "payer", "payee", "cents", "currency", "channel"),
    *("status", "card", "device", "ip", "incident"),
)
LOGIN_COLUMNS: Final = ("time", "customer", "failed", "device", "ip", "incident")
PROFILE_COLUMNS: Final = ("time", "customer", "field", "device", "ip", "incident")
TRADE_COLUMNS: Final = ("time", "symbol", "cents", "quantity", "sell", "incident")


def table(names: Sequence[str], values: Sequence[Ints | int]) -> Table:
    """Name the columns and stretch single numbers to the length of the first.

    >>> table(["time", "symbol"], [np.array([5, 6]), 3])["symbol"].tolist()
    [3, 3]
    """
    first = np.asarray(values[0], dtype=np.int64)
    return {
        name: np.broadcast_to(np.asarray(value, dtype=np.int64), first.shape)
        for name, value in zip(names, values, strict=True)
    }


def payments(
    time: Ints,
    payer: Ints | int,
    payee: Ints | int,
    cents: Ints | int,
    currency: Ints | int,
    channel: Ints | int,
    status: Ints | int = 0,
    card: Ints | int = NONE,
    device: Ints | int = NONE,
    ip: Ints | int = NONE,
) -> Table:
    """Build ordinary payments; every argument is one column or one number for all rows."""
    values = (time, payer, payee, cents, currency, channel, status, card, device, ip, NONE)
    return table(PAYMENT_COLUMNS, values)


def logins(
    time: Ints, customer: Ints | int, failed: Ints | int, device: Ints | int, ip: Ints | int
) -> Table:
    """Build logins; `failed` is 1 for a failure and 0 for a success."""
    return table(LOGIN_COLUMNS, (time, customer, failed, device, ip, NONE))


def trades(time: Ints, symbol: Ints | int, quantity: Ints | int, sell: Ints | int) -> Table:
    """Build trades that have no price yet; `sell` is 1 where the taker sold."""
    return table(TRADE_COLUMNS, (time, symbol, 0, quantity, sell, NONE))


def take(source: Table, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Table:
    """Select rows by position or by mask."""
    return {name: column[rows] for name, column in source.items()}


def stack(parts: Sequence[Table]) -> Table:
    """Put tables of equal columns one after another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def within_day(source: Table, day_ms: int) -> Table:
    """Drop what a delay pushed over midnight and order the rest by time, stably."""
    kept = take(source, (source["time"] >= 0) & (source["time"] < day_ms))
    return take(kept, np.argsort(kept["time"], kind="stable"))
