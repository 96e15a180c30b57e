"""Windows as written in a pack: durations, calendar periods, sessions, what follows an event."""

import re
from typing import Any, Final

from config.sections import brief, problem, suggest
from config.words import span_ms, text_of
from models.expressions.words import zones
from models.features.calendar import DAY_MS, PERIODS, markets
from models.pack import Over

PERIODS_MAX: Final = 400
"""Most calendar periods in a window."""

_CALENDAR = re.compile(r"(?:([0-9]{1,4}) )?(day|month|business_day)s?\(([^()]*)\)")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_BEGINS = re.compile(r"(session|since)\((.*)\)(?: max ([0-9a-z]+))?", re.DOTALL)


def _calendar(count: int, period: str, words: list[str]) -> Over:
    """Calendar periods: of a zone, and for business days of a country, up to a cutoff."""
    zone, *rest = words
    if zone not in zones():
        raise problem(f"no time zone is called {brief(zone)!r}", suggest(zone, sorted(zones())))
    if not 1 <= count <= PERIODS_MAX:
        raise problem(f"{count} periods", f"from 1 to {PERIODS_MAX}")
    if period != "business_day":
        if rest:
            raise problem(f"a {period} has a time zone only", f"write {period}({zone})")
        return Over(period=period, zone=zone, count=count)
    if not 1 <= len(rest) <= 2:
        raise problem("a business day needs a country", "write business_day(Asia/Shanghai, CN)")
    market, *cutoff = rest
    if market not in markets():
        raise problem(f"no holidays are known of {brief(market)!r}", "a country's code, such as CN")
    return Over(0, period, zone, market, _clock_ms(cutoff[0]) if cutoff else DAY_MS, count)


def _clock_ms(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if not found:
        raise problem(f"{brief(text)!r} is no cutoff", "a time of the day, such as 17:00")
    return (int(found[1]) * 60 + int(found[2])) * 60_000


def over_of(node: Any) -> Over:
    """A window as written: a duration, calendar periods, a session, since an event, or all time."""
    text = text_of(node)
    if text == "all":
        return Over()
    begins = _BEGINS.fullmatch(text)
    if begins:
        return _self_beginning(*begins.groups())
    calendar = _CALENDAR.fullmatch(text)
    if calendar:
        count, period, words = calendar.groups()
        return _calendar(int(count or 1), period, [word.strip() for word in words.split(",")])
    if text.lstrip("0123456789 ").startswith(PERIODS):
        raise problem(f"{brief(text)} lacks its time zone", "write day(Asia/Shanghai)")
    return Over(span_ms=span_ms(text))


def _self_beginning(word: str, inner: str, longest: str | None) -> Over:
    """A window that begins with one of its own events."""
    if longest is None:
        raise problem(f"{word} lacks its longest span", f"write {word}({brief(inner)}) max 24h")
    most_ms = span_ms(longest)
    if word == "since":
        return Over(span_ms=most_ms, since=inner)
    gap_ms = span_ms(inner)
    if gap_ms > most_ms:
        raise problem(f"a gap of {inner} is longer than the session", "give max more time")
    return Over(span_ms=most_ms, gap_ms=gap_ms)
