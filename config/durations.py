"""Durations as people write them: ``500ms 30s 5m 1h 2d 1w``, or ``1h30m``."""

import re
from typing import Final

UNITS_MS: Final = {
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
LONGEST_MS: Final = 3660 * UNITS_MS["d"]

DURATION: Final = "(?=.)" + "".join(f"(?:([0-9]{{1,12}}){unit})?" for unit in UNITS_MS)
"""The form of a duration, as a regular expression."""

_PATTERN = re.compile(DURATION)
_CLOCK = re.compile(r"([0-9]{1,4}):([0-9]{1,2})(?::([0-9]{1,2}))?")
_LOOSE = re.compile(r"([0-9]{1,12}) ?([a-z]+)")
_SPELLED: Final = {
    "milliseconds": "ms", "millis": "ms", "msec": "ms", "seconds": "s", "secs": "s",
    "minutes": "m", "mins": "m", "hours": "h", "hrs": "h", "days": "d", "weeks": "w",
}  # fmt: skip


def duration_ms(text: str) -> int | None:
    """Milliseconds; None when the text is no duration.

    >>> duration_ms("1h30m"), duration_ms("500ms"), duration_ms("90")
    (5400000, 500, None)
    """
    found = _PATTERN.fullmatch(text)
    if not found:
        return None
    return sum(
        int(count) * unit_ms
        for count, unit_ms in zip(found.groups(), UNITS_MS.values(), strict=True)
        if count
    )


def right_form(text: str) -> str:
    """Show in a hint how to write what was probably meant.

    >>> right_form("60"), right_form("10 minutes"), right_form("1:30")
    ('write 60s, 60m or 60h', 'did you mean 10m?', 'did you mean 1h30m?')
    """
    if re.fullmatch(r"[0-9]{1,12}", text):
        return f"write {text}s, {text}m or {text}h"
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        parts = [f"{n}{u}" for n, u in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n]
        return f"did you mean {''.join(parts) or '0s'}?"
    loose = _LOOSE.fullmatch(text.strip().lower())
    if loose:
        word = loose[2]
        unit = word if word in UNITS_MS else _SPELLED.get(word, _SPELLED.get(f"{word}s", ""))
        if unit:
            return f"did you mean {loose[1]}{unit}?"
    return "durations look like 500ms, 30s, 5m, 1h, 2d, 1w or 1h30m"
