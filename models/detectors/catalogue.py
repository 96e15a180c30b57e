"""Every detector that a pack can name, and how its options become a model."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.detectors.half_space_trees import HalfSpaceTrees, HalfSpaceTreesConfig
from models.detectors.midas import Midas, MidasConfig
from models.errors import ConfigError
from models.expressions.problems import nearest
from models.pack import DetectorSpec


class Detector(Protocol):
    """What is asked of a detector; see `models.detectors.half_space_trees`."""

    def score(
        self, x: NDArray[np.float64], learnable: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score in order, learning each event after it was scored."""

    def save(self) -> dict[str, NDArray[Any]]:
        """The whole state, copied."""

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""


def _own(spec: DetectorSpec) -> dict[str, Any]:
    """The model's own options; `when` chooses its rows and is not one of them."""
    return {name: value for name, value in spec.options.items() if name != "when"}


def _half_space_trees(spec: DetectorSpec) -> Detector:
    options = _own(spec)
    limits = {name: (float(low), float(high)) for name, (low, high) in
              dict(options.pop("limits", {})).items()}  # fmt: skip
    return HalfSpaceTrees(spec.features, HalfSpaceTreesConfig(limits=limits, **options))


def _river(spec: DetectorSpec) -> Detector:
    # river's detectors import much of scipy: only packs that name one pay for it
    from models.detectors.river import RiverConfig, RiverDetector  # noqa: PLC0415

    options = _own(spec)
    name = str(options.pop("class", ""))
    learn = str(options.pop("learn", "guarded"))
    config = RiverConfig(name, dict(options.pop("options", {})), learn)
    if options:
        raise TypeError(f"unknown option {next(iter(options))}")
    return RiverDetector(spec.features, config)


def _midas(spec: DetectorSpec) -> Detector:
    return Midas(spec.features, MidasConfig(**_own(spec)))


MODELS: Final[Mapping[str, Callable[[DetectorSpec], Detector]]] = {
    "half_space_trees": _half_space_trees,
    "river": _river,
    "midas": _midas,
}

OF_EDGES: Final = frozenset({"midas"})
"""Models that take two text columns, payer and payee, and the time."""


def build_detector(spec: DetectorSpec) -> Detector:
    """Make a detector.

    Raises
    ------
    ConfigError
        For an unknown model or options that it does not take.
    """
    build = MODELS.get(spec.model)
    if build is None:
        raise ConfigError(
            f"no detector is called {spec.model}",
            hint=nearest(spec.model, list(MODELS)),
            place=spec.place,
        )
    try:
        return build(spec)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"detector {spec.name}: {error}",
            hint="see the options in models/detectors",
            place=spec.place,
        ) from None
