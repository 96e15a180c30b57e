"""``lookups:`` of a pack: columns that reference data adds to an event, as of its time."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from config.pack_columns import EXAMPLE_KEYS, Scope
from config.sections import Section, problem
from config.words import Entity, Name, word
from models.events import COLUMNS, Column, ColumnType
from models.lookups import LookupSpec

_TYPES = (ColumnType.TEXT, ColumnType.NUMBER, ColumnType.FLAG)
ValueType = Annotated[str, word("type of a looked-up value", [str(kind) for kind in _TYPES])]


class LookupSection(Section):
    """One joined column as written."""

    table: Name = Field(examples=["table: countries"])
    by: Entity = Field(examples=["by: counterparty_country"])
    value: Name | None = None
    type: ValueType | None = None

    @model_validator(mode="after")
    def _listed(self) -> "LookupSection":
        if self.value is None and self.type is not None:
            raise problem(
                "without a value it asks whether the key is listed, which is a flag",
                "remove this, or name the column of the table: value: risk",
                "type",
                key=True,
            )
        return self


def lookup_specs(sections: Mapping[str, LookupSection], scope: Scope) -> tuple[LookupSpec, ...]:
    """Check the names and keys of lookups; tables belong to the deployment.

    Raises
    ------
    ConfigError
        A name that means something else already, or a key that is no text column of the event.
    """
    found = []
    for name, section in sections.items():
        path = ("lookups", name)
        if name in COLUMNS or name in scope.columns or name in EXAMPLE_KEYS:
            message = f"{name} has a meaning already"
            raise scope.document.key_error(path, message, "rename it")
        kind = ColumnType(section.type or "text") if section.value else ColumnType.FLAG
        by = scope.entity(section.by, *path, "by")
        column = Column(name, kind, name)
        place = scope.document.key_place(*path)
        found.append(LookupSpec(column, section.table, section.value or "", by, place))
    return tuple(found)
