"""Tables of reference data: what a file may look like, and errors that name the line."""

from pathlib import Path

import pytest

from config.lookups import load_table
from config.settings import Settings
from models.errors import ConfigError
from models.lookups import ALWAYS, NEVER

DAY = 86_400_000
START = 1_767_225_600_000


def test_lines_are_sorted_and_open_where_nothing_stands(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "# source: a test\nkey,valid_from,valid_until,risk,note\n\n"
        'B,2026-01-02,,high,"with, comma"\nA,2026-01-01T08:00:00+08:00,2026-01-03,low,\nA,,,,\n'
    )

    table = load_table(path)

    assert table.columns == ("risk", "note")
    assert [(e.key, e.since_ms, e.until_ms, dict(e.values)) for e in table.entries] == [
        ("A", ALWAYS, NEVER, {}),
        ("A", START, START + 2 * DAY, {"risk": "low"}),
        ("B", START + DAY, NEVER, {"risk": "high", "note": "with, comma"}),
    ]
    assert table.entries[2].place.line == 4


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "no header"),
        ("# nothing\n", 1, "no header"),
        ("country,risk\n", 1, "'country', not key"),
        ("key,risk,risk\n", 1, "'risk' is no name"),
        ("key,my risk\n", 1, "'my risk' is no name"),
        ("key,risk\nIR\n", 2, "1 fields, not 2"),
        ("key,risk\nIR,high,low\n", 2, "3 fields, not 2"),
        ("key,risk\n,high\n", 2, "the key is empty"),
        ("key,valid_from\n# x\nIR,1.2.2026\n", 3, "'1.2.2026' is not a time"),
        ("key,valid_from\nIR,2026-02-30\n", 2, "'2026-02-30' is not a time"),
        ("key,valid_from\nIR,2026-02-01T00:00:00\n", 2, "is not a time"),
        ("key,valid_from,valid_until\nIR,2026-02-01,2026-02-01\n", 2, "is not after"),
        ("key,risk\nIR,high\nKP,low\nIR,low\n", 4, "IR begins at the same time in line 2"),
        ('key,risk\nIR,"high\n', 2, "this is no CSV"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message) as caught:
        load_table(path)

    assert str(caught.value).startswith(f"{path}:{line}")
    assert caught.value.hint


def test_the_shipped_tables_load() -> None:
    for path in Settings().lookups.values():
        assert load_table(path).entries
