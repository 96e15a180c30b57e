"""``detectors:`` of a pack: which model learns from which features."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from config.pack_columns import Scope
from config.sections import Section, brief, check, form, problem, suggest
from config.words import (
    Duration,
    Entity,
    Kinds,
    Number,
    Text,
    distinct_of,
    listed,
    number_of,
    text_of,
    whole,
    word,
)
from config.yaml_nodes import Scalar
from models.errors import Place
from models.pack import EVERYTHING, DetectorSpec

_CLASS: Final = re.compile(r"river(\.[a-z_][a-z0-9_]*)+\.[A-Z][A-Za-z0-9]*")


def _class(node: Any) -> str:
    text = text_of(node)
    if not _CLASS.fullmatch(text):
        raise problem(
            f"{brief(text)} is no class of river", "for example river.anomaly.HalfSpaceTrees"
        )
    return text


def _plain(node: Any) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    return [_plain(value) for value in node]


def _bounds(pair: list[int | float]) -> tuple[int | float, int | float]:
    if len(pair) != 2 or not pair[0] < pair[1]:
        raise problem("limits are two numbers, the lower first", "write [0, 100000]")
    return pair[0], pair[1]


def _share(node: Any) -> float:
    number = number_of(node)
    if not 0 <= number <= 1:
        raise problem(f"was {node.text}", "a number from 0 to 1, such as 0.5")
    return float(number)


Inputs = Annotated[
    list[Text], BeforeValidator(listed), Field(min_length=1), AfterValidator(distinct_of("feature"))
]


Bounds = Annotated[
    list[Number],
    AfterValidator(_bounds),
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
]
"""The least and the largest usual value."""


Learn = Annotated[str, word("choice", ["normal", "all"])]
"""Whether what looks unusual is learned as well."""


class DetectorSection(Section):
    """What every detector says."""

    planned: ClassVar[frozenset[str]] = frozenset({"learns_from"})

    model: Text
    features: Inputs = Field(examples=["features: [amount_base]"])
    by: Entity | None = None
    on: Kinds | None = None
    when: Text | None = None


class HalfSpaceTrees(DetectorSection):
    """Half-space trees in a kernel of ours."""

    trees: Annotated[int, whole(1, 1000)] = 25
    height: Annotated[int, whole(1, 15)] = 8
    window: Annotated[int, whole(2, 1_000_000)] = 250
    seed: Annotated[int, whole(0, 2**32 - 1)] = 1
    limits: dict[str, Bounds] = Field(default_factory=dict)
    learn: Learn = "normal"


class River(DetectorSection):
    """Any anomaly detector or classifier of River."""

    river_class: Annotated[
        str,
        BeforeValidator(
            _class, json_schema_input_type=form(type="string", pattern=f"^{_CLASS.pattern}$")
        ),
    ] = Field(alias="class", examples=["class: river.anomaly.HalfSpaceTrees"])
    options: Annotated[
        dict[str, Any], BeforeValidator(_plain, json_schema_input_type=form(type="object"))
    ] = Field(default_factory=dict)


class Midas(DetectorSection):
    """Bursts between two parties, or of one of them."""

    tick: Duration = 60_000
    fade: Annotated[
        float,
        BeforeValidator(_share, json_schema_input_type=form(type="number", minimum=0, maximum=1)),
    ] = 0.5
    hashes: Annotated[int, whole(1, 8)] = 2
    buckets: Annotated[int, whole(16, 65_536)] = 1024
    learn: Learn = "normal"


_SHARED: Final = ("model", "features", "by", "on")
"""Keys that are fields of `DetectorSpec`; all others are options."""

MODELS: Final[dict[str, type[DetectorSection]]] = {
    "half_space_trees": HalfSpaceTrees,
    "river": River,
    "midas": Midas,
}


def detector_specs(sections: Mapping[str, Any], scope: Scope) -> tuple[DetectorSpec, ...]:
    """Check every detector's keys, which depend on its model.

    Raises
    ------
    ConfigError
        An unknown model or key, a limit on a feature that the detector does not read.
    """
    return tuple(_spec(name, data, scope) for name, data in sections.items())


def _spec(name: str, data: Any, scope: Scope) -> DetectorSpec:
    path = ("detectors", name)
    document = scope.document
    model = data.get("model") if isinstance(data, dict) else None
    if not isinstance(model, Scalar):
        raise document.error(path, "model is missing", f"add model: {' or '.join(MODELS)}")
    if model.text not in MODELS:
        message = f"no model is called {brief(model.text)}"
        raise document.error((*path, "model"), message, suggest(model.text, MODELS))
    section = check(MODELS[model.text], document, *path)
    options = {
        field.alias or key: getattr(section, key)
        for key, field in type(section).model_fields.items()
        if key in section.model_fields_set and key not in _SHARED
    }
    for limited in options.get("limits", {}):
        if limited not in section.features:
            message = f"{brief(limited)} is not among this detector's features"
            hint = suggest(limited, section.features)
            raise document.key_error((*path, "limits", limited), message, hint)
    return DetectorSpec(
        name=name,
        model=section.model,
        features=tuple(section.features),
        on=scope.kinds(section.on, *path),
        options=options,
        by=_by(section.by, scope, *path, "by"),
        place=document.key_place(*path),
        places=_places(document.places(*path)),
    )


def _by(name: str | None, scope: Scope, *path: str | int) -> str:
    """The column whose shards learn; the word for all is no column."""
    if name is None or name == EVERYTHING:
        return name or ""
    return scope.entity(name, *path)


def _places(found: dict[str, Place]) -> dict[str, Place]:
    single = {f"{key}.0": found[key] for key in ("features", "on") if key in found}
    return {**found, **single}
