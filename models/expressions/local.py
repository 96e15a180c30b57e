"""Kernels of expressions about where and when: distances on the earth, and local clocks."""

import numpy as np
from numpy.typing import NDArray

from models.bisection import first_above
from models.compiled import inline

EARTH_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""
_RADIANS = np.pi / 180.0
_END_MS = 4_133_980_800_000.0  # 2101-01-01
_HOUR_MS, _DAY_MS = 3_600_000.0, 86_400_000.0


@inline
def kilometres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance by the haversine formula; NaN beyond 90 and 180 degrees.

    R. W. Sinnott (1984), Virtues of the haversine, Sky and Telescope 68. A sphere is within 0.6 %
    of the earth.
    """
    if not (abs(lat) <= 90.0 and abs(other_lat) <= 90.0):
        return np.nan
    if not (abs(lon) <= 180.0 and abs(other_lon) <= 180.0):
        return np.nan
    up = np.sin((other_lat - lat) * _RADIANS / 2.0)
    along = np.sin((other_lon - lon) * _RADIANS / 2.0)
    part = up * up + np.cos(lat * _RADIANS) * np.cos(other_lat * _RADIANS) * along * along
    return 2.0 * EARTH_KM * np.arcsin(min(1.0, np.sqrt(part)))


@inline
def local_ms(time: float, numbers: NDArray[np.float64], start: int, count: int) -> float:
    """A time on a zone's clock, as epoch ms; NaN outside the years 1999 to 2100.

    `numbers` has `count` times of changes from `start` on, and then as many offsets.
    """
    if not numbers[start] <= time < _END_MS:
        return np.nan
    return time + numbers[first_above(numbers, start, start + count, time) - 1 + count]


@inline
def hour_of(local: float) -> float:
    """Hour of the day, 0 to 23, of a local time."""
    return np.floor((local - np.floor(local / _DAY_MS) * _DAY_MS) / _HOUR_MS)


@inline
def weekday_of(local: float) -> float:
    """Day of the week of a local time: 1 is Monday, 7 is Sunday (ISO 8601)."""
    days = np.floor(local / _DAY_MS) + 3.0  # 1970-01-01 was a Thursday
    return days - np.floor(days / 7.0) * 7.0 + 1.0
