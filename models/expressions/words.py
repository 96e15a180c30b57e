"""Literals, parameters and function calls of sqlglot's tree, in our words."""

from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from sqlglot import expressions as sql

from models.expressions.problems import problem
from models.expressions.tree import Constant, Type

FUNCTIONS: Final[dict[str, tuple[int, int]]] = {
    "abs": (1, 1),
    "ceil": (1, 1),
    "exp": (1, 1),
    "floor": (1, 1),
    "greatest": (1, 16),
    "km": (4, 4),
    "least": (1, 16),
    "ln": (1, 1),
    "local_hour": (2, 2),
    "local_weekday": (2, 2),
    "log10": (1, 1),
    "power": (2, 2),
    "round": (1, 1),
    "sign": (1, 1),
    "sqrt": (1, 1),
}
"""Scalar function → least and most arguments; all take and yield numbers, but for the zones."""

ZONED: Final = ("local_hour", "local_weekday")
"""Functions whose second argument is an IANA time zone."""


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """IANA time zones."""
    return frozenset(available_timezones())


def called(e: sql.Expr) -> tuple[str, list[sql.Expr]]:
    """A function's name in small letters and its arguments."""
    if isinstance(e, sql.Anonymous):
        return str(e.this).lower(), list(e.expressions)
    if isinstance(e, sql.Log):
        # one argument is ln in sqlglot's default dialect, so only LOG10(x) may arrive here
        base_ten = e.expression is not None and e.this.sql() == "10"
        return ("log10", [e.expression]) if base_ten else ("log", [e.this])
    if isinstance(e, sql.Func):
        given = [e.args.get(key) for key in e.arg_types]
        flat = [x for item in given for x in (item if isinstance(item, list) else [item])]
        name = {"pow": "power", "ceiling": "ceil"}.get(e.sql_name().lower(), e.sql_name().lower())
        return name, [x for x in flat if isinstance(x, sql.Expr)]
    return type(e).__name__.lower(), []


def literal(e: sql.Literal) -> Constant:
    """A number or text as it stands in the expression."""
    if e.is_string:
        return Constant(str(e.this), Type.TEXT)
    try:
        value = float(e.this)
    except ValueError:
        raise problem(e, f"{e.this} is not a number", "an exponent has digits: 1e6") from None
    if value == float("inf"):
        raise problem(e, f"{e.this} is beyond float64", "numbers reach 1.8e308")
    return Constant(value, Type.NUMBER)


def constant(value: float | str | bool) -> Constant:
    """A parameter as a constant."""
    if isinstance(value, bool):
        return Constant(value, Type.FLAG)
    if isinstance(value, str):
        return Constant(value, Type.TEXT)
    return Constant(float(value), Type.NUMBER)
