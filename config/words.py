"""The types of single values: texts, names, numbers, flags, durations, words of a list."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from config.durations import DURATION, LONGEST_MS, UNITS_MS, duration_ms, right_form
from config.sections import brief, form, problem, suggest
from config.yaml_nodes import Scalar
from models.events import COLUMNS, KINDS, ColumnType

TIME_HINT: Final = "write 2026-01-31 or 2026-01-31T08:00:00Z"
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
RESERVED: Final = frozenset(
    """
    all alter analyze and any as begin between by cache case comment commit copy create cross
    current_date current_time current_timestamp current_user delete desc describe distinct drop
    else end except execute exists false fetch for from glob grant having if ilike in inner insert
    intersect into is join kill lateral like load localtime merge not notnull null on or outer
    pivot pragma qualify rlike select set show then true truncate union update use using when
    where with xor
    """.split()  # noqa: SIM905 - a list of 80 quoted words reads worse
)
"""Words that the expression parser does not take for a name."""

_SPOKEN: Final = {
    **dict.fromkeys(("yes", "y", "on", "1"), "true"),
    **dict.fromkeys(("no", "n", "off", "0"), "false"),
}

TEXT_FORM: Final[dict[str, Any]] = {"type": ["string", "number", "boolean"], "pattern": r"\S"}
"""A text; what YAML takes for a number or a flag is one too."""

DURATION_FORM: Final[dict[str, Any]] = {"type": "string", "pattern": f"^{DURATION}$"}

ENTITY_FORM: Final[dict[str, Any]] = {
    "anyOf": [
        {"enum": [c.name for c in COLUMNS.values() if c.type is ColumnType.TEXT]},
        TEXT_FORM,
    ]
}
"""A text column: one that every pack has, which an editor proposes, or one of the pack's own."""


def text_of(node: Any) -> str:
    """Take the text of a scalar exactly as written."""
    if not isinstance(node, Scalar):
        raise problem("this must be one text", "texts that begin with { or [ stand in quotes")
    if not node.text.strip() or (node.plain and node.value is None):
        raise problem("nothing stands here", "write a value or remove the key")
    return node.text.rstrip("\n")


def name_of(word: str) -> str:
    """Check an identifier."""
    if not NAME.fullmatch(word):
        raise problem(f"{brief(word)!r} is not a name", "letters, digits and _, at most 64")
    if word.lower() in RESERVED:
        raise problem(f"{word} is a word of SQL", f"rename it, for example {word}_1")
    return word


def number_of(node: Any) -> int | float:
    """Take a number, written without quotes."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise problem(f"{_said(node)} is not a number", "write digits, without quotes or units")
    return value


def listed(node: Any) -> Any:
    """One scalar is a list of one."""
    return [node] if isinstance(node, Scalar) else node


def whole(least: int, most: int) -> BeforeValidator:
    """Whole numbers within bounds."""

    def check_whole(node: Any) -> int:
        value = number_of(node)
        if not isinstance(value, int) or not least <= value <= most:
            raise problem(f"was {node.text}", f"a whole number from {least} to {most}")
        return value

    shape = form(type="integer", minimum=least, maximum=most)
    return BeforeValidator(check_whole, json_schema_input_type=shape)


def word(what: str, known: Iterable[str]) -> BeforeValidator:
    """One of a few words."""
    words = tuple(known)

    def check_word(node: Any) -> str:
        found = text_of(node)
        if found not in words:
            raise problem(f"no {what} is called {brief(found)}", suggest(found, words))
        return found

    return BeforeValidator(check_word, json_schema_input_type=form(enum=list(words)))


def span(least_ms: int = 1, most_ms: int = LONGEST_MS) -> BeforeValidator:
    """Durations within bounds, in ms."""
    return BeforeValidator(
        lambda node: span_ms(text_of(node), least_ms, most_ms),
        json_schema_input_type=form(**DURATION_FORM),
    )


def span_ms(text: str, least_ms: int = 1, most_ms: int = LONGEST_MS) -> int:
    """Read a duration in ms, or raise a problem that shows the right form."""
    found = duration_ms(text)
    if found is None:
        raise problem(f"{brief(text)} is not a duration", right_form(text))
    if not least_ms <= found <= most_ms:
        raise problem(
            f"{brief(text)} is out of range", f"from {_written(least_ms)} to {_written(most_ms)}"
        )
    return found


def epoch_ms(text: str) -> int:
    """An ISO 8601 time, or a date: its midnight in UTC, in ms since the epoch.

    Raises
    ------
    ValueError, OverflowError
        There is no such time.
    """
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def distinct_of(what: str) -> Callable[[list[str]], list[str]]:
    """Refuse a word that stands twice in a list."""

    def check_distinct(words: list[str]) -> list[str]:
        for i, found in enumerate(words):
            if found in words[:i]:
                raise problem(f"{what} {brief(found)} is listed twice", "remove one", i)
        return words

    return check_distinct


def _flag(node: Any) -> bool:
    value = node.value if isinstance(node, Scalar) else None
    if not isinstance(value, bool):
        word = node.text.lower() if isinstance(node, Scalar) else ""
        meant = _SPOKEN.get(word, "true or false")
        raise problem(f"{_said(node)} is neither true nor false", f"write {meant}")
    return value


def _said(node: Any) -> str:
    return repr(brief(node.text)) if isinstance(node, Scalar) else "this"


def _written(ms: int) -> str:
    unit = next((unit for unit, size in UNITS_MS.items() if ms % size == 0 and unit != "w"), "ms")
    return f"{ms // UNITS_MS[unit]}{unit}" if ms else "0s"


Text = Annotated[str, BeforeValidator(text_of, json_schema_input_type=form(**TEXT_FORM))]
"""Any text, or an expression; taken as written, so TRUE stays TRUE."""

_NAME: Final = WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})

Key = Annotated[str, AfterValidator(name_of), _NAME]
"""A name that is a key."""

Name = Annotated[Text, AfterValidator(name_of), _NAME]
Flag = Annotated[bool, BeforeValidator(_flag, json_schema_input_type=bool)]
Number = Annotated[int | float, BeforeValidator(number_of, json_schema_input_type=float)]
Duration = Annotated[int, span()]

Entity = Annotated[str, BeforeValidator(text_of, json_schema_input_type=form(**ENTITY_FORM))]
"""A column that names entities."""

Entities = Annotated[
    list[Entity],
    BeforeValidator(listed),
    Field(min_length=1),
    AfterValidator(distinct_of("column")),
]
"""One such column or a list of them."""

Kinds = Annotated[
    list[Annotated[str, word("event kind", KINDS)]],
    BeforeValidator(listed),
    Field(min_length=1),
    AfterValidator(distinct_of("event kind")),
]
