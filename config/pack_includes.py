"""``include:`` of a pack: what other packs say stands in it too, unless it says it differently."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from config.sections import suggest
from config.yaml_nodes import Document
from models.pack import PackSpec, TypologySpec

T = TypeVar("T")


def with_included(
    own: PackSpec, included: Sequence[PackSpec], without: Sequence[str], document: Document
) -> PackSpec:
    """A pack with the parts of others; what it defines itself takes the place of theirs.

    `without` names rules of theirs that are left out.

    Raises
    ------
    ConfigError
        A rule to leave out that none of them has, or one name for two things.
    """
    # their examples hold with their own parameters, where `check` runs them
    theirs = (
        replace(pack, rules=tuple(replace(rule, examples=()) for rule in pack.rules))
        for pack in included
    )
    packs = (*theirs, own)
    rules = _joined(("id", pack.rules) for pack in packs)
    known = {name for rule in rules for name in rule.names}
    for i, name in enumerate(without):
        if name not in known:
            is_list = isinstance(document.data("without"), list)
            path = ("without", i) if is_list else ("without",)
            raise document.error(path, f"no rule is called {name}", suggest(name, sorted(known)))
    rules = [rule for rule in rules if rule.names.isdisjoint(without)]
    kept = {name for rule in rules for name in rule.names}
    found = replace(
        own,
        features=tuple(_joined(("name", pack.features) for pack in packs)),
        detectors=tuple(_joined(("name", pack.detectors) for pack in packs)),
        rules=tuple(rules),
        typologies=tuple(
            _of(typology, kept) for typology in _joined(("id", pack.typologies) for pack in packs)
        ),
        derived={name: one for pack in packs for name, one in pack.derived.items()},
        params={name: value for pack in packs for name, value in pack.params.items()},
        aliases={wire: name for pack in packs for wire, name in pack.aliases.items()},
        constants={name: text for pack in packs for name, text in pack.constants.items()},
        columns={name: column for pack in packs for name, column in pack.columns.items()},
        lookups=tuple({spec.column.name: spec for pack in packs for spec in pack.lookups}.values()),
        conversions={name: one for pack in packs for name, one in pack.conversions.items()},
        undone_by=next((one.undone_by for one in reversed(packs) if one.undone_by), None),
        event_cap=max(pack.event_cap for pack in packs),
    )
    _check_names(found, document)
    _check_typologies(found, document)
    return found


def _joined(parts: Iterable[tuple[str, Sequence[T]]]) -> list[T]:
    """Parts by name or id; a later one takes the place of an earlier one."""
    found: dict[Any, T] = {}
    for key, items in parts:
        found.update({getattr(item, key): item for item in items})
    return list(found.values())


def _of(typology: TypologySpec, kept: set[str]) -> TypologySpec:
    """A typology without the rules that are left out."""
    rules = {name: weight for name, weight in typology.rules.items() if name in kept}
    return replace(typology, rules=rules)


def _check_names(pack: PackSpec, document: Document) -> None:
    """Expressions could not tell two things of one name apart."""
    kinds = {
        "column": list(pack.columns),
        "derived name": list(pack.derived),
        "feature": [feature.name for feature in pack.features],
        "parameter": list(pack.params),
        "detector": [detector.name for detector in pack.detectors],
        "tail share": [f"{detector.name}_p" for detector in pack.detectors],
    }
    first: dict[str, str] = {}
    for kind, names in kinds.items():
        for name in names:
            if first.setdefault(name, kind) != kind:
                message = f"{name} is a {first[name]} and a {kind} of what this pack includes"
                raise document.key_error(("include",), message, "rename one of them")


def _check_typologies(pack: PackSpec, document: Document) -> None:
    """A rule that takes the place of another may not wait where that one weighed."""
    waiting = {name: rule for rule in pack.rules if rule.absent for name in rule.names}
    for typology in pack.typologies:
        for name in typology.rules.keys() & waiting.keys():
            message = f"{name} waits, but weighs in the included {typology.id}"
            hint = "give it another id, or replace the typology"
            raise document.error(("rules",), message, hint)
