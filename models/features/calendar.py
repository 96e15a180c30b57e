"""Where calendar days and months begin, by time zone, as sorted epoch milliseconds."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

FIRST_YEAR: Final = 1999
LAST_YEAR: Final = 2100
PERIODS: Final = ("day", "month")


@lru_cache(maxsize=32)
def period_starts(period: str, zone: str) -> NDArray[np.int64]:
    """Every start of a ``day`` or ``month`` from 1999 to 2100 in an IANA zone, epoch ms.

    A day that loses or gains an hour is simply shorter or longer. Where midnight does not
    exist, the day begins when the clock has jumped; where it comes twice, at the first.

    >>> starts = period_starts("day", "America/New_York")
    >>> int(np.diff(starts).min()) // 3_600_000, int(np.diff(starts).max()) // 3_600_000
    (23, 25)
    """
    info = ZoneInfo(zone)
    step, last, starts = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 1, 1), []
    while step <= last:
        midnight = datetime(step.year, step.month, step.day, tzinfo=info)
        starts.append(round(midnight.astimezone(UTC).timestamp() * 1000))
        if period == "day":
            step += timedelta(days=1)
        else:
            step = date(step.year + step.month // 12, step.month % 12 + 1, 1)
    return np.array(starts)


@lru_cache(maxsize=32)
def zone_offsets(zone: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """When the clock of a zone changes from 1999 to 2100, epoch ms, and its offset from then on.

    >>> times, offsets = zone_offsets("America/New_York")
    >>> offsets[:3], datetime.fromtimestamp(times[1] // 1000, UTC).isoformat()
    ((-18000000, -14400000, -18000000), '1999-04-04T07:00:00+00:00')
    """
    info, day, step = ZoneInfo(zone), timedelta(days=1), datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    times, offsets = [_ms(step)], [_offset_ms(step, info)]
    while step.year <= LAST_YEAR:
        low, high = step, step + day
        if _offset_ms(high, info) != offsets[-1]:
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                changed = _offset_ms(middle, info) != offsets[-1]
                low, high = (low, middle) if changed else (middle, high)
            moment = high.replace(microsecond=0)
            times.append(_ms(moment))
            offsets.append(_offset_ms(moment, info))
        step += day
    return tuple(times), tuple(offsets)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _offset_ms(moment: datetime, info: ZoneInfo) -> int:
    offset = moment.astimezone(info).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() * 1000)


def period_start(period: str, zone: str, time_ms: int) -> int:
    """Start of the period that a time falls into, epoch ms."""
    starts = period_starts(period, zone)
    return int(starts[np.searchsorted(starts, time_ms, side="right") - 1])


def longest_ms(period: str) -> int:
    """An upper bound of a period's length."""
    return (26 if period == "day" else 24 * 32) * 3_600_000
