"""Packs by name or path: YAML in, checked `PackSpec` out; expressions stay text for the planner."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from config.feature_section import FeatureSection
from config.pack_columns import (
    Mapped,
    Param,
    Scope,
    Type,
    added_columns,
    mapped_columns,
    refuse_same,
)
from config.pack_detectors import detector_specs
from config.pack_features import feature_specs
from config.pack_includes import with_included
from config.pack_lookups import LookupSection, lookup_specs
from config.pack_rules import RuleSection, rule_specs
from config.pack_typologies import TypologySection, typology_specs
from config.sections import Section, brief, check, suggest
from config.words import Key, Kinds, Name, Text, distinct_of, listed, whole
from config.yaml_nodes import Document
from config.yaml_reader import read_document
from models.errors import ConfigError
from models.events import COLUMNS, Column, ColumnType
from models.pack import Condition, Conversion, PackSpec

FOLDER: Final = Path(__file__).parent / "packs"

EVENT_CAP: Final = 4096
"""Most events kept per entity where a pack says nothing."""


Included = Annotated[list[Text], BeforeValidator(listed), AfterValidator(distinct_of("name"))]
"""One name or a list of them."""


class PackSection(Section):
    """A pack file as written; detectors are checked by their model."""

    pack: Name = Field(examples=["pack: payments"])
    include: Included = Field(default_factory=list)
    without: Included = Field(default_factory=list)
    on: Kinds | None = None
    map: dict[str, Mapped] = Field(default_factory=dict)
    columns: dict[Key, Type] = Field(default_factory=dict)
    lookups: dict[Key, LookupSection] = Field(default_factory=dict)
    conversions: dict[Key, Text] = Field(default_factory=dict)
    derived: dict[Key, Text] = Field(default_factory=dict)
    undone_by: Text | None = None
    params: dict[Key, Param] = Field(default_factory=dict)
    event_cap: Annotated[int, whole(4, 1_000_000)] = EVENT_CAP
    features: dict[Key, FeatureSection] = Field(default_factory=dict)
    detectors: dict[Key, Any] = Field(default_factory=dict)
    rules: list[RuleSection] = Field(default_factory=list)
    typologies: list[TypologySection] = Field(default_factory=list)


def pack_names() -> list[str]:
    """Names of the packs in ``config/packs``, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_pack(name_or_path: str) -> PackSpec:
    """Load one pack.

    Parameters
    ----------
    name_or_path
        A name in ``config/packs``, or a path: it contains a slash or ends in .yaml or .yml.

    Raises
    ------
    ConfigError
        The first mistake, with file, line and column, the offending word and the nearest good
        one.
    """
    return _pack(_document(name_or_path, Path()))


def _document(name_or_path: str, folder: Path) -> Document:
    """A pack's file; paths are relative to `folder`."""
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        return read_document(folder / name_or_path)
    names = pack_names()
    if name_or_path not in names:
        near = suggest(name_or_path, names)
        known = f"known packs: {', '.join(names) or 'none'}"
        hint = f"{near} {known}" if near.startswith("did you") else f"{known}; or give a path"
        raise ConfigError(f"no pack is called {brief(name_or_path)}", hint=hint)
    return read_document(FOLDER / f"{name_or_path}.yaml")


def _pack(document: Document, outer: tuple[str, ...] = ()) -> PackSpec:
    """A pack with all that it includes; `outer` are the files that are including it."""
    section = check(PackSection, document)
    included = _included(section, document, (*outer, document.file))
    theirs = {name: column for pack in included for name, column in pack.columns.items()}
    added = added_columns(document, section.columns)
    columns = {**COLUMNS, **theirs, **added}
    aliases, constants = mapped_columns(document, section.map, columns)
    _distinct(section, document)
    converted = {name: Column(name, ColumnType.MONEY, name) for name in section.conversions}
    columns |= converted
    own = Scope(document, tuple(section.on or ()), columns)
    lookups = lookup_specs(section.lookups, own)
    joined = {spec.column.name: spec.column for spec in lookups}
    scope = replace(own, columns={**columns, **joined})
    # in the order of the file: the first mistake is told
    features = feature_specs(section.features, scope)
    detectors = detector_specs(section.detectors, scope)
    rules = rule_specs(section.rules, scope)
    # a rule of this pack takes the place of an included one
    known = {rule.id: rule for pack in included for rule in pack.rules}
    known |= {rule.id: rule for rule in rules}
    spec = PackSpec(
        name=section.pack,
        on=scope.on,
        features=features,
        detectors=detectors,
        rules=rules,
        typologies=typology_specs(section.typologies, tuple(known.values()), scope),
        file=document.file,
        params=section.params,
        aliases=aliases,
        constants=constants,
        columns={**added, **converted, **joined},
        lookups=lookups,
        conversions={
            name: Conversion(code, document.place("conversions", name))
            for name, code in section.conversions.items()
        },
        derived={
            name: Condition(text, document.place("derived", name))
            for name, text in section.derived.items()
        },
        undone_by=Condition(section.undone_by, document.place("undone_by"))
        if section.undone_by
        else None,
        event_cap=section.event_cap,
    )
    return with_included(spec, included, section.without, document) if included else spec


def _included(section: PackSection, document: Document, outer: tuple[str, ...]) -> list[PackSpec]:
    """The packs that a pack includes, in its order.

    Raises
    ------
    ConfigError
        One that does not load, or that includes this one.
    """
    found = []
    for i, name in enumerate(section.include):
        place = ("include", i) if isinstance(document.data("include"), list) else ("include",)
        try:
            other = _document(name, Path(document.file).parent)
        except ConfigError as error:
            if error.place is not None:
                raise
            raise document.error(place, error.message, error.hint) from None
        if other.file in outer:
            raise document.error(
                place, f"{name} includes this pack", "a pack cannot contain itself"
            )
        found.append(_pack(other, outer))
    return found


def _distinct(section: PackSection, document: Document) -> None:
    """Refuse one name for two things: expressions could not tell them apart."""
    taken = {
        **dict.fromkeys(COLUMNS, "a canonical column"),
        **dict.fromkeys(section.columns, "an added column"),
        **dict.fromkeys(section.lookups, "a lookup"),
    }
    refuse_same(document, "conversions", section.conversions, taken)
    taken |= dict.fromkeys(section.conversions, "a conversion")
    refuse_same(document, "derived", section.derived, taken)
    taken |= dict.fromkeys(section.derived, "a derived name")
    refuse_same(document, "features", section.features, taken)
    taken |= dict.fromkeys(section.features, "a feature")
    refuse_same(document, "params", section.params, taken)
    taken |= dict.fromkeys(section.params, "a parameter")
    refuse_same(document, "detectors", section.detectors, taken)
    for name in section.detectors:
        # its tail share is called so
        share = f"{name}_p"
        if share in taken or share in section.detectors:
            other = taken.get(share, "a detector")
            message = f"{share}, the tail share of {name}, is {other} already"
            raise document.key_error(("detectors", name), message, "rename one of them")
