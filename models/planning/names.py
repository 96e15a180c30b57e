"""Which names an expression of a pack may use, and errors that point into the pack's file."""

from collections.abc import Mapping
from typing import Final

from models.errors import ConfigError, Place
from models.events import COLUMNS, KINDS, Column, ColumnType
from models.expressions.parsing import Parser
from models.expressions.problems import ExpressionError
from models.expressions.tree import Name, Node, Source, Type, names_in
from models.pack import PackSpec

SOURCES: Final = {
    ColumnType.TEXT: Source.TEXT,
    ColumnType.TIME: Source.TIME,
    ColumnType.MONEY: Source.MONEY,
    ColumnType.NUMBER: Source.NUMBER,
    ColumnType.FLAG: Source.FLAG,
}


def kinds_mask(kinds: tuple[str, ...]) -> int:
    """Event kinds as a bit mask."""
    return sum(1 << KINDS.index(kind) for kind in kinds)


def event_names(pack: PackSpec) -> dict[str, Name]:
    """Every column of an event, the pack's own ones included."""
    columns: Mapping[str, Column] = {**COLUMNS, **pack.columns}
    return {name: Name(name, SOURCES[column.type]) for name, column in columns.items()}


def parser_of(pack: PackSpec, *, features: bool) -> Parser:
    """A parser over a pack's columns, and its features and detectors where they are known."""
    own, known = event_names(pack), feature_names(pack)
    joined = {spec.column.name for spec in pack.lookups}
    derived: dict[str, Node] = {}
    parser = Parser({**own, **known}, pack.params, joined, (), derived)
    for name, spec in pack.derived.items():
        derived[name] = checked(parser, spec.text, None, spec.place)
    if features:
        return parser
    now = {n: node for n, node in derived.items() if all(one.of_event for one in names_in(node))}
    return Parser(own, pack.params, joined, {*known, *(derived.keys() - now.keys())}, now)


def checked(parser: Parser, text: str, wanted: Type | None, place: Place) -> Node:
    """Parse an expression that stands at a place of a file.

    Raises
    ------
    ConfigError
        With file, line and column of the word that is wrong.
    """
    try:
        return parser.parse(text, wanted)
    except ExpressionError as error:
        at = Place(place.file, place.line, place.column + error.column - 1)
        raise ConfigError(error.message, hint=error.hint, place=at) from None


def feature_names(pack: PackSpec) -> dict[str, Name]:
    """A pack's features and detectors as its rules call them."""
    own = event_names(pack)
    names = {}
    for spec in pack.features:
        column = own.get(spec.value)
        keeps = spec.aggregate in ("last", "previous", "first")
        is_text = keeps and column is not None and column.type is Type.TEXT
        source = Source.FEATURE_TEXT if is_text else Source.FEATURE
        names[spec.name] = Name(f"{pack.name}.{spec.name}", source)
    for detector in pack.detectors:
        for name in (detector.name, f"{detector.name}_p"):
            names[name] = Name(f"{pack.name}.{name}", Source.FEATURE)
    return names
