"""Exchange rates: sorted as-of tables, and errors that name line and column."""

from decimal import Decimal
from pathlib import Path

import pytest

from config.fx import FxRates, load_fx
from models.errors import ConfigError

HEADER = "# source: a test\nvalid_from,currency,rate\n"


def test_rates_are_sorted_by_currency_and_time(tmp_path: Path) -> None:
    path = tmp_path / "fx.csv"
    path.write_text(
        HEADER + "2026-01-02,USD,7.2\n\n2026-01-01, USD ,7.10\n# later\n"
        "2026-01-01T08:00:00.5+08:00,EUR,8.000000000001\n2026-01-01T08:00:00Z,XBT,1\n"
    )
    day = 1_767_225_600_000
    assert load_fx(path, "CNY", {"USD": 2, "EUR": 2, "XBT": 4}) == FxRates(
        ("EUR", "USD", "XBT"),
        ((day + 500,), (day, day + 86_400_000), (day + 8 * 3_600_000,)),
        ((Decimal("8.000000000001"),), (Decimal("7.10"), Decimal("7.2")), (Decimal(1),)),
    )


@pytest.mark.parametrize(
    ("row", "column", "message", "hint"),
    [
        ("2026-01-01,USDD,7.1", 12, "no currency is called USDD", "did you mean USD?"),
        ("2026-01-01,XAU,7.1", 12, "no currency is called XAU", ""),
        ("2026-01-01,CNY,1", 12, "CNY is the base currency", "remove"),
        ("2026-01-01,USD,0", 16, "'0' is no positive rate", "write 7.1234"),
        ("2026-01-01,USD, -7", 17, "'-7' is no positive rate", "write"),
        ("2026-01-01,USD,7e3", 16, "'7e3' is no positive rate", "write"),
        ("2026-01-01,USD,nan", 16, "'nan' is no positive rate", "write"),
        ("2026-01-01,USD,1.1234567890123", 16, "more than 12 decimals", "round"),
        ("01.02.2026,USD,7.1", 1, "'01.02.2026' is not a time", "2026-01-31"),
        ("2026-01-01T00:00:00,USD,7", 1, "is not a time", "2026-01-31T08:00:00Z"),
        ("2026-02-30,USD,7.1", 1, "2026-02-30 does not exist", "write"),
        ("0001-01-01T00:00:00+14:00,USD,7", 1, "", ""),
        ("2026-01-01,USD", 1, "2 fields, not 3", "valid_from,currency,rate"),
        ('2026-01-01,USD,"7,1"', 1, "4 fields, not 3", "valid_from"),
        ("2025-01-01T00:00:00Z,USD,7", 1, "USD has a rate from", "remove one"),
    ],
)
def test_mistakes(tmp_path: Path, row: str, column: int, message: str, hint: str) -> None:
    path = tmp_path / "fx.csv"
    path.write_text(f"{HEADER}2025-01-01,USD,7\n{row}\n")
    if not message:
        assert load_fx(path, "CNY").times_ms[0][0] < 0
        return
    with pytest.raises(ConfigError) as caught:
        load_fx(path, "CNY")
    assert str(caught.value).startswith(f"{path}:4:{column}: ")
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["", "# nothing", "currency,rate\n", "a,b,c\n", "\0", "a,b"])
def test_no_header(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fx.csv"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load_fx(path, "CNY")
