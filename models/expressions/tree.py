"""The checked form of an expression: typed, with every name resolved."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Type(StrEnum):
    """What an expression yields; NULL belongs to each."""

    NUMBER = "number"
    TEXT = "text"
    FLAG = "true or false"


class Source(StrEnum):
    """Where a name's values are found in a batch."""

    NUMBER = "number"
    MONEY = "money"
    TIME = "time"
    FLAG = "flag"
    TEXT = "text"
    FEATURE = "feature"
    FEATURE_TEXT = "feature_text"


SOURCE_TYPE: Final = {
    Source.NUMBER: Type.NUMBER,
    Source.MONEY: Type.NUMBER,
    Source.TIME: Type.NUMBER,
    Source.FLAG: Type.FLAG,
    Source.TEXT: Type.TEXT,
    Source.FEATURE: Type.NUMBER,
    Source.FEATURE_TEXT: Type.TEXT,
}


@dataclass(frozen=True, slots=True)
class Name:
    """A column of the event, or a feature by its full name ``pack.feature``."""

    name: str
    source: Source

    @property
    def type(self) -> Type:
        """What it yields."""
        return SOURCE_TYPE[self.source]

    @property
    def short(self) -> str:
        """As the pack writes it, without the pack's name."""
        return self.name if self.of_event else self.name.partition(".")[2]

    @property
    def of_event(self) -> bool:
        """Whether it is known before any window is read."""
        return self.source not in (Source.FEATURE, Source.FEATURE_TEXT)


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; None is NULL."""

    value: float | str | bool | None
    type: Type


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function over arguments.

    `operator` is one of ``and or not = <> < <= > >= + - * / % neg in like is_null case coalesce``
    or a scalar function's name; ``case`` holds condition, value, …, otherwise.
    """

    operator: str
    arguments: tuple["Node", ...]
    type: Type


Node = Name | Constant | Call


def names_in(node: Node) -> frozenset[Name]:
    """Every column and feature that an expression reads."""
    if isinstance(node, Name):
        return frozenset((node,))
    if isinstance(node, Call):
        inner = [names_in(argument) for argument in node.arguments]
        return frozenset(name for names in inner for name in names)
    return frozenset()


def written(node: Node) -> str:
    """An expression as text that tells it from every other one, the same in every version.

    >>> written(Call("<", (Name("amount", Source.MONEY), Constant(5, Type.NUMBER)), Type.FLAG))
    '(< money:amount 5)'
    """
    if isinstance(node, Name):
        return f"{node.source}:{node.name}"
    if isinstance(node, Constant):
        return repr(node.value)
    return f"({node.operator} {' '.join(written(argument) for argument in node.arguments)})"


def conjuncts(node: Node) -> tuple[Node, ...]:
    """The terms of a conjunction, nested ones included; an expression alone is one term."""
    if isinstance(node, Call) and node.operator == "and":
        return tuple(term for argument in node.arguments for term in conjuncts(argument))
    return (node,)


TRUE: Final = Constant(value=True, type=Type.FLAG)
