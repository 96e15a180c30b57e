"""Values as people read them: times, numbers in sentences, card numbers masked."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from models.planning.rules import Sentence

CARD_DIGITS_SHOWN: Final = 4
MASKED: Final = frozenset({"card"})
"""Columns that leave the process masked."""


@lru_cache(maxsize=4096)
def rfc3339(time_ms: int) -> str:
    """Epoch milliseconds as RFC 3339 in UTC.

    >>> rfc3339(1795248000123)
    '2026-11-21T08:00:00.123Z'
    """
    at = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def shown(value: Any, wanted: str) -> str:
    """A value inside a reason, never in scientific notation.

    Whole numbers are plain, others have two decimals, and below 1 four significant digits.
    """
    if value is None:
        return "–"
    if isinstance(value, str | bool):
        return str(value)
    number = float(value)
    if wanted:
        text = format(value, wanted)
    elif number == int(number) and abs(number) < 1e15:
        text = str(int(number))
    elif abs(number) < 1:
        text = f"{number:.4g}"
    else:
        text = f"{number:.2f}".rstrip("0").rstrip(".")
    return format(Decimal(text), "f") if "e" in text else text


def say(sentence: Sentence, values: Mapping[str, Any]) -> str:
    """Fill a reason's template."""
    return "".join(
        literal + (shown(values[name], wanted) if name else "")
        for literal, name, wanted in sentence.parts
    )


def mask_card(text: str) -> str:
    """All but the last four characters of a card hidden.

    >>> mask_card("4111111111111111")
    '************1111'
    """
    return "*" * max(len(text) - CARD_DIGITS_SHOWN, 0) + text[-CARD_DIGITS_SHOWN:]


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns by name with card numbers masked."""
    return {
        name: mask_card(value) if name in MASKED and isinstance(value, str) else value
        for name, value in values.items()
    }
