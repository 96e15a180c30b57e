"""Any River anomaly detector by name: `model: river` in a pack.

Slower than a compiled kernel by an order of magnitude or two, so let `when:` choose the rows.
"""

import importlib
import inspect
import math
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.anomaly import HalfSpaceTrees
from river.base import AnomalyDetector

from models.detectors.tail import count_score, is_extreme, new_counts, tail_share


@dataclass(frozen=True, slots=True)
class RiverConfig:
    """Options of ``model: river``.

    Attributes
    ----------
    name
        Dotted name of a class under ``river.``, e.g. ``river.anomaly.OneClassSVM``.
    options
        Its constructor's arguments.
    learn
        ``normal`` or ``all``, as for half-space trees.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    learn: str = "normal"


def river_class(name: str) -> type[AnomalyDetector]:
    """Find a detector class; only names under ``river.`` are ever imported.

    Raises
    ------
    ValueError
        Saying what is wrong with the name.

    >>> river_class("os.system")
    Traceback (most recent call last):
    ValueError: a detector class is under river., was os.system
    """
    module, _, attribute = name.rpartition(".")
    if not module.startswith("river.") or not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"a detector class is under river., was {name}")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        raise ValueError(f"river has no {name}") from None
    if not inspect.isclass(found) or not issubclass(found, AnomalyDetector):
        raise ValueError(f"{name} is not an anomaly detector of river")
    return found


def squeezed(raw: float, *, bounded: bool) -> float:
    """A model's score in [0, 1]; what is not a number scores 0.

    >>> squeezed(3.0, bounded=False), squeezed(math.inf, bounded=False), squeezed(-1, bounded=True)
    (0.75, 1.0, 0.0)
    """
    if math.isnan(raw) or raw <= 0.0:
        return 0.0
    if math.isinf(raw):
        return 1.0
    return min(raw, 1.0) if bounded else raw / (1.0 + raw)


class RiverDetector:
    """A River anomaly detector over a fixed list of features.

    Scores are squeezed into [0, 1) by s ÷ (1 + s) where the model's are not bounded; negative
    ones count as 0.

    Parameters
    ----------
    features
        Names, in the order of the columns of `score`.
    config
        Options.
    """

    def __init__(self, features: Sequence[str], config: RiverConfig) -> None:
        self.features = tuple(features)
        self.config = config
        self._model = river_class(config.name)(**config.options)
        self._tail = new_counts()
        self._bounded = isinstance(self._model, HalfSpaceTrees)

    def score(
        self, x: NDArray[np.float64], learnable: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score every event in order, then learn it where that is allowed.

        As for `HalfSpaceTrees.score`; NULL features are left out of the dict that River sees.
        """
        scores, shares = np.zeros(x.shape[0]), np.ones(x.shape[0])
        for i, values in enumerate(x.tolist()):
            pairs = zip(self.features, values, strict=True)
            given: dict[Any, float] = {n: v for n, v in pairs if not math.isnan(v)}
            if not given:
                continue  # nothing is known of the event: some models cannot even be asked
            scores[i] = squeezed(float(self._model.score_one(given)), bounded=self._bounded)
            shares[i] = tail_share(self._tail, scores[i])
            count_score(self._tail, scores[i])
            is_normal = learnable[i] and not is_extreme(self._tail, shares[i])
            if self.config.learn == "all" or is_normal:
                self._model.learn_one(given)
        return scores, shares

    def save(self) -> dict[str, NDArray[Any]]:
        """The state, pickled: only this program's own files are ever unpickled."""
        blob = np.frombuffer(pickle.dumps(self._model), np.uint8)
        return {"model": blob, "tail": self._tail.copy()}

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        self._model = pickle.loads(saved["model"].tobytes())  # noqa: S301 - see `save`
        self._tail = saved["tail"].copy()
