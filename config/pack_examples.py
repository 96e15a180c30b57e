"""``examples:`` of a rule: short streams that must fire, and streams just short of it."""

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from config.pack_columns import EXAMPLE_KEYS, Scope
from config.sections import Section, brief, problem, suggest
from config.words import Flag, Text, span, whole
from config.yaml_nodes import Scalar
from models.events import Column, ColumnType
from models.pack import Example

REPEAT_MAX: Final = 10_000

_DECIMAL = re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{1,30})?")
FORMS: Final[dict[ColumnType, dict[str, Any]]] = {
    ColumnType.TEXT: {"type": ["string", "number", "boolean", "null"]},
    ColumnType.FLAG: {"type": ["boolean", "null"]},
    ColumnType.MONEY: {"type": ["number", "string", "null"], "pattern": f"^{_DECIMAL.pattern}$"},
    ColumnType.NUMBER: {"type": ["number", "string", "null"], "pattern": f"^{_DECIMAL.pattern}$"},
    ColumnType.TIME: {"type": ["string", "integer", "null"]},
}
"""What the value of a column looks like in an example, as JSON Schema."""

_WRITTEN: Final = {
    ColumnType.FLAG: "write true or false",
    ColumnType.MONEY: "write digits, such as 10 or 10.50",
    ColumnType.NUMBER: "write digits, such as 10 or 0.5",
    ColumnType.TIME: "write 2026-01-31T08:00:00Z or epoch milliseconds",
}


class EventSection(BaseModel):
    """One event as written: its columns, and how it is placed and repeated."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        json_schema_extra={
            "minProperties": 1,
            "dependentRequired": {"every": ["repeat"]},
            "not": {"required": ["at", "event_time"]},
        },
    )

    # durations in ms; columns are the extra fields
    at: Annotated[int, span(0)] | None = None
    repeat: Annotated[int, whole(1, REPEAT_MAX)] | None = None
    every: Annotated[int, span()] | None = None

    @model_validator(mode="before")
    @classmethod
    def _columns(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not data:
            raise problem("an event is a mapping", "write {account: a1, amount: 10}")
        if "every" in data and "repeat" not in data:
            raise problem("every needs repeat", "repeat: 5, every: 10s", "every", key=True)
        if "at" in data and "event_time" in data:
            raise problem("at stands for event_time", "remove one of them", "at", key=True)
        # names that pydantic would take for its own
        return {f"column {key}" if key not in EXAMPLE_KEYS else key: data[key] for key in data}


class ExampleSection(Section):
    """A stream and whether the rule fires on its last event."""

    fires: Flag = Field(examples=["fires: true"])
    limb: Text | None = None
    events: list[EventSection] = Field(examples=["events: [{account: a1}]"], min_length=1)


def example_of(section: ExampleSection, scope: Scope, *path: str | int) -> Example:
    """Check columns and values of every event.

    Raises
    ------
    ConfigError
        An unknown column, a value that its column cannot hold.
    """
    return Example(
        events=tuple(
            _event(event, scope, *path, "events", j) for j, event in enumerate(section.events)
        ),
        fires=section.fires,
        place=scope.document.place(*path),
    )


def _event(event: EventSection, scope: Scope, *path: str | int) -> dict[str, Any]:
    """Give an event with its own keys first, then columns in the order of the file."""
    values: dict[str, Any] = {
        key: getattr(event, key) for key in EXAMPLE_KEYS if key in event.model_fields_set
    }
    for marked, node in (event.model_extra or {}).items():
        name = marked.removeprefix("column ")
        column = scope.columns.get(name)
        if column is None:
            message = f"no column is called {brief(name)}"
            hint = suggest(name, [*scope.columns, *EXAMPLE_KEYS])
            raise scope.document.key_error((*path, name), message, hint)
        values[name] = _value(node, column, scope, *path, name)
    return values


def _value(node: Any, column: Column, scope: Scope, *path: str | int) -> Any:
    if not isinstance(node, Scalar):
        raise scope.document.error(path, "an event is flat", "one value per column")
    value = node.value
    if value is None:
        return None
    if column.type is ColumnType.TEXT:
        return node.text
    is_flag = isinstance(value, bool)
    if column.type is ColumnType.FLAG:
        good = is_flag
    elif column.type is ColumnType.TIME:
        good = isinstance(value, str) or (isinstance(value, int) and not is_flag)
    else:
        good = not is_flag and (not isinstance(value, str) or bool(_DECIMAL.fullmatch(value)))
    if not good:
        message = f"{brief(node.text)} is no {column.type} for {column.name}"
        raise scope.document.error(path, message, _WRITTEN[column.type])
    return value
