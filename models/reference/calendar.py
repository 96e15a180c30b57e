"""The definition of calendar windows: looked up in `zoneinfo` and `holidays` each time."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import holidays

from models.feature_specs import Over

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def period_start(over: Over, at_ms: int) -> int:
    """When the local period of a time, or the earliest of several, began, epoch ms.

    >>> spring = datetime(2024, 3, 10, 18, tzinfo=UTC)  # a day of 23 hours in New York
    >>> at_ms = int(spring.timestamp()) * 1000
    >>> day = Over(period="day", zone="America/New_York")
    >>> (at_ms - period_start(day, at_ms)) // 3_600_000
    13
    """
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    if over.period == "business_day":
        return _business_start(over, moment)
    day = moment.astimezone(ZoneInfo(over.zone)).date()
    for _ in range(over.count - 1):
        day -= timedelta(days=1 if over.period == "day" else day.day)
    return _since_epoch(_on(day if over.period == "day" else day.replace(day=1), 0, over.zone))


def period_end(over: Over, at_ms: int) -> int:
    """The last ms of the local period of a time, epoch ms."""
    one = replace(over, count=1)
    low, high = at_ms, at_ms + 40 * 86_400_000
    while high - low > 1:
        middle = (low + high) // 2
        if period_start(one, middle) == period_start(one, at_ms):
            low = middle
        else:
            high = middle
    return low


def _business_start(over: Over, moment: datetime) -> int:
    """The cutoff before the one that a time waits for, or one further back for each more day."""
    works = holidays.country_holidays(over.market).is_working_day
    day, passed = moment.astimezone(ZoneInfo(over.zone)).date() + timedelta(days=3), 0
    while True:
        if works(day) and _on(day, over.cutoff_ms, over.zone) <= moment:
            passed += 1
            if passed == over.count:
                return _since_epoch(_on(day, over.cutoff_ms, over.zone))
        day -= timedelta(days=1)


def _on(day: date, after_midnight_ms: int, zone: str) -> datetime:
    if after_midnight_ms == 86_400_000:
        day, after_midnight_ms = day + timedelta(days=1), 0
    clock = time(after_midnight_ms // 3_600_000, after_midnight_ms // 60_000 % 60)
    return datetime.combine(day, clock, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _since_epoch(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
