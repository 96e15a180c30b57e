"""What a match asks of earlier events, as written: ``{amount_base: within 10%, device: same}``."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from config.sections import brief, form, problem
from config.words import text_of

_TERM = re.compile(r"(within|beyond) ([0-9]+(?:\.[0-9]+)?) ?(%|km)?")
_FORM: Final = {
    "anyOf": [{"enum": ["same", "differs"]}, {"type": "string", "pattern": f"^{_TERM.pattern}$"}]
}
_HINT = "same, differs, within 10%, within 0.5, within 5km or beyond 500km"


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison: as of `models.pack.TermSpec`."""

    relation: str
    tolerance: float


def _term(node: Any) -> Term:
    text = text_of(node)
    if text in ("same", "differs"):
        return Term(text, 0.0)
    found = _TERM.fullmatch(text)
    if not found:
        raise problem(f"{brief(text)!r} compares nothing", f"write {_HINT}")
    word, number, unit = found.groups()
    if word == "beyond" and unit != "km":
        raise problem("beyond is a distance in km", "write beyond 500km")
    if unit == "km":
        return Term("near_km" if word == "within" else "beyond_km", float(number))
    return Term("within_share", float(number) / 100) if unit else Term("within", float(number))


def columns_of(key: str) -> tuple[str, ...]:
    """The column of a term, or the two of a position.

    >>> columns_of("lat, lon")
    ('lat', 'lon')
    """
    return tuple(word.strip() for word in key.split(","))


MatchTerms = Annotated[
    dict[str, Annotated[Term, BeforeValidator(_term, json_schema_input_type=form(**_FORM))]],
    Field(min_length=1, examples=["match: {amount_base: within 10%}"]),
]
"""Column, or latitude and longitude by comma → comparison."""
