"""``over`` and ``incident``: durations, calendar periods, sessions, since an event, all time."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from config.durations import DURATION
from config.sections import brief, form, problem, suggest
from config.words import span_ms, text_of
from models.expressions.words import zones
from models.feature_specs import Over
from models.features.calendar import DAY_MS, PERIODS, markets

PERIODS_MAX: Final = 400
"""Most calendar periods in a window."""

_PERIOD: Final = r"(day|month|business_day)"
_CALENDAR: Final = re.compile(rf"(?:([0-9]{{1,4}}) )?{_PERIOD}s?\(([^()]*)\)")
_BEGINS: Final = re.compile(r"(session|since)\((.*)\)(?: max ([0-9a-z]+))?", re.DOTALL)
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_ALL: Final = "all"


def _calendar(count: int, period: str, words: list[str]) -> Over:
    """Calendar periods: of a zone, and for business days of a country, up to a cutoff."""
    zone, *rest = words
    if not zone:
        raise problem(f"{period} lacks its time zone", _zoned(period))
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


def _zoned(text: str) -> str:
    """How the period that a text begins with is written."""
    period = next(period for period in PERIODS if text.startswith(period))
    return f"write {period}(Asia/Shanghai{', CN' if period == 'business_day' else ''})"


def _clock_ms(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if not found:
        raise problem(f"{brief(text)!r} is no cutoff", "a time of the day, such as 17:00")
    return (int(found[1]) * 60 + int(found[2])) * 60_000


def over_of(node: Any) -> Over:
    """A window as written: a duration, calendar periods, one that begins itself, or all time."""
    text = text_of(node)
    if text == _ALL:
        return Over()
    begins = _BEGINS.fullmatch(text)
    if begins:
        return _self_beginning(*begins.groups())
    calendar = _CALENDAR.fullmatch(text)
    if calendar:
        count, period, words = calendar.groups()
        return _calendar(int(count or 1), period, [word.strip() for word in words.split(",")])
    bare = text.lstrip("0123456789 ")
    if bare.startswith(PERIODS):
        raise problem(f"{brief(text)} lacks its time zone", _zoned(bare))
    if not any(char.isdigit() for char in text):
        raise problem(f"{brief(text)} is no window", "write 1h, day(Asia/Shanghai) or all")
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


def period_of(node: Any) -> Over:
    """One calendar period as written."""
    over = over_of(node)
    if not over.period or over.count != 1:
        raise problem("an incident lasts a calendar period", _zoned("day"))
    return over


_PERIODS: Final = {"type": "string", "pattern": f"^{_CALENDAR.pattern}$"}
_WINDOWS: Final = [
    {"type": "string", "pattern": f"^{DURATION}$"},
    _PERIODS,
    {"type": "string", "pattern": rf"^(session|since)\(.*\) max {DURATION}$"},
    {"const": _ALL},
]

Window = Annotated[Over, BeforeValidator(over_of, json_schema_input_type=form(anyOf=_WINDOWS))]
"""A window."""

Period = Annotated[Over, BeforeValidator(period_of, json_schema_input_type=form(**_PERIODS))]
"""One calendar period."""
