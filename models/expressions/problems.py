"""What can be wrong with an expression, said with its position and the nearest good word."""

import difflib
from collections.abc import Sequence
from typing import Final

from sqlglot import expressions as sql
from sqlglot.errors import SqlglotError

from models.errors import ConfigError

_FEATURES: Final = "count and sum in a feature, then use its name here"
CLOCK: Final = "event_time is the only clock"
SELECT: Final = "an expression reads one event and its features: no SELECT"
HINTS: Final[dict[type[sql.Expr], str]] = {
    sql.Window: _FEATURES,
    sql.AggFunc: _FEATURES,
    sql.Cast: "columns have their types already",
    sql.CurrentTimestamp: CLOCK,
    sql.CurrentDate: CLOCK,
    sql.Query: SELECT,
    sql.Exists: SELECT,
    sql.Block: "one expression, without a semicolon",
    sql.PropertyEQ: "= compares",
    sql.DPipe: "write OR",
    sql.Alias: "numbers have digits and a point only, and nothing is renamed",
}
"""What to say about parts of SQL that have no meaning here."""


class ExpressionError(ConfigError):
    """An expression is wrong; `column` (from 1) is where in its text."""

    def __init__(self, message: str, *, hint: str, column: int = 1) -> None:
        super().__init__(message, hint=hint)
        self.column = column


def nearest(word: str, known: Sequence[str]) -> str:
    """A hint that names the closest good word.

    >>> nearest("acount", ["account", "amount"])
    'did you mean account?'
    """
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(sorted(known)[:40])}"


def problem(e: sql.Expr, message: str, hint: str) -> ExpressionError:
    """An error at the first word of a part of the tree."""
    starts = [node.meta["start"] + 1 for node in e.walk() if "start" in node.meta]
    return ExpressionError(message, hint=hint, column=min(starts, default=1))


def syntax_problem(error: SqlglotError, text: str) -> ExpressionError:
    """What the SQL parser could not read."""
    details = getattr(error, "errors", None)
    if not details:
        message = "cannot read this expression: a text or comment has no end"
        return ExpressionError(message, hint="a text stands in single quotes: 'x'")
    first = details[0]
    word = first.get("highlight") or "the end"
    unclosed = "Expecting )" in str(first.get("description"))
    hint = "a parenthesis is not closed" if unclosed else "SQL: a >= 1 AND b IN ('x', 'y')"
    # the parser counts columns within a line, to the end of the word
    before = sum(len(line) + 1 for line in text.split("\n")[: int(first.get("line") or 1) - 1])
    column = before + int(first.get("col") or 1) - len(first.get("highlight") or "") + 1
    message = f"cannot read this expression near {word!r}"
    return ExpressionError(message, hint=hint, column=min(max(column, 1), len(text)))
