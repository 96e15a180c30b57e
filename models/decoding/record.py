"""The definition of decoding: one record's bytes to one event, or the reason why not.

The scanner (`models.decoding.scanner`) is this, compiled; what it does not recognise ends here,
so every dead letter's code and sentence come from this file.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from models.decoding.scanner import EARLIEST_MS, MONEY_MAX
from models.decoding.schema import Schema
from models.decoding.text import DEPTH_MAX
from models.events import KINDS, MONEY_DECIMALS, REQUIRED_ALWAYS, Column, ColumnType

Value = str | int | float | bool
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_SHOWN_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record is no event: a machine code and a sentence with the value."""

    code: str
    reason: str


class _RejectedError(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.rejection = Rejection(code, reason)


def decode_record(raw: bytes, schema: Schema, latest_ms: int) -> dict[str, Value] | Rejection:
    """Decode one record; never raises for what a record can hold.

    Parameters
    ----------
    raw
        The record's bytes, UTF-8 JSON.
    schema
        Wanted columns.
    latest_ms
        Events later than this, in epoch ms, are from the future.

    Returns
    -------
    Canonical column → value (NULLs left out): text as str, times as epoch ms, money as int in
    10⁻⁴ major units, numbers as float, flags as bool; or a `Rejection`.
    """
    try:
        members = _members(raw)
        event = _values(members, schema)
        _check(event, members, schema, latest_ms)
    except _RejectedError as error:
        return error.rejection
    return event


def _shown(value: object) -> str:
    exact = isinstance(value, Decimal)
    text = str(value) if exact else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"


def _depth(raw: bytes) -> int:
    """Levels of valid JSON as written: a value that a duplicate key hides counts too."""
    deepest = level = 0
    for bracket in _BRACKETS.findall(raw):
        level += 1 if bracket in (b"[", b"{") else -1 if bracket in (b"]", b"}") else 0
        deepest = max(deepest, level)
    return deepest


def _members(raw: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        code = "too_deep" if "depth" in error.msg else "bad_json"
        raise _RejectedError(code, f"not JSON: {error.msg} at byte {error.pos}") from None
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX and _depth(raw) > DEPTH_MAX:
        raise _RejectedError("too_deep", f"nested deeper than {DEPTH_MAX} levels")
    if not isinstance(value, dict):
        raise _RejectedError("not_an_object", f"an event is a JSON object, was {_shown(value)}")
    # orjson judged the syntax; this keeps every digit of the numbers
    exact: dict[str, Any] = json.loads(raw, parse_float=_exact)
    return exact


def _exact(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        # JSON's grammar has no limit on exponents, Decimal has one at ±10¹⁸
        mantissa, _e, exponent = digits.lower().partition("e")
        return Decimal(f"{mantissa}e{'-' * ('-' in exponent)}{10**17}")


def _values(members: dict[str, Any], schema: Schema) -> dict[str, Value]:
    event: dict[str, Value] = dict(schema.constants)
    for wire, column in schema.names.items():
        value = members.get(wire)
        if value is None or value == "":
            continue
        event[column.name] = _value(value, wire, column)
    return event


def _value(value: Any, wire: str, column: Column) -> Value:
    match column.type:
        case ColumnType.TEXT:
            if not isinstance(value, str):
                raise _wrong_type(wire, "text", value)
            return value
        case ColumnType.FLAG:
            if not isinstance(value, bool):
                raise _wrong_type(wire, "true or false", value)
            return value
        case ColumnType.TIME:
            return _time(value, wire)
        case ColumnType.MONEY:
            return _money(value, wire)
        case ColumnType.NUMBER:
            return _float(value, wire)


def _wrong_type(wire: str, wanted: str, value: object) -> _RejectedError:
    return _RejectedError("wrong_type", f"{wire} must be {wanted}, was {_shown(value)}")


def _decimal(value: Any, wire: str) -> Decimal:
    if isinstance(value, str) and _JSON_NUMBER.fullmatch(value):
        return _exact(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong_type(wire, "a number", value)
    return Decimal(value)


def _float(value: Any, wire: str) -> float:
    # adding zero leaves one zero: −0.0 and 0.0 are one value, and must be one key
    number = float(_decimal(value, wire)) + 0.0
    if abs(number) == float("inf"):
        raise _RejectedError("out_of_range", f"{wire} is beyond float64, was {_shown(value)}")
    return number


def _money(value: Any, wire: str) -> int:
    exact = _decimal(value, wire)
    if exact == 0:
        return 0
    _sign, digits, exponent = exact.as_tuple()
    if not isinstance(exponent, int) or len(digits) + exponent > 18:
        raise _RejectedError("out_of_range", f"{wire} is too large, was {_shown(value)}")
    excess = -MONEY_DECIMALS - exponent
    if excess > 0 and any(digits[-excess:]):
        raise _RejectedError(
            "excess_decimals",
            f"{wire} has more than {MONEY_DECIMALS} decimals, was {_shown(value)}",
        )
    scaled = int(exact.scaleb(MONEY_DECIMALS))
    if abs(scaled) > MONEY_MAX:
        raise _RejectedError("out_of_range", f"{wire} is too large, was {_shown(value)}")
    return scaled


def _time(value: Any, wire: str) -> int:
    if isinstance(value, str):
        return _rfc3339(value, wire)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**18:
        raise _wrong_type(wire, "epoch milliseconds or an RFC 3339 time", value)
    return value


def _rfc3339(text: str, wire: str) -> int:
    found = _RFC3339.fullmatch(text)
    wrong = _wrong_type(wire, "epoch milliseconds or an RFC 3339 time", text)
    if found is None:
        raise wrong
    hours, minutes = int(found[9] or 0), int(found[10] or 0)
    if hours > 23 or minutes > 59:
        raise wrong
    try:
        parts = [int(part) for part in found.groups()[:6]]
        at = datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        raise wrong from None
    ms = (at - datetime(1970, 1, 1, tzinfo=UTC)) // _MILLISECOND
    ms += int(((found[7] or "") + "000")[:3])
    offset = (hours * 60 + minutes) * 60_000
    return ms - offset if found[8] == "+" else ms + offset


_MILLISECOND = datetime(1970, 1, 1, 0, 0, 0, 1000) - datetime(1970, 1, 1)  # noqa: DTZ001


def _check(
    event: dict[str, Value], members: dict[str, Any], schema: Schema, latest_ms: int
) -> None:
    wires = {column.name: wire for wire, column in schema.names.items()}
    for name in REQUIRED_ALWAYS:
        if name not in event:
            raise _missing(name, wires, members)
    kind = event["kind"]
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise _RejectedError("unknown_kind", f"kind must be one of {known}, was {_shown(kind)}")
    for name in schema.required(str(kind)):
        if name not in event:
            raise _missing(name, wires, members)
    _check_time(int(event["event_time"]), latest_ms)
    _check_money(event, schema)


def _missing(name: str, wires: dict[str, str], members: dict[str, Any]) -> _RejectedError:
    wire = wires.get(name, name)
    state = "is empty" if wire in members else "is missing"
    return _RejectedError("missing_column", f"{wire} {state}")


def _check_time(time: int, latest_ms: int) -> None:
    if time < EARLIEST_MS:
        raise _RejectedError(
            "too_early",
            f"event_time must be epoch milliseconds from the year 2000 on, was {time}"
            " (are these seconds?)",
        )
    if time > latest_ms:
        raise _RejectedError(
            "future_time",
            f"event_time {time} is {(time - latest_ms) // 1000} s further ahead than"
            " five minutes after arrival",
        )


def _check_money(event: dict[str, Value], schema: Schema) -> None:
    currency = str(event.get("currency", schema.base_currency))
    decimals = schema.currencies.get(currency)
    if decimals is None:
        raise _RejectedError(
            "unknown_currency", f"currency must be an ISO 4217 code, was {_shown(currency)}"
        )
    unit = 10 ** (MONEY_DECIMALS - decimals)
    for column in schema.columns:
        amount = event.get(column.name) if column.type is ColumnType.MONEY else None
        if amount is not None and int(amount) % unit:
            shown = Decimal(int(amount)).scaleb(-MONEY_DECIMALS).normalize()
            raise _RejectedError(
                "excess_decimals",
                f"{column.name} in {currency} has {decimals} decimals, was {shown}",
            )
