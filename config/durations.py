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
_LOOSE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?) ?([a-z]+|[秒钟分小时天周个月年]+) ?")
_SPELLED: Final = {
    "milliseconds": "ms", "millis": "ms", "msec": "ms", "seconds": "s", "secs": "s",
    "minutes": "m", "mins": "m", "hours": "h", "hrs": "h", "days": "d", "weeks": "w",
    "秒": "s", "秒钟": "s", "分": "m", "分钟": "m", "小时": "h", "天": "d", "周": "w",
}  # fmt: skip
_UNEVEN: Final = frozenset({"mo", "month", "months", "y", "year", "years", "个月", "月", "年"})


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
    >>> right_form("1.5h"), right_form("30m1h"), right_form("2 小时")
    ('did you mean 1h30m?', 'did you mean 1h30m?', 'did you mean 2h?')
    """
    if re.fullmatch(r"[0-9]{1,12}", text):
        return f"write {text}s, {text}m or {text}h"
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        parts = [f"{n}{u}" for n, u in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n]
        return f"did you mean {''.join(parts) or '0s'}?"
    loose = text.strip().lower()
    found = [(count, _unit(word)) for count, word in _LOOSE.findall(loose)]
    if found and not _LOOSE.sub("", loose):
        units = {unit for _count, unit in found}
        if units & _UNEVEN:
            return "months and years differ in length: write 30d or 365d"
        if units <= set(UNITS_MS):
            return f"did you mean {_joined(found)}?"
    return "durations look like 500ms, 30s, 5m, 1h, 2d, 1w or 1h30m"


def _unit(word: str) -> str:
    """The unit that a word means, or the word."""
    return _SPELLED.get(word, _SPELLED.get(f"{word}s", word))


def _joined(parts: list[tuple[str, str]]) -> str:
    """Parts in whole numbers, the largest unit first."""
    if len(parts) == 1 and "." not in parts[0][0]:
        return "".join(parts[0])
    left_ms = round(sum(float(count) * UNITS_MS[unit] for count, unit in parts))
    written = ""
    for unit, size_ms in UNITS_MS.items():
        count, left_ms = divmod(left_ms, size_ms)
        written += f"{count}{unit}" if count else ""
    return written or "0s"
