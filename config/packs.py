"""Packs by name or path: YAML in, checked `PackSpec` out; expressions stay text for the planner."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

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
from config.pack_lookups import LookupSection, lookup_specs
from config.pack_rules import RuleSection, rule_specs
from config.pack_typologies import TypologySection, typology_specs
from config.sections import Section, brief, check, suggest
from config.words import Key, Kinds, Name, Text, whole
from config.yaml_nodes import Document
from config.yaml_reader import read_document
from models.errors import ConfigError
from models.events import COLUMNS, Column, ColumnType
from models.pack import Conversion, PackSpec

FOLDER: Final = Path(__file__).parent / "packs"

EVENT_CAP: Final = 4096
"""Most events kept per entity where a pack says nothing."""


class PackSection(Section):
    """A pack file as written; detectors are checked by their model."""

    pack: Name = Field(examples=["pack: payments"])
    on: Kinds | None = None
    map: dict[str, Mapped] = Field(default_factory=dict)
    columns: dict[Key, Type] = Field(default_factory=dict)
    lookups: dict[Key, LookupSection] = Field(default_factory=dict)
    conversions: dict[Key, Text] = Field(default_factory=dict)
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
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        return _pack(read_document(Path(name_or_path)))
    names = pack_names()
    if name_or_path not in names:
        near = suggest(name_or_path, names)
        known = f"known packs: {', '.join(names) or 'none'}"
        hint = f"{near} {known}" if near.startswith("did you") else f"{known}; or give a path"
        raise ConfigError(f"no pack is called {brief(name_or_path)}", hint=hint)
    return _pack(read_document(FOLDER / f"{name_or_path}.yaml"))


def _pack(document: Document) -> PackSpec:
    section = check(PackSection, document)
    added = added_columns(document, section.columns)
    columns = {**COLUMNS, **added}
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
    known = {rule.id for rule in rules} | {rule.id for rule in section.rules}
    return PackSpec(
        name=section.pack,
        on=scope.on,
        features=features,
        detectors=detectors,
        rules=rules,
        typologies=typology_specs(section.typologies, known, scope),
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
        event_cap=section.event_cap,
    )


def _distinct(section: PackSection, document: Document) -> None:
    """Refuse one name for two things: expressions could not tell them apart."""
    taken = {
        **dict.fromkeys(COLUMNS, "a canonical column"),
        **dict.fromkeys(section.columns, "an added column"),
        **dict.fromkeys(section.lookups, "a lookup"),
    }
    refuse_same(document, "conversions", section.conversions, taken)
    taken |= dict.fromkeys(section.conversions, "a conversion")
    refuse_same(document, "features", section.features, taken)
    taken |= dict.fromkeys(section.features, "a feature")
    refuse_same(document, "params", section.params, taken)
    taken |= dict.fromkeys(section.params, "a parameter")
    refuse_same(document, "detectors", section.detectors, taken)
