"""Where calendar days, months and business days begin, as sorted epoch milliseconds."""

import warnings
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays
import numpy as np
from numpy.typing import NDArray

from models.feature_specs import Over

FIRST_YEAR: Final = 1999
LAST_YEAR: Final = 2100
PERIODS: Final = ("day", "month", "business_day")
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


@lru_cache(maxsize=32)
def period_starts(
    period: str, zone: str, market: str = "", cutoff_ms: int = DAY_MS
) -> NDArray[np.int64]:
    """Every start of a period from 1999 to 2100 in an IANA zone, epoch ms.

    A day that loses or gains an hour is simply shorter or longer. Where midnight does not
    exist, the day begins when the clock has jumped; where it comes twice, at the first. A business
    day begins at the cutoff of the one before: what comes over a weekend, on a holiday or in the
    evening counts as received on the next one (31 CFR 1010.313).

    >>> starts = period_starts("day", "America/New_York")
    >>> int(np.diff(starts).min()) // 3_600_000, int(np.diff(starts).max()) // 3_600_000
    (23, 25)
    >>> starts = period_starts("business_day", "America/New_York", "US")
    >>> int(np.diff(starts).max()) // 86_400_000
    4
    """
    info = ZoneInfo(zone)
    step, last, starts = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 1, 1), []
    works = working_days(market) if period == "business_day" else None
    while step <= last:
        if works is None:
            starts.append(_local_ms(step, 0, info))
        elif step in works:
            starts.append(_local_ms(step, cutoff_ms, info))
        if period != "month":
            step += timedelta(days=1)
        else:
            step = date(step.year + step.month // 12, step.month % 12 + 1, 1)
    return np.array(starts)


def _local_ms(day: date, after_midnight_ms: int, info: ZoneInfo) -> int:
    """A local clock time as epoch ms; 24:00 is the next midnight, whatever the day's length."""
    days, rest = divmod(after_midnight_ms, DAY_MS)
    day += timedelta(days=days)
    moment = datetime(day.year, day.month, day.day, tzinfo=info) + timedelta(milliseconds=rest)
    return round(moment.astimezone(UTC).timestamp() * 1000)


@lru_cache(maxsize=8)
def working_days(market: str) -> frozenset[date]:
    """Days of a country that are neither weekend nor holiday, days worked instead included.

    Beyond the years for which its holidays are known only weekends are left out.
    """
    with warnings.catch_warnings():
        # some countries warn of the years that they do not know; the documents say it
        warnings.simplefilter("ignore", UserWarning)
        known = holidays.country_holidays(market, years=range(FIRST_YEAR, LAST_YEAR + 1))
    first, last = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 1, 1)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return frozenset(day for day in days if known.is_working_day(day))


def markets() -> frozenset[str]:
    """ISO 3166-1 codes of countries whose holidays are known."""
    return frozenset(holidays.list_supported_countries())


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


def window_start(over: Over, until_ms: int) -> int:
    """Start of the calendar window that ends at a time, epoch ms."""
    starts = period_starts(over.period, over.zone, over.market, over.cutoff_ms)
    at = int(np.searchsorted(starts, until_ms, side="right")) - over.count
    return int(starts[max(at, 0)])


def longest_ms(over: Over) -> int:
    """An upper bound of a calendar window's length."""
    if over.period == "month":
        return over.count * 24 * 32 * HOUR_MS
    starts = period_starts(over.period, over.zone, over.market, over.cutoff_ms)
    spans = starts[over.count :] - starts[: -over.count]
    return int(spans.max()) + HOUR_MS
