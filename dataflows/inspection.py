"""Look into a state directory while nothing runs, or at what was last committed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from dataflows.components import HomeIntake, ShardWindows
from dataflows.recovery import Snapshot, is_manifest, resume_epoch, snapshots
from dataflows.sealing import Sealer
from dataflows.segments import Segments, pieces_of
from dataflows.state import restore
from models.decoding.decoder import Decoder
from models.errors import ConfigError, StateError
from models.events import COLUMNS, KINDS, REQUIRED, ColumnType
from models.features.layout import ENTRY_ROW, UPDATES
from models.holding import Release
from models.placing import Placer
from models.planning.blueprint import Blueprint
from models.records import RawBlock
from models.rounds import NO_TIME
from models.scattering import Scatterer


@dataclass(frozen=True, slots=True)
class Stored:
    """One component as the next start would take it up.

    Attributes
    ----------
    name
        ``windows-0003``: what it is, and of which shard.
    epoch
        Of its newest commit.
    base_bytes, logs, log_bytes
        What it consists of on disk.
    """

    name: str
    epoch: int
    base_bytes: int
    logs: int
    log_bytes: int


def resumable(root: Path) -> dict[tuple[str, str], Snapshot]:
    """(step, key) → the snapshot that the next start takes up.

    Raises
    ------
    StateError
        There is no state in the directory.
    """
    recovery = root / "recovery"
    if not list(recovery.glob("*.sqlite3")):
        raise StateError(f"there is no state in {root}", hint="name the directory of a run")
    before = resume_epoch(recovery)
    return {(s.step, s.key): s for s in snapshots(recovery) if s.epoch < before}


def components_of(root: Path) -> dict[str, Snapshot]:
    """Component → its snapshot that the next start takes up; see `resumable`."""
    found = [s for s in resumable(root).values() if is_manifest(s.state)]
    return {snapshot.state["key"]: snapshot for snapshot in found}


def stored(root: Path) -> list[Stored]:
    """Every component, by name."""
    return [_stored(snapshot) for _name, snapshot in sorted(components_of(root).items())]


def _stored(snapshot: Snapshot) -> Stored:
    manifest = snapshot.state
    base = manifest["base"][2] if manifest["base"] else 0
    logs = [place[2] for place in manifest["logs"]]
    return Stored(manifest["key"], snapshot.epoch, base, len(logs), sum(logs))


def positions(root: Path) -> dict[int, Mapping[str, int]]:
    """Partition → where the next start reads on."""
    found: dict[int, Mapping[str, int]] = {}
    for (step, _key), snapshot in resumable(root).items():
        if step == "score.source" and snapshot.state:
            found.update(snapshot.state)
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of every stored byte came to.

    Attributes
    ----------
    pieces, size_bytes
        What was read.
    problems
        What is missing or damaged, each in a sentence.
    """

    pieces: int
    size_bytes: int
    problems: list[str]


def verify(root: Path, sealer: Sealer | None) -> Verified:
    """Read every piece that any manifest names, also the older ones, and check it."""
    segments, read, size, problems = Segments(root / "state", sealer), 0, 0, []
    seen: set[tuple[Any, ...]] = set()
    resumable(root)
    for snapshot in snapshots(root / "recovery"):
        if not is_manifest(snapshot.state):
            continue
        for place in pieces_of(snapshot.state):
            if tuple(place) in seen:
                continue
            seen.add(tuple(place))
            read, size = read + 1, size + place[2]
            try:
                segments.read(place, snapshot.state["key"])
            except StateError as error:
                problems.append(error.message)
    return Verified(read, size, problems)


def lookup(
    root: Path, blueprint: Blueprint, column: str, value: str, tenant: str, sealer: Sealer | None
) -> tuple[dict[str, float | None], int]:
    """Feature → its value for one entity, and the time of the newest event, as of which it is.

    Raises
    ------
    ConfigError
        No feature is kept by that column.
    StateError
        State is missing or damaged.
    """
    found = components_of(root)
    segments = Segments(root / "state", sealer)
    chosen = [name for name, spec in blueprint.specs.items() if (spec.of or spec.by) == (column,)]
    if not chosen:
        known = sorted({(s.of or s.by)[0] for s in blueprint.specs.values() if s.by})
        raise ConfigError(f"no feature is kept by {column}", hint=f"kept by: {', '.join(known)}")
    now_ms = newest_event_ms(found, segments, blueprint.deployment.lateness_ms)
    if now_ms == NO_TIME:
        raise StateError("no event has been committed yet", hint="wait for the first commit")
    values: dict[str, float | None] = dict.fromkeys(chosen)
    asking = _asking(blueprint, column, value, tenant, now_ms)
    for features in _answers(found, segments, blueprint, asking):
        for name in chosen:
            read = features[blueprint.columns[name]]
            good = read[~np.isnan(read)]
            if good.size:
                values[name] = float(good[0])
    return values, now_ms


def newest_event_ms(found: Mapping[str, Snapshot], segments: Segments, lateness_ms: int) -> int:
    """Newest event time that intake has seen; `NO_TIME` before the first event."""
    newest_ms = NO_TIME
    for name, snapshot in found.items():
        if name.startswith("intake-"):
            intake = HomeIntake(lateness_ms)
            restore(segments, snapshot.state, intake)
            newest_ms = max(newest_ms, intake.newest_of_all_ms)
    return newest_ms


def _asking(blueprint: Blueprint, column: str, value: str, tenant: str, now_ms: int) -> bytes:
    """An event of every kind that names the entity and nothing else that is known."""
    lines = []
    for kind in KINDS:
        if not (blueprint.kinds >> KINDS.index(kind)) & 1:
            continue
        event: dict[str, Any] = {}
        for name in REQUIRED[kind]:
            event[name] = "lookup" if COLUMNS[name].type is ColumnType.TEXT else 1
        event |= {"event_id": kind, "event_time": now_ms, "kind": kind, column: value}
        if "currency" in event:
            event["currency"] = blueprint.deployment.base_currency
        if tenant:
            event["tenant"] = tenant
        lines.append(orjson.dumps(event))
    return b"\n".join(lines)


def _answers(
    found: Mapping[str, Snapshot], segments: Segments, blueprint: Blueprint, lines: bytes
) -> Iterator[np.ndarray[Any, np.dtype[np.float64]]]:
    batch, dead = Decoder(blueprint.schema).decode(RawBlock(0, lines, 0, 1 << 53))
    assert not dead, dead
    batch.late[:] = True  # late events read windows and change nothing
    release, placer = Release(batch, batch.times, None, None), Placer(blueprint)
    for shard, message in Scatterer(blueprint).scatter(0, 0, release).messages.items():
        windows = ShardWindows(shard, blueprint.spaces)
        snapshot = found.get(f"windows-{shard:04d}")
        if snapshot:
            restore(segments, snapshot.state, windows)
        for entries in message.entries.values():
            entries[:, ENTRY_ROW] &= ~UPDATES  # nor do those that take late ones
        features, _truncated = placer.place([windows.answer(message)], len(batch))
        yield features
