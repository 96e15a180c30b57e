"""An outline as it is kept beside state: JSON, arrays compressed."""

import base64
import hashlib
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from models.features.layout import NO_STEPS, Plan
from models.planning.outline import Described, Outline, SpaceOutline
from models.planning.spaces import Kept
from models.rounds import NO_TIME


def digest_of(outline: Outline) -> str:
    """Of everything but the times: equal ones describe the same plan."""
    spaces = tuple(replace(space, since_ms=NO_TIME, known_ms={}) for space in outline.spaces)
    return hashlib.sha256(dumped(replace(outline, spaces=spaces, since_ms={}))).hexdigest()


def dumped(outline: Outline) -> bytes:
    """As JSON."""
    return orjson.dumps(outline, default=_dumped_array, option=orjson.OPT_SORT_KEYS)


def _dumped_array(value: Any) -> Any:
    # orjson takes dataclasses and tuples by itself, a named tuple as its values
    if isinstance(value, np.ndarray):
        raw = zlib.compress(np.ascontiguousarray(value).tobytes(), 6)
        return [value.dtype.str, list(value.shape), base64.b85encode(raw).decode()]
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(type(value).__name__)


def loaded(raw: bytes) -> Outline:
    """What `dumped` wrote."""
    found = orjson.loads(raw)
    return Outline(
        found["fixed"],
        tuple(_loaded_space(space) for space in found["spaces"]),
        _described(found["detectors"]),
        _described(found.get("sharded", [])),
        tuple((pack, rule, meant) for pack, rule, meant in found.get("waiting", [])),
        found["since_ms"],
    )


def _described(found: Any) -> tuple[Described, ...]:
    return tuple((meaning, tuple(names)) for meaning, names in found)


def _loaded_space(found: dict[str, Any]) -> SpaceOutline:
    arrays = [
        np.frombuffer(zlib.decompress(base64.b85decode(raw)), dtype).reshape(shape).copy()
        for dtype, shape, raw in found.pop("plan")
    ]
    # plans of earlier versions lack the last ones
    arrays += NO_STEPS[len(NO_STEPS) - len(Plan._fields) + len(arrays) :]
    features = tuple(
        Kept(f["name"], f["meaning"], f["reach_ms"], tuple(f["needs"]))
        for f in found.pop("features")
    )
    values, filters, cells = (tuple(found.pop(name)) for name in ("values", "filters", "cells"))
    return SpaceOutline(
        **found, plan=Plan(*arrays), values=values, filters=filters, features=features, cells=cells
    )
