"""Tables of reference data: CSV files of keys, when they hold, and what they say."""

import csv
import re
from pathlib import Path
from typing import Final

from config.sections import brief
from config.words import NAME, TIME_HINT, epoch_ms
from config.yaml_nodes import read_text, shown
from models.errors import ConfigError, Place
from models.lookups import ALWAYS, NEVER, Entry, LookupTable

BYTES_MAX: Final = 256 << 20
KEY, SINCE, UNTIL = "key", "valid_from", "valid_until"
_HEADER_HINT: Final = "write key,valid_from,valid_until,risk: key first, the others as needed"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*(Z|[-+][0-9]{2}:[0-9]{2}))?")


def load_table(path: Path) -> LookupTable:
    """Load a table.

    Parameters
    ----------
    path
        CSV (RFC 4180) with the column `key` first; then, where wanted, `valid_from` (included) and
        `valid_until` (excluded), RFC 3339 or a date, which is its midnight in UTC; then values.
        Lines that begin with # and empty lines are skipped.

    Raises
    ------
    ConfigError
        The first bad line.
    """
    numbered = [
        (number, line)
        for number, line in enumerate(read_text(path, BYTES_MAX).split("\n"), start=1)
        if line.strip() and not line.startswith("#")
    ]
    rows = csv.reader((line for _number, line in numbered), strict=True)
    entries: dict[tuple[str, int], Entry] = {}
    header: list[str] | None = None
    try:
        for fields in rows:
            place = Place(shown(path), numbered[rows.line_num - 1][0], 1)
            values = [field.strip() for field in fields]
            if header is None:
                header = _header(values, place)
                continue
            entry = _entry(header, values, place)
            before = entries.setdefault((entry.key, entry.since_ms), entry)
            if before is not entry:
                raise ConfigError(
                    f"{brief(entry.key)} begins at the same time in line {before.place.line}",
                    hint="remove one of them",
                    place=place,
                )
    except csv.Error as error:
        place = Place(shown(path), numbered[max(rows.line_num - 1, 0)][0], 1)
        raise ConfigError(f"this is no CSV: {error}", hint=_HEADER_HINT, place=place) from None
    if header is None:
        raise ConfigError("the file has no header", hint=_HEADER_HINT, place=Place(shown(path), 1))
    columns = tuple(name for name in header if name not in (KEY, SINCE, UNTIL))
    return LookupTable(columns, tuple(entries[key] for key in sorted(entries)))


def _header(names: list[str], place: Place) -> list[str]:
    if names[0] != KEY:
        raise ConfigError(
            f"the first column is {brief(names[0])!r}, not key", hint=_HEADER_HINT, place=place
        )
    for at, name in enumerate(names):
        if not NAME.fullmatch(name) or name in names[:at]:
            message = f"{brief(name)!r} is no name of a column, or stands twice"
            raise ConfigError(message, hint=_HEADER_HINT, place=place)
    return names


def _entry(header: list[str], values: list[str], place: Place) -> Entry:
    if len(values) != len(header):
        raise ConfigError(
            f"{len(values)} fields, not {len(header)}", hint=",".join(header), place=place
        )
    named = dict(zip(header, values, strict=True))
    key, since, until = named.pop(KEY), named.pop(SINCE, ""), named.pop(UNTIL, "")
    if not key:
        raise ConfigError("the key is empty", hint="write one, or remove the line", place=place)
    since_ms = _time_ms(since, place) if since else ALWAYS
    until_ms = _time_ms(until, place) if until else NEVER
    if until_ms <= since_ms:
        raise ConfigError(
            f"{until} is not after {since}", hint="valid_until is when it ends", place=place
        )
    return Entry(key, since_ms, until_ms, {n: v for n, v in named.items() if v}, place)


def _time_ms(text: str, place: Place) -> int:
    wrong = ConfigError(f"{brief(text)!r} is not a time", hint=TIME_HINT, place=place)
    if not _TIME.fullmatch(text):
        raise wrong
    try:
        return epoch_ms(text)
    except (ValueError, OverflowError):
        raise wrong from None
