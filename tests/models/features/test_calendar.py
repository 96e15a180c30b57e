"""Calendar days, months and business days: where they begin."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from models.feature_specs import Over
from models.features.calendar import period_starts, window_start
from models.reference.calendar import period_start

HOUR = 3_600_000
NOON = int(datetime(2024, 6, 1, 12, tzinfo=UTC).timestamp()) * 1000
NEW_YORK = Over(0, "business_day", "America/New_York", "US")
EARLY = Over(0, "business_day", "America/New_York", "US", 17 * HOUR)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai", "America/Havana"])
@pytest.mark.parametrize("period", ["day", "month"])
def test_the_calendar_agrees_with_the_time_zone_database(period, zone):
    starts = period_starts(period, zone)
    near = starts[(starts > NOON - 400 * 24 * HOUR) & (starts < NOON + 400 * 24 * HOUR)]
    for start in near.tolist():
        assert period_start(Over(period=period, zone=zone), start) == start
        assert period_start(Over(period=period, zone=zone), start - 1) < start


@pytest.mark.parametrize(
    ("over", "moment", "start"),
    [
        # Monday begins when Friday ends; Presidents' Day 2026 is Monday, 16 February
        (NEW_YORK, "2026-02-13T23:59", "2026-02-13T00:00"),
        (NEW_YORK, "2026-02-14T00:00", "2026-02-14T00:00"),
        (NEW_YORK, "2026-02-17T23:59", "2026-02-14T00:00"),
        (NEW_YORK, "2026-02-18T00:00", "2026-02-18T00:00"),
        (EARLY, "2026-02-13T17:00", "2026-02-13T17:00"),
        (EARLY, "2026-02-17T16:59", "2026-02-13T17:00"),
        (
            Over(0, "business_day", "America/New_York", "US", 86_400_000, 3),
            "2026-02-18T09:00",
            "2026-02-13T00:00",
        ),
        # Sunday, 28 September 2025, was worked in China for the October holiday
        (Over(0, "business_day", "Asia/Shanghai", "CN"), "2025-09-28T09:00", "2025-09-27T00:00"),
        (Over(0, "business_day", "Asia/Shanghai", "CN"), "2025-10-08T09:00", "2025-10-01T00:00"),
        (Over(period="day", zone="Asia/Shanghai", count=3), "2026-03-01T09:00", "2026-02-27T00:00"),
        (
            Over(period="month", zone="Asia/Shanghai", count=3),
            "2026-03-31T09:00",
            "2026-01-01T00:00",
        ),
    ],
)
def test_calendar_windows_begin_where_they_should(over, moment, start):
    zone = ZoneInfo(over.zone)
    at_ms, wanted = (
        int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 1000
        for text in (moment, start)
    )

    assert window_start(over, at_ms) == wanted
    assert period_start(over, at_ms) == wanted
