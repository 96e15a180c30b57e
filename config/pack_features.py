"""``features:`` of a pack: one sentence each, such as "sum of amount by account over 1h"."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.pack_columns import Scope
from config.sections import Section, brief, problem, suggest
from config.words import (
    Duration,
    Flag,
    Kinds,
    Text,
    Texts,
    distinct_of,
    listed,
    span_ms,
    text_of,
    whole,
)
from models.errors import Place
from models.features.calendar import PERIODS
from models.pack import FeatureSpec, Over

AGGREGATES: Final = (
    "count", "sum", "mean", "std", "max", "min", "distinct", "share", "last", "previous", "since",
)  # fmt: skip
FOREVER: Final = ("last", "previous", "since")
"""Aggregates that may look back over all time."""

_CALENDAR = re.compile(r"(day|month)\(([^()]*)\)")


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """IANA time zones."""
    return frozenset(available_timezones())


def _over(node: Any) -> Over:
    text = text_of(node)
    if text == "all":
        return Over()
    calendar = _CALENDAR.fullmatch(text)
    if calendar:
        period, zone = calendar.groups()
        if zone not in zones():
            raise problem(f"no time zone is called {brief(zone)!r}", suggest(zone, sorted(zones())))
        return Over(period=period, zone=zone)
    if text.startswith(PERIODS):
        raise problem(f"{brief(text)} lacks its time zone", "write day(Asia/Shanghai)")
    return Over(span_ms=span_ms(text))


def _star(node: Any) -> str:
    if text_of(node) != "*":
        raise problem(
            f'count takes "*" only, was {brief(node.text)}', "say which events count in where"
        )
    return ""


Values = Annotated[
    list[Text], BeforeValidator(listed), Field(min_length=1), AfterValidator(distinct_of("value"))
]


class FeatureSection(Section):
    """One feature as written."""

    planned: ClassVar[frozenset[str]] = frozenset(
        {"median", "first", "gap", "new", "top_share", "ewm", "grain", "late"}
    )

    count: Annotated[str | None, BeforeValidator(_star)] = None
    sum: Text | None = None
    mean: Text | None = None
    std: Text | None = None
    max: Text | None = None
    min: Text | None = None
    distinct: Text | None = None
    share: Text | None = None
    last: Values | None = None
    previous: Values | None = None
    since: Text | None = None
    by: Texts = Field(examples=["by: account"])
    of: Texts | None = None
    on: Kinds | None = None
    over: Annotated[Over | None, BeforeValidator(_over)] = None
    where: Text | None = None
    delay: Duration = 0
    exclude_current: Flag = False
    min_history: Annotated[int, whole(0, 1_000_000)] = 0
    evidence: Flag = False

    @property
    def aggregate(self) -> str:
        """The one aggregate that is given."""
        return next(name for name in AGGREGATES if name in self.model_fields_set)

    @model_validator(mode="after")
    def _sentence(self) -> "FeatureSection":
        given = [name for name in AGGREGATES if name in self.model_fields_set]
        if not given:
            raise problem("this feature computes nothing", f"add one of {', '.join(AGGREGATES)}")
        if len(given) > 1:
            raise problem(
                f"{' and '.join(given)} in one feature", "make two features", given[1], key=True
            )
        aggregate = given[0]
        if aggregate not in FOREVER and self.over is None:
            raise problem("over is missing", "add it, for example over: 1h")
        if aggregate not in FOREVER and self.over == Over():
            raise problem(
                f"{aggregate} over all time is not available",
                f"name a window such as 90d; only {', '.join(FOREVER)} look back over all time",
                "over",
            )
        if aggregate == "previous" and "exclude_current" in self.model_fields_set:
            raise problem(
                "previous never includes the current event",
                "remove this, or write last",
                "exclude_current",
                key=True,
            )
        if self.since not in (None, "*") and self.where is not None:
            raise problem("since has a condition already", "join both with AND", "where", key=True)
        return self


def feature_specs(sections: Mapping[str, FeatureSection], scope: Scope) -> tuple[FeatureSpec, ...]:
    """Check every feature's columns and kinds.

    Raises
    ------
    ConfigError
        An unknown column or one that names no entity, `by` and `of` of different domains,
        no event kinds.
    """
    return tuple(
        spec for name, section in sections.items() for spec in _specs(name, section, scope)
    )


def _specs(name: str, section: FeatureSection, scope: Scope) -> list[FeatureSpec]:
    path = ("features", name)
    by = tuple(scope.entity(key, *path, "by", i) for i, key in enumerate(section.by))
    given = section.of if section.of is not None else section.by
    of = tuple(scope.entity(key, *path, "of", i) for i, key in enumerate(given))
    scope.pairs(by, of, *path, "of")
    aggregate = section.aggregate
    since_if = section.since if section.since not in (None, "*") else None
    places = _places(scope.document.places(*path))
    if since_if:
        places["where"] = places["since"]
    return [
        FeatureSpec(
            name=full_name,
            aggregate=aggregate,
            value=value,
            by=by,
            of=of,
            on=scope.kinds(section.on, *path),
            over=section.over or Over(),
            place=scope.document.key_place(*path),
            where=since_if or section.where or "",
            delay_ms=section.delay,
            exclude_current=section.exclude_current or aggregate == "previous",
            min_history=section.min_history,
            evidence=section.evidence,
            places={**places, "value": place},
        )
        for full_name, value, place in _named_values(name, section, scope)
    ]


def _named_values(name: str, section: FeatureSection, scope: Scope) -> list[tuple[str, str, Place]]:
    """Each value with its feature's name: a list of columns makes one feature each."""
    aggregate = section.aggregate
    path = ("features", name, aggregate)
    written = getattr(section, aggregate)
    if not isinstance(written, list):
        return [(name, "" if aggregate == "since" else written, scope.document.place(*path))]
    if not isinstance(scope.document.data(*path), list):
        return [(name, written[0], scope.document.place(*path))]
    for i, column in enumerate(written):
        if column not in scope.columns:
            message = f"no column is called {brief(column)}"
            raise scope.document.error((*path, i), message, suggest(column, scope.columns))
    return [
        (f"{name}.{column}", column, scope.document.place(*path, i))
        for i, column in enumerate(written)
    ]


def _places(found: dict[str, Place]) -> dict[str, Place]:
    """Places by key; a list that is written as one word has its item 0 there."""
    single = {f"{key}.0": found[key] for key in ("by", "of", "on") if key in found}
    return {**found, **single}
