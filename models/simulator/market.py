"""One ordinary day of every instrument: prices that cluster their moves, and trades."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.simulator.habits import offset_in_day
from models.simulator.settings import HOUR_MS, MINUTE_MS, WorldConfig, random_stream
from models.simulator.tables import Floats, Ints, Table, trades

INSTRUMENT_STREAM: Final = 3
LEVEL_STREAM: Final = 4
STREAM: Final = 5

MINUTES: Final = 1_440
_REVERSION: Final = 0.97
_CLUSTERING: Final = 0.97
_CLUSTER_SPREAD: Final = 0.6

_INTENSITY: Final = np.array(
    # a venue that never closes, with a U over the local working day
    [
        *(0.80, 0.75, 0.75, 0.75, 0.75, 0.75, 0.80, 0.90, 1.10, 1.45, 1.30, 1.10),
        *(1.00, 1.05, 1.15, 1.35, 1.45, 1.10, 0.95, 0.95, 1.00, 1.00, 0.95, 0.85),
    ]
)


@dataclass(frozen=True, slots=True)
class Instruments:
    """What stays the same about each symbol; every column has shape (instruments,).

    Attributes
    ----------
    price_log
        Logarithm of the long-run price.
    popularity
        Trades against the average symbol's.
    volatility
        Standard deviation of a day's log return.
    size_log
        Logarithm of the median trade size in units.
    """

    price_log: Floats
    popularity: Floats
    volatility: Floats
    size_log: Floats


SIZE_SPREAD: Final = 0.8


@dataclass(frozen=True, slots=True)
class MarketDay:
    """One day before anybody manipulates it.

    Attributes
    ----------
    path
        Log price at each minute's start and at the day's end, shape (instruments, 1 441).
    trades_per_minute
        Mean over the day, shape (instruments,).
    volume_per_minute
        Mean units traded, shape (instruments,).
    trades
        The ordinary trades, without prices.
    """

    path: Floats
    trades_per_minute: Floats
    volume_per_minute: Floats
    trades: Table


@dataclass(frozen=True, slots=True)
class Bump:
    """A move forced on one symbol: log price added at times in ms, straight lines between."""

    symbol: int
    at_ms: Floats
    log_add: Floats


def list_instruments(config: WorldConfig) -> Instruments:
    """Draw the symbols; they never change afterwards."""
    rng = random_stream(config, INSTRUMENT_STREAM)
    count = config.instruments
    popularity = rng.lognormal(0.0, 0.35, count)
    return Instruments(
        price_log=np.log(rng.uniform(12.0, 240.0, count)),
        popularity=popularity / popularity.mean(),
        volatility=rng.uniform(0.012, 0.028, count),
        size_log=np.log(rng.uniform(80.0, 800.0, count)),
    )


def _opening(config: WorldConfig, listed: Instruments, day: int) -> Floats:
    """Log price at the start of a day: a slow walk that returns, so prices stay in range."""
    shocks = random_stream(config, LEVEL_STREAM).normal(size=(day + 1, config.instruments))
    decay = _REVERSION ** np.arange(day, -1, -1.0)
    level: Floats = listed.price_log + listed.volatility * (decay @ shocks)
    return level


def _clustered(rng: np.random.Generator, count: int) -> Floats:
    """Volatility multipliers per minute that stay high or low for about half an hour."""
    kick = rng.normal(0.0, _CLUSTER_SPREAD * np.sqrt(1 - _CLUSTERING**2), (MINUTES, count))
    level = np.zeros((MINUTES, count))
    now = rng.normal(0.0, _CLUSTER_SPREAD, count)
    for minute in range(MINUTES):
        now = _CLUSTERING * now + kick[minute]
        level[minute] = now
    # E[exp(2x)] = exp(2σ²): the shift keeps the day's variance what it was.
    multiplier: Floats = np.exp(level.T - _CLUSTER_SPREAD**2)
    return multiplier


def _news(rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Moderate moves with a reason: extra returns and extra interest per minute."""
    returns = np.zeros((count, MINUTES))
    interest = np.ones((count, MINUTES))
    for symbol, stories in enumerate(rng.poisson(0.7, count)):
        for start in rng.integers(0, MINUTES - 60, stories):
            length = int(rng.integers(5, 12))
            move = rng.uniform(0.008, 0.035) * rng.choice([-1, 1])
            returns[symbol, start : start + length] += move / length
            fading = 1 + rng.uniform(0.5, 1.6) * np.exp(-np.arange(60) / 15)
            interest[symbol, start : start + 60] *= fading
    return returns, interest


def ordinary_market(config: WorldConfig, listed: Instruments, day: int) -> MarketDay:
    """Trade one day without incidents; prices join the next day's without a gap.

    Parameters
    ----------
    config
        Supplies the seed and the mean number of trades.
    listed
        The instruments.
    day
        Days since the world began, from 0.
    """
    rng = random_stream(config, STREAM, day)
    count = config.instruments
    clock = offset_in_day(config, np.arange(24) * HOUR_MS)
    hourly = _INTENSITY[np.argsort(clock, kind="stable")] / _INTENSITY.mean()
    shape = np.repeat(hourly, 60)
    returns, interest = _news(rng, count)
    scale = listed.volatility[:, None] * np.sqrt(shape / MINUTES)
    returns += scale * _clustered(rng, count) * rng.normal(size=(count, MINUTES))
    walk = np.concatenate([np.zeros((count, 1)), np.cumsum(returns, axis=1)], axis=1)
    opening = _opening(config, listed, day)
    gap = walk[:, -1] - (_opening(config, listed, day + 1) - opening)
    path = opening[:, None] + walk - gap[:, None] * np.arange(MINUTES + 1) / MINUTES
    per_minute = config.trades_per_instrument / MINUTES * listed.popularity
    counts = rng.poisson(per_minute[:, None] * shape * interest)
    cell = np.repeat(np.arange(count * MINUTES), counts.ravel())
    symbol, minute = np.divmod(cell, MINUTES)
    size = rng.lognormal(listed.size_log[symbol], SIZE_SPREAD)
    lean = 0.5 - 0.15 * np.sign(returns.ravel()[cell])
    return MarketDay(
        path=path,
        trades_per_minute=per_minute,
        volume_per_minute=per_minute * np.exp(listed.size_log + SIZE_SPREAD**2 / 2),
        trades=trades(
            minute * MINUTE_MS + rng.integers(0, MINUTE_MS, len(cell)),
            symbol,
            np.maximum(np.rint(size), 1).astype(np.int64),
            (rng.random(len(cell)) < lean).astype(np.int64),
        ),
    )


def price_cents(market: MarketDay, bumps: list[Bump], traded: Table) -> Ints:
    """Price every trade: the path, what incidents add to it, and half a spread for the taker.

    Returns
    -------
    Ints
        Hundredths of the currency unit, ≥ 1.
    """
    minute, inside = np.divmod(traded["time"], MINUTE_MS)
    start = market.path[traded["symbol"], minute]
    step = market.path[traded["symbol"], minute + 1] - start
    level = start + step * (inside / MINUTE_MS)
    for bump in bumps:
        rows: NDArray[np.intp] = np.flatnonzero(traded["symbol"] == bump.symbol)
        level[rows] += np.interp(traded["time"][rows], bump.at_ms, bump.log_add, left=0, right=0)
    paid = np.exp(level) * (1 + 0.0003 * (1 - 2 * traded["sell"]))
    cents: Ints = np.maximum(np.rint(paid * 100).astype(np.int64), 1)
    return cents
