"""Incidents of market abuse: forced moves and bursts of volume."""

import numpy as np

from models.simulator.incidents.stage import Scene, Stage
from models.simulator.market import SIZE_SPREAD, Bump
from models.simulator.settings import MINUTE_MS
from models.simulator.tables import Table, stack, trades


def _surge(
    stage: Stage,
    symbol: int,
    start: int,
    minutes: float,
    multiple: float,
    sells: float,
    orders_per_minute: float,
) -> Table:
    """Add trades whose volume is a multiple of the symbol's daily mean for that long."""
    rng, market = stage.rng, stage.market
    count = max(25, int(orders_per_minute * minutes))
    size = rng.lognormal(0.0, SIZE_SPREAD, count)
    wanted = max(float(market.volume_per_minute[symbol]), 1.0) * minutes * multiple
    quantity = np.maximum(np.rint(size * wanted / size.sum()), 1).astype(np.int64)
    times = stage.moments(start, int(minutes * MINUTE_MS), count)
    return trades(times, symbol, quantity, (rng.random(count) < sells).astype(np.int64))


def _name(symbol: int) -> str:
    return f"symbol/SIM{symbol:02d}"


def _bump(symbol: int, start: int, minutes: list[float], log_add: list[float]) -> Bump:
    at_ms = start + np.cumsum(minutes) * MINUTE_MS
    return Bump(symbol, at_ms, np.array(log_add))


def price_spike(stage: Stage) -> Scene:
    """M12: 14 to 26 % up or down within 2 to 4 minutes on a rush of orders, then back again."""
    rng = stage.rng
    symbol, start = stage.slot()
    minutes = float(rng.uniform(2.0, 4.0))
    direction = -1 if rng.random() < 0.35 else 1
    height = direction * float(np.log(rng.uniform(1.14, 1.26)))
    back = [0.0, minutes, rng.uniform(5, 10), rng.uniform(30, 60), 60.0]
    return Scene(
        subject=_name(symbol),
        trades=_surge(
            stage,
            symbol,
            start,
            minutes + 1,
            rng.uniform(30, 60),
            0.12 if direction > 0 else 0.88,
            rng.uniform(150, 300),
        ),
        bump=_bump(symbol, start, back, [0.0, height, 0.95 * height, 0.3 * height, 0.0]),
    )


def volume_burst(stage: Stage) -> Scene:
    """M13: 8 to 20 minutes of 60 to 100 times the usual volume at an unmoved price."""
    rng = stage.rng
    symbol, start = stage.slot()
    return Scene(
        subject=_name(symbol),
        trades=_surge(
            stage,
            symbol,
            start,
            rng.uniform(8, 20),
            rng.uniform(60, 100),
            0.5,
            rng.uniform(300, 500),
        ),
    )


def pump_and_dump(stage: Stage) -> Scene:
    """M14: 2.2 to 3 times the price in 15 to 40 minutes, sold into, and most of it lost again.

    It opens with a rush: a fifth of the rise comes within the first minute.
    """
    rng = stage.rng
    symbol, start = stage.slot()
    rise = float(rng.uniform(15, 40))
    fall = float(rng.uniform(40, 90))
    height = float(np.log(rng.uniform(2.2, 3.0)))
    usual = float(stage.market.trades_per_minute[symbol])
    rush = _surge(stage, symbol, start, 1.0, rng.uniform(60, 120), 0.1, rng.uniform(150, 400))
    pump = _surge(stage, symbol, start, rise, rng.uniform(18, 28), 0.15, 5 * usual)
    end = start + int(rise * MINUTE_MS)
    dump = _surge(stage, symbol, end, fall, rng.uniform(4, 7), 0.85, 5 * usual)
    minutes = [0.0, 1.0, rise - 1.0, fall, 60.0]
    heights = [0.0, 0.2 * height, height, rng.uniform(0.1, 0.3), 0.0]
    return Scene(
        subject=_name(symbol),
        trades=stack([rush, pump, dump]),
        bump=_bump(symbol, start, minutes, heights),
    )
