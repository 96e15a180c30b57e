"""Sections of a YAML file as pydantic models, whose errors point at lines and columns."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, WithJsonSchema, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from config.yaml_nodes import Document, Scalar
from models.errors import ConfigError, Place
from models.expressions.problems import nearest

_BUILT_IN = {
    "list_type": ("this must be a list", "write [a, b], or one item per line after a dash"),
    "dict_type": ("this must be a mapping", "write {key: value}, or key: value on its own line"),
    "too_short": ("this list is empty", "name at least one"),
}


class Section(BaseModel):
    """A mapping whose keys are all known.

    `planned` names keys that the design has and this version lacks. `written` shows what stands
    here, for who wrote something else. A required field's first example is the hint when it is
    missing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    planned: ClassVar[frozenset[str]] = frozenset()
    written: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            message, hint = _BUILT_IN["dict_type"]
            raise problem(message, f"write {cls.written}" if cls.written else hint)
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        for key in data:
            if key in cls.planned:
                raise problem(
                    f"{key} is not available yet", f"known here: {', '.join(fields)}", key, key=True
                )
            if key not in fields:
                hint = _for_key(key, data[key], fields)
                raise problem(f"no key here is called {brief(key)}", hint, key, key=True)
        for name, field in fields.items():
            if field.is_required() and name not in data:
                example = field.examples[0] if field.examples else f"{name}: …"
                raise problem(f"{name} is missing", f"add it, for example {example}")
        return data


S = TypeVar("S", bound=Section)


def problem(message: str, hint: str, *path: str | int, key: bool = False) -> PydanticCustomError:
    """Make what a validator raises.

    Parameters
    ----------
    message, hint
        As in `ConfigError`.
    path
        Where, relative to the value under validation.
    key
        Whether to point at the key of `path` instead of its value.
    """
    context = {"message": message, "hint": hint, "path": path, "key": key}
    return PydanticCustomError("config", "{message}", context)


def form(**schema: Any) -> Any:
    """What a value looks like to an editor, as keywords of JSON Schema.

    For `json_schema_input_type`: a validator that reads a node of YAML hides its form.
    """
    return Annotated[Any, WithJsonSchema(schema)]


def brief(word: str) -> str:
    """Cut a word where a message would burst.

    >>> brief("a" * 70) == "a" * 60 + "…"
    True
    """
    return word if len(word) <= 60 else f"{word[:60]}…"


def suggest(word: str, known: Any) -> str:
    """Name the nearest good word in a hint, whatever the case it was written in.

    >>> suggest("HIGH", ["low", "high"])
    'did you mean high?'
    """
    names = [str(name) for name in known]
    if not names:
        return "none is defined"
    if ", " in word:
        return f"several stand in brackets: [{brief(word)}]"
    same = next((name for name in names if name.lower() == word.lower()), brief(word))
    return nearest(same, names)


def _for_key(key: str, value: Any, known: Iterable[str]) -> str:
    """What was probably meant by a key that nobody knows."""
    word, colon, rest = key.replace("：", ":").partition(":")
    if colon and word in known:
        return f"a colon has a space after it: {word}: {brief(rest) or '…'}"
    hint = suggest(key, known)
    if hint.startswith("did you mean"):
        return hint
    if isinstance(value, Scalar) and value.plain and not value.text:
        return f"a text that contains a comma stands in quotes; {hint}"
    if isinstance(value, dict):
        return f"indent it if it belongs to the part above; {hint}"
    return hint


def check(section: type[S], document: Document, *path: str | int) -> S:
    """Validate the value at a path of a document.

    Raises
    ------
    ConfigError
        The first mistake in the order of the file.
    """
    try:
        return section.model_validate(document.data(*path))
    except ValidationError as error:
        found = [_located(document, path, detail) for detail in error.errors(include_url=False)]
    raise min(found, key=_position)


def _position(error: ConfigError) -> tuple[int, int]:
    place = error.place
    assert isinstance(place, Place)
    return place.line, place.column


def _located(document: Document, path: tuple[str | int, ...], detail: ErrorDetails) -> ConfigError:
    context = detail.get("ctx", {})
    of_key = bool(context.get("key")) or "[key]" in detail["loc"]
    # what pydantic adds to a path stands in brackets, which no key of ours does
    inner = [step for step in detail["loc"] if not str(step).startswith("[")]
    full = (*path, *inner, *context.get("path", ()))
    message, hint = _BUILT_IN.get(detail["type"], (detail["msg"], "see docs/packs.md"))
    message, hint = context.get("message", message), context.get("hint", hint)
    return (document.key_error if of_key else document.error)(full, message, hint)
