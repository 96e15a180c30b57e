"""A pack's detectors, checked: which events each takes, and what it reads of them."""

from collections.abc import Sequence

from models.detectors.catalogue import OF_EDGES
from models.errors import ConfigError
from models.expressions.parsing import Parser
from models.expressions.problems import nearest
from models.expressions.tree import Node, Source, Type, names_in
from models.pack import DetectorSpec, PackSpec
from models.planning.names import checked, parser_of


def detector_conditions(packs: Sequence[PackSpec]) -> list[tuple[Node, DetectorSpec]]:
    """Which rows each detector takes: its ``when``, or all of its kinds.

    Raises
    ------
    ConfigError
        One that waits for another, or reads what it cannot take.
    """
    found = []
    for pack in packs:
        parser = parser_of(pack, features=True)
        own = {f"{pack.name}.{d.name}{suffix}" for d in pack.detectors for suffix in ("", "_p")}
        for spec in pack.detectors:
            place = spec.places.get("when", spec.place)
            condition = checked(parser, str(spec.options.get("when", "TRUE")), Type.FLAG, place)
            if own & {name.name for name in names_in(condition)}:
                raise ConfigError(
                    f"detector {spec.name} waits for a detector",
                    hint="its when reads columns and features",
                    place=place,
                )
            _check_inputs(parser, spec, own)
            found.append((condition, spec))
    return found


def _check_inputs(parser: Parser, spec: DetectorSpec, detectors: set[str]) -> None:
    """A detector takes numbers; one of edges takes two columns that name payer and payee."""
    of_edges = spec.model in OF_EDGES
    for number, name in enumerate(spec.features):
        place = spec.places.get(f"features.{number}", spec.place)
        known = parser.names.get(name)
        if known is None or known.name in detectors:
            good = [n for n, one in parser.names.items() if one.name not in detectors]
            message = f"no column or feature is called {name}"
            if known is not None:
                message = f"{name} is a detector, and detectors do not read each other"
            raise ConfigError(message, hint=nearest(name, good), place=place)
        if of_edges and known.source is not Source.TEXT:
            hint = "a text column, such as account"
            raise ConfigError(f"{name} names no payer or payee", hint=hint, place=place)
        if not of_edges and known.type is Type.TEXT:
            hint = "numbers only; count different texts in a feature"
            raise ConfigError(f"{name} is text", hint=hint, place=place)
    if of_edges and len(spec.features) != 2:
        message = f"{spec.model} takes payer and payee, was {len(spec.features)} columns"
        place = spec.places.get("features.0", spec.place)
        raise ConfigError(message, hint="write [account, counterparty]", place=place)
