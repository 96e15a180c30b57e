"""``features:`` of a pack, checked against its columns and event kinds."""

from collections.abc import Mapping

from config.feature_graph import PATTERNS, WITH_HOPS
from config.feature_parts import StepSection
from config.feature_section import EXCLUDING, FeatureSection
from config.feature_terms import columns_of
from config.pack_columns import Scope
from config.sections import brief, suggest
from models.errors import Place
from models.feature_specs import FeatureSpec, Over, StepSpec, TermSpec


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
    by = tuple(scope.entity(key, *path, "by", i) for i, key in enumerate(section.by or ()))
    aggregate = section.aggregate
    if aggregate == "new":
        # new to its key: no event of the pair has been seen
        by = (*by, scope.entity(str(section.new), *path, "new"))
    given = section.of if section.of is not None else by
    of = tuple(scope.entity(key, *path, "of", i) for i, key in enumerate(given))
    scope.pairs(by, of, *path, "of")
    condition = section.gap if aggregate == "gap" else section.since
    conditioned = condition if condition not in (None, "*") else None
    places = _places(scope.document.places(*path))
    if conditioned:
        places["where"] = places[aggregate]
    step = section.stepped
    return [
        FeatureSpec(
            name=full_name,
            aggregate={"gap": "since"}.get(aggregate, aggregate),
            value=value,
            by=by,
            of=of,
            on=scope.kinds(section.on, *path),
            over=section.over or Over(),
            place=scope.document.key_place(*path),
            where=conditioned or section.where or "",
            delay_ms=section.delay,
            exclude_current=section.exclude_current or aggregate in EXCLUDING,
            min_history=section.min_history,
            grain_ms=section.grain_ms,
            per=("count" if step.sum is None else "sum") if step else "",
            steps=tuple(
                StepSpec(
                    s.when, s.times, s.within, scope.document.place(*path, aggregate, i, "when")
                )
                for i, s in enumerate(section.sequence or ())
            ),
            terms=_terms(name, section, scope),
            weight=section.weight or section.amount or "",
            largest=section.largest,
            half_life_ms=section.half_life,
            late=section.late,
            ends=_ends(name, section, scope),
            hops=section.hops or WITH_HOPS.get(aggregate, 0),
            step_ms=section.step,
            tolerance=section.tolerance if section.amount else 0.0,
            in_order=section.in_order,
            places={**places, "value": place},
        )
        for full_name, value, place in _named_values(name, section, scope)
    ]


def _ends(name: str, section: FeatureSection, scope: Scope) -> tuple[str, ...]:
    """Payer and payee of a pattern, which must name entities of one domain."""
    if section.aggregate not in PATTERNS:
        return ()
    path = ("features", name, section.aggregate)
    written = getattr(section, section.aggregate)
    payer, payee = (scope.entity(key, *path, i) for i, key in enumerate(written))
    scope.pairs((payer,), (payee,), *path, 1)
    return payer, payee


def _terms(name: str, section: FeatureSection, scope: Scope) -> tuple[TermSpec, ...]:
    found = []
    for key, term in (section.match or {}).items():
        path, columns = ("features", name, "match", key), columns_of(key)
        is_position = term.relation in ("near_km", "beyond_km")
        if len(columns) != 1 + is_position:
            message = f"{brief(key)} is {'no position' if is_position else 'not one column'}"
            hint = '"lat, lon": within 5km' if is_position else "km compares a position"
            raise scope.document.key_error(path, message, hint)
        for column in columns:
            if column not in scope.columns:
                message = f"no column is called {brief(column)}"
                raise scope.document.key_error(path, message, suggest(column, scope.columns))
        place = scope.document.key_place(*path)
        found.append(TermSpec(columns, term.relation, term.tolerance, place))
    return tuple(found)


def _named_values(name: str, section: FeatureSection, scope: Scope) -> list[tuple[str, str, Place]]:
    """Each value with its feature's name: a list of columns makes one feature each."""
    aggregate = section.aggregate
    path = ("features", name, aggregate)
    written = getattr(section, aggregate)
    if isinstance(written, StepSection):
        inner = "count" if written.sum is None else "sum"
        return [(name, written.sum or "", scope.document.place(*path, inner))]
    if not isinstance(written, list):
        text = "" if aggregate in ("since", "gap", "new", "match") else written
        return [(name, text, scope.document.place(*path))]
    if aggregate == "sequence" or aggregate in PATTERNS:
        return [(name, "", scope.document.place(*path))]
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
