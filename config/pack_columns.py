"""What names mean in a pack: columns it adds or renames, constants, parameters, kinds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, model_validator

from config.sections import Section, brief, form, problem, suggest
from config.words import TEXT_FORM, Text, word
from config.yaml_nodes import Document, Scalar
from models.events import COLUMNS, DOMAINS, KINDS, Column, ColumnType
from models.expressions.parsing import Parameter

EXAMPLE_KEYS = ("at", "repeat", "every")
"""Keys of an example's event that are not columns."""

_DERIVED = "amount_base"


def _named(node: Any) -> Any:
    return {"name": node} if isinstance(node, Scalar) else node


class MappedSection(Section):
    """One entry of ``map``: the name on the wire, or ``{constant: text}``."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    name: Text | None = None
    constant: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> "MappedSection":
        if (self.name is None) == (self.constant is None):
            raise problem("a column has a name or a constant", "amount: amt, or {constant: CNY}")
        return self


Mapped = Annotated[
    MappedSection,
    BeforeValidator(_named, json_schema_input_type=form(**TEXT_FORM) | MappedSection),
]
Type = Annotated[str, word("column type", [str(kind) for kind in ColumnType])]


def _parameter(node: Any) -> Parameter:
    if isinstance(node, Scalar):
        if node.value is None:
            raise problem("nothing stands here", "a number, a text, true, false or a list")
        return node.value
    if not isinstance(node, list):
        raise problem("a parameter cannot be a mapping", "a number, a text, true, false or a list")
    values: list[float | str] = []
    for i, item in enumerate(node):
        value = item.value if isinstance(item, Scalar) else None
        if value is None or isinstance(value, bool):
            raise problem("a list holds numbers or texts", "write [IR, KP] or [1, 2]", i)
        if values and isinstance(value, str) != isinstance(values[0], str):
            raise problem(
                f"{brief(item.text)} stands in a list of {_kind(values[0])}",
                "a list holds numbers or texts, not both; put numbers in quotes to make them texts",
                i,
            )
        values.append(value)
    return tuple(values)


def _kind(value: float | str) -> str:
    return "texts" if isinstance(value, str) else "numbers"


_PARAM: Final = form(
    anyOf=[
        {"type": ["string", "number", "boolean"]},
        {"type": "array", "items": {"type": "number"}},
        {"type": "array", "items": {"type": "string"}},
    ]
)

Param = Annotated[Any, BeforeValidator(_parameter, json_schema_input_type=_PARAM)]
"""A parameter; its validator yields a `Parameter`, which pydantic would convert once more."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the parts of one pack may refer to.

    Attributes
    ----------
    document
        Where they stand.
    on
        The pack's default event kinds.
    columns
        Canonical and added columns.
    """

    document: Document
    on: tuple[str, ...]
    columns: Mapping[str, Column]

    def kinds(self, given: list[str] | None, *path: str | int) -> tuple[str, ...]:
        """Event kinds of a part: its own, else the pack's."""
        kinds = tuple(given) if given is not None else self.on
        if not kinds:
            raise self.document.key_error(
                path, "on is missing, here and for the whole pack", "add on: [payment]"
            )
        return kinds

    def entity(self, name: str, *path: str | int) -> str:
        """Check a column that names entities: a text column."""
        column = self.columns.get(name)
        texts = [c.name for c in self.columns.values() if c.type is ColumnType.TEXT]
        if column is None:
            message = f"no column is called {brief(name)}"
            raise self.document.error(path, message, suggest(name, texts))
        if column.type is not ColumnType.TEXT:
            message = f"{name} is a {column.type} column and names no entity"
            raise self.document.error(path, message, "use a text column such as account")
        return name

    def pairs(self, by: tuple[str, ...], of: tuple[str, ...], *path: str | int) -> None:
        """Check that each key that is read has the domain of the one that is updated."""
        if len(by) != len(of):
            message = f"of has {len(of)} columns, by has {len(by)}"
            raise self.document.error(path, message, "name one for each, in the same order")
        for i, (updated, read) in enumerate(zip(by, of, strict=True)):
            domain = self.columns[updated].domain
            if self.columns[read].domain != domain:
                same = [name for name, column in self.columns.items() if column.domain == domain]
                raise self.document.error(
                    (*path, i),
                    f"{read} and {updated} name different entities",
                    f"known here: {', '.join(same)}",
                )


def added_columns(document: Document, types: Mapping[str, str]) -> dict[str, Column]:
    """Columns of ``columns``, checked against the canonical ones."""
    for name in types:
        if name in COLUMNS:
            message = f"{name} is a canonical column already"
            raise document.key_error(("columns", name), message, "remove it, or rename yours")
        if name in EXAMPLE_KEYS:
            message = f"{name} has a meaning in examples"
            raise document.key_error(("columns", name), message, "rename it")
    return {
        name: Column(name, ColumnType(kind), DOMAINS.get(name, name))
        for name, kind in types.items()
    }


def mapped_columns(
    document: Document, entries: Mapping[str, MappedSection], columns: Mapping[str, Column]
) -> tuple[dict[str, str], dict[str, str]]:
    """Name on the wire → column, and column → constant, of ``map``."""
    aliases: dict[str, str] = {}
    constants: dict[str, str] = {}
    for name, entry in entries.items():
        path = ("map", name)
        if name not in columns:
            message = f"no column is called {brief(name)}"
            raise document.key_error(path, message, suggest(name, columns))
        if name == _DERIVED:
            message = f"{name} is computed from amount, currency and the rates"
            raise document.key_error(path, message, "map amount and currency")
        if entry.constant is not None:
            constants[name] = _constant(document, columns[name], entry.constant)
        elif entry.name in aliases:
            message = f"{brief(entry.name)} is mapped to {aliases[entry.name]} already"
            raise document.error(path, message, "one name fills one column")
        else:
            aliases[str(entry.name)] = name
    return aliases, constants


def _constant(document: Document, column: Column, text: str) -> str:
    path = ("map", column.name, "constant")
    if column.type is not ColumnType.TEXT:
        message = f"{column.name} is a {column.type} column"
        raise document.error(path, message, "only text columns can be constant")
    if column.name == "kind" and text not in KINDS:
        raise document.error(path, f"no event kind is called {brief(text)}", suggest(text, KINDS))
    return text


def refuse_same(
    document: Document, section: str, names: Iterable[str], taken: Mapping[str, str]
) -> None:
    """Refuse names that mean something else already (`taken`: name → what it is)."""
    for name in names:
        if name in taken:
            message = f"{name} is {taken[name]} already"
            raise document.key_error((section, name), message, "rename one of them")
