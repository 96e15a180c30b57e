"""Patterns of a graph as written: who pays whom, over how many hops, with which amounts."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BeforeValidator, Field

from config.sections import brief, form, problem
from config.words import Entity, text_of, whole
from models.features.graph_layout import HOPS_MAX

if TYPE_CHECKING:
    from config.feature_section import FeatureSection

PATTERNS: Final = ("cycle", "chain", "scatter_gather", "bipartite", "upstream")
WITH_AMOUNTS: Final = ("cycle", "chain", "scatter_gather")
"""Patterns that compare amounts."""
WITH_HOPS: Final = {"cycle": 6, "chain": 8}
"""Patterns over several hops, and how many they have at most unless it is said."""
TOLERANCE: Final = 0.2
_KEYS: Final = {
    "amount": WITH_AMOUNTS, "tolerance": WITH_AMOUNTS, "hops": tuple(WITH_HOPS),
    "step": tuple(WITH_HOPS), "in_order": tuple(WITH_HOPS),
}  # fmt: skip
_PERCENT = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,4})?) ?%")

Ends = Annotated[list[Entity], Field(min_length=2, max_length=2)]
"""The columns of payer and payee."""


def _share(node: Any) -> float:
    text = text_of(node)
    found = _PERCENT.fullmatch(text)
    if not found:
        raise problem(f"{brief(text)!r} is no tolerance", "a percentage below 100, such as 20%")
    return float(found[1]) / 100


Share = Annotated[
    float,
    BeforeValidator(
        _share, json_schema_input_type=form(type="string", pattern=f"^{_PERCENT.pattern}$")
    ),
]
"""A percentage, as a share."""

Hops = Annotated[int, whole(2, HOPS_MAX)]


def check_graph(section: "FeatureSection", aggregate: str) -> None:
    """Check the keys that only patterns take, and those that patterns do not take."""
    for key, owners in _KEYS.items():
        if key in section.model_fields_set and aggregate not in owners:
            raise problem(f"{key} belongs to {', '.join(owners)}", "remove this", key, key=True)
    if aggregate not in PATTERNS:
        if section.by is None:
            raise problem("by is missing", "add it, for example by: account")
        return
    ends = getattr(section, aggregate)
    if ends[0] == ends[1]:
        raise problem("payer and payee are one column", "[account, counterparty]", aggregate, 1)
    for key in ("by", "of", "delay", "grain", "exclude_current", "min_history"):
        if key in section.model_fields_set:
            raise problem(f"{aggregate} looks at all accounts", "remove this", key, key=True)
    over = section.over
    if over is None or not over.span_ms or over.gap_ms or over.since:
        raise problem(f"{aggregate} needs a window that slides", "over: 7d", "over")
