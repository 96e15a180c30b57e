"""The definition of expressions: a checked tree on one row, in plain Python.

The machine (`models.expressions.machine`) is this, compiled and column-wise. A value is a float,
a bool, a str or None, which is NULL; what is not a finite number is NULL too.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from models.expressions.tree import Call, Constant, Name, Node

Value = float | str | bool | None


def evaluate(node: Node, row: Mapping[str, Value]) -> Value:
    """Evaluate a checked expression on one row.

    Parameters
    ----------
    node
        What `models.expressions.parsing.Parser` made of an expression.
    row
        Column or feature → its value; money in major units, times in epoch ms.

    Returns
    -------
    The value, None where it is NULL.

    Examples
    --------
    >>> from models.expressions.parsing import Parser
    >>> from models.expressions.tree import Name, Source, Type
    >>> parser = Parser({"x": Name("x", Source.NUMBER)})
    >>> tree = parser.parse("x > 1 OR x IS NULL", Type.FLAG)
    >>> [evaluate(tree, {"x": x}) for x in (2.0, 1.0, None)]
    [True, False, True]
    """
    if isinstance(node, Name):
        return row[node.name]
    if isinstance(node, Constant):
        return node.value
    match node.operator:
        case "and" | "or":
            return _logic(node, row)
        case "case":
            return _case(node.arguments, row)
        case _:
            return _apply(node.operator, [evaluate(argument, row) for argument in node.arguments])


def _logic(node: Call, row: Mapping[str, Value]) -> Value:
    """Decide in three values: one settling term decides, whatever is unknown beside it."""
    settling = node.operator == "or"
    terms = [evaluate(term, row) for term in node.arguments]
    if settling in terms:
        return settling
    return None if None in terms else not settling


def _case(parts: Sequence[Node], row: Mapping[str, Value]) -> Value:
    for condition, value in zip(parts[:-1:2], parts[1::2], strict=True):
        if evaluate(condition, row) is True:
            return evaluate(value, row)
    return evaluate(parts[-1], row)


def _apply(operator: str, values: Sequence[Value]) -> Value:
    present = [value for value in values if value is not None]
    match operator:
        case "is_null":
            return not present
        case "coalesce":
            return present[0] if present else None
        case "least" | "greatest":
            # they skip NULLs; the first of equal ones is kept
            chosen = min if operator == "least" else max
            return chosen((_number(value) for value in present), default=None)
        case "in":
            return _in(values[0], values[1:])
    if len(present) < len(values):
        return None
    match operator:
        case "not":
            return not values[0]
        case "local_hour" | "local_weekday":
            return _local(operator, _number(values[0]), str(values[1]))
        case "like":
            return _like(str(values[0]), str(values[1]))
        case "=":
            return values[0] == values[1]
        case "<>":
            return values[0] != values[1]
    return _number_or_null(operator, [_number(value) for value in values])


def _in(needle: Value, listed: Sequence[Value]) -> Value:
    if needle is None:
        return None
    if needle in [value for value in listed if value is not None]:
        return True
    return None if None in listed else False


def _like(text: str, pattern: str) -> bool:
    kinds = {"%": ".*", "_": "."}
    parts = [kinds.get(character, re.escape(character)) for character in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _number(value: Value) -> float:
    assert not isinstance(value, str | None)
    return float(value)


def _round(x: float) -> float:
    """Round half away from zero, as SQL does; from 2⁵² on every float is whole."""
    whole = math.floor(abs(x))
    return math.copysign(whole + (abs(x) - whole >= 0.5), x)


def _sign(x: float) -> float:
    return x if x == 0.0 else math.copysign(1.0, x)


def _local(operator: str, time_ms: float, zone: str) -> float | None:
    years = datetime(1999, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
    if not years[0].timestamp() <= time_ms / 1000 < years[1].timestamp():
        return None
    moment = datetime.fromtimestamp(math.floor(time_ms / 1000), UTC).astimezone(ZoneInfo(zone))
    return float(moment.hour if operator == "local_hour" else moment.isoweekday())


def _km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance between two points on a sphere of the earth's mean radius."""
    if max(abs(lat), abs(other_lat)) > 90 or max(abs(lon), abs(other_lon)) > 180:
        return math.nan
    up, along = math.radians(other_lat - lat), math.radians(other_lon - lon)
    scale = math.cos(math.radians(lat)) * math.cos(math.radians(other_lat))
    part = math.sin(up / 2) ** 2 + scale * math.sin(along / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(part)))


_FUNCTIONS: Final[dict[str, Callable[..., float]]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
    "%": math.fmod,
    "power": math.pow,
    "neg": lambda x: -x,
    "abs": abs,
    "ceil": lambda x: math.copysign(math.ceil(x), x),
    "floor": lambda x: math.copysign(math.floor(x), x),
    "round": _round,
    "sign": _sign,
    "exp": math.exp,
    "ln": math.log,
    "log10": math.log10,
    "sqrt": math.sqrt,
    "km": _km,
}


def _number_or_null(operator: str, values: Sequence[float]) -> float | None:
    """Call a function of numbers; division by zero, overflow and bad domains are NULL."""
    try:
        result = _FUNCTIONS[operator](*values)
    except (ArithmeticError, ValueError):
        return None
    return result if math.isfinite(result) else None
