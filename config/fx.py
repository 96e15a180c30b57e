"""Exchange rates from a CSV file that only ever grows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from config.sections import brief, suggest
from config.words import TIME_HINT, epoch_ms
from config.yaml_nodes import read_text, shown
from models.decoding.schema import iso_currencies
from models.errors import ConfigError, Place
from models.fx import FxRates

HEADER: Final = ("valid_from", "currency", "rate")
BYTES_MAX: Final = 64 << 20

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?(Z|[-+][0-9]{2}:[0-9]{2}))?"
)
_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,30})?")
_DECIMALS_MAX = 12


def load_fx(path: Path, base_currency: str, currencies: Mapping[str, int] | None = None) -> FxRates:
    """Load exchange rates.

    Parameters
    ----------
    path
        CSV with the columns valid_from (RFC 3339, or a date: its midnight in UTC), currency and
        rate; lines that begin with # and empty lines are skipped.
    base_currency
        What rates are expressed in.
    currencies
        Known codes; ISO 4217 when left out.

    Raises
    ------
    ConfigError
        The first bad line, with line and column.
    """
    known = iso_currencies() if currencies is None else currencies
    found: dict[str, dict[int, Decimal]] = {}
    header_seen = False
    for number, line in enumerate(read_text(path, BYTES_MAX).split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        row = _Line(shown(path), number, line)
        fields = row.fields()
        if not header_seen:
            if tuple(fields) != HEADER:
                raise row.error(0, f"the columns are {brief(line)}", f"write {','.join(HEADER)}")
            header_seen = True
            continue
        time_ms, code, rate = row.time_ms(fields[0]), fields[1], row.rate(fields[2])
        if code not in known:
            raise row.error(1, f"no currency is called {brief(code)}", suggest(code, known))
        if code == base_currency:
            raise row.error(1, f"{code} is the base currency", "its rate is 1; remove this line")
        if time_ms in found.setdefault(code, {}):
            raise row.error(0, f"{code} has a rate from {fields[0]} already", "remove one of them")
        found[code][time_ms] = rate
    if not header_seen:
        raise ConfigError(
            "the file has no header", hint=f"write {','.join(HEADER)}", place=Place(shown(path), 1)
        )
    names = tuple(sorted(found))
    times = tuple(tuple(sorted(found[name])) for name in names)
    rates = tuple(
        tuple(found[name][t] for t in row) for name, row in zip(names, times, strict=True)
    )
    return FxRates(names, times, rates)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file, which knows where its fields stand."""

    file: str
    number: int
    text: str

    def fields(self) -> list[str]:
        fields = [field.strip() for field in self.text.split(",")]
        if len(fields) != len(HEADER):
            raise self.error(0, f"{len(fields)} fields, not {len(HEADER)}", ",".join(HEADER))
        return fields

    def time_ms(self, text: str) -> int:
        if not _TIME.fullmatch(text):
            raise self.error(0, f"{brief(text)!r} is not a time", TIME_HINT)
        try:
            return epoch_ms(text)
        except (ValueError, OverflowError):
            raise self.error(0, f"{text} does not exist", TIME_HINT) from None

    def rate(self, text: str) -> Decimal:
        if not _RATE.fullmatch(text) or not Decimal(text) > 0:
            raise self.error(2, f"{brief(text)!r} is no positive rate", "write 7.1234")
        if len(text.partition(".")[2]) > _DECIMALS_MAX:
            message = f"{text} has more than {_DECIMALS_MAX} decimals"
            raise self.error(2, message, "round it")
        return Decimal(text)

    def error(self, field: int, message: str, hint: str) -> ConfigError:
        parts = self.text.split(",")
        before = sum(len(part) + 1 for part in parts[:field])
        indent = len(parts[field]) - len(parts[field].lstrip())
        return ConfigError(
            message, hint=hint, place=Place(self.file, self.number, before + indent + 1)
        )
