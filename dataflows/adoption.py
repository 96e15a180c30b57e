"""A start over existing state: what it was made by, and what a changed plan takes over of it.

The plan that state belongs to stands in the engine's own store, so that both change in one
transaction; a copy for the processes, without the windows' layout, is the file `plan`.
"""

import sqlite3
import time
import zlib
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import orjson

from dataflows.conversion import Conversion
from dataflows.identity import write_whole
from dataflows.inspection import components_of, newest_event_ms
from dataflows.migration import migrate
from dataflows.recovery import Snapshot, open_recovery, put
from dataflows.sealing import Sealer
from dataflows.segments import Segments
from models.detectors.catalogue import build_detector
from models.errors import StateError
from models.planning.blueprint import Blueprint
from models.planning.outline import Outline, inherit, outline_of, warming
from models.planning.outline_json import digest_of, dumped, loaded
from models.rounds import NO_TIME

PLAN_WAIT_S: Final = 60.0
_NEW_DIRECTORY: Final = "use the settings that it was made with, or a new state directory"


@dataclass(frozen=True, slots=True)
class Adopted:
    """State that a start goes on with.

    Attributes
    ----------
    blueprint
        The plan, with the times from which on its features know everything.
    changed
        Whether the state was another plan's.
    warming
        Features that do not know all that their windows reach back to.
    """

    blueprint: Blueprint
    changed: bool
    warming: tuple["Warming", ...]


def describe(blueprint: Blueprint, ordering: str) -> Outline:
    """What state of a blueprint depends on."""
    states = tuple(tuple(build_detector(spec).save()) for _pack, spec in blueprint.detectors)
    return outline_of(blueprint, ordering, states)


def take_up(root: Path, blueprint: Blueprint, ordering: str, sealer: Sealer | None) -> Adopted:
    """Make or take over a state directory; while nothing else uses it.

    Raises
    ------
    StateError
        What may never change over a state directory has changed, or state is missing or damaged.
    """
    recovery, wanted = root / "recovery", describe(blueprint, ordering)
    open_recovery(recovery)
    migrate(recovery, blueprint.deployment.shards)
    (path,) = recovery.glob("*.sqlite3")
    with closing(sqlite3.connect(path)) as store:
        found = _read(store)
        if found is None:
            _check_first_format(root, blueprint, ordering)
        else:
            _check_fixed(root, found, wanted)
        changed = found is not None and digest_of(found) != digest_of(wanted)
        now_ms = NO_TIME
        if found is None:
            now = wanted
        elif changed:
            now, now_ms = _change(store, root, sealer, found, wanted, blueprint)
        else:
            now = found
        _write(store, now)
        store.commit()
    write_whole(root / "plan", _copy(now))
    known = replace(blueprint, since_ms=now.since_ms)
    return Adopted(known, changed, _warming(now, now_ms) if changed else ())


def adopted(root: Path, blueprint: Blueprint, ordering: str, patience_s: float = 0.0) -> Blueprint:
    """The plan as `take_up` of this deployment's first host left it.

    Raises
    ------
    StateError
        After `patience_s` the directory still belongs to another plan.
    """
    wanted, deadline = digest_of(describe(blueprint, ordering)), time.monotonic() + patience_s
    while True:
        try:
            found = orjson.loads((root / "plan").read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            found = {}
        if found.get("digest") == wanted:
            return replace(blueprint, since_ms=found["since_ms"])
        if time.monotonic() > deadline:
            raise StateError(
                f"the state in {root} belongs to other packs or settings",
                hint="use those, or start `riverguard run` with these: it takes the state over",
            )
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Warming:
    """A feature that does not know all that its window reaches back to.

    Attributes
    ----------
    feature
        Full name.
    since_ms
        From when on it knows its events.
    until_ms
        When its window will be full; None for lifetime windows, which never will.
    """

    feature: str
    since_ms: int
    until_ms: int | None


def _warming(outline: Outline, now_ms: int) -> tuple[Warming, ...]:
    found = warming(outline, now_ms)
    return tuple(Warming(name, outline.since_ms[name], found[name]) for name in sorted(found))


def warming_in(root: Path, sealer: Sealer | None) -> tuple[Warming, ...]:
    """The features of a state directory that are warming, as of its newest event."""
    components = components_of(root)
    (path,) = (root / "recovery").glob("*.sqlite3")
    with closing(sqlite3.connect(path)) as store:
        found = _read(store)
    if found is None or not found.since_ms:
        return ()
    lateness_ms = int(found.fixed["allowed_lateness_ms"])
    segments = Segments(root / "state", sealer)
    return _warming(found, newest_event_ms(components, segments, lateness_ms))


def _copy(outline: Outline) -> str:
    return orjson.dumps({"digest": digest_of(outline), "since_ms": outline.since_ms}).decode()


def _read(store: sqlite3.Connection) -> Outline | None:
    if not store.execute("select 1 from sqlite_master where name = 'riverguard_plan'").fetchone():
        return None
    (raw,) = store.execute("select plan from riverguard_plan").fetchone()
    return loaded(zlib.decompress(raw))


def _write(store: sqlite3.Connection, outline: Outline) -> None:
    store.execute("create table if not exists riverguard_plan (plan blob not null)")
    store.execute("delete from riverguard_plan")
    raw = zlib.compress(dumped(outline))
    store.execute("insert into riverguard_plan (plan) values (?)", (raw,))


def _check_first_format(root: Path, blueprint: Blueprint, ordering: str) -> None:
    """Before plans were kept, a fingerprint was: it tells the same plan, and no more."""
    path = root / "plan"
    if not path.exists() or path.read_bytes().startswith(b"{"):
        return
    wanted = f"{blueprint.fingerprint} {ordering}"
    if path.read_text() not in {wanted, wanted.removesuffix(" arrival")}:
        raise StateError(
            f"{root} was made by an earlier version, with other packs or settings",
            hint="start once with those, which writes down what the state consists of; then change",
        )


def _check_fixed(root: Path, found: Outline, wanted: Outline) -> None:
    for name, now in wanted.fixed.items():
        before = found.fixed.get(name)
        if before != now:
            said = f"another {name}" if name == "secret" else f"{name} {before}, now it is {now}"
            raise StateError(f"{root} was made with {said}", hint=_NEW_DIRECTORY)


def _change(
    store: sqlite3.Connection,
    root: Path,
    sealer: Sealer | None,
    found: Outline,
    wanted: Outline,
    blueprint: Blueprint,
) -> tuple[Outline, int]:
    """Rewrite state for the wanted plan; its outline, and the newest event time."""
    segments = Segments(root / "state", sealer)
    components = components_of(root)
    now_ms = newest_event_ms(components, segments, blueprint.deployment.lateness_ms)
    inheritance = inherit(found, wanted, now_ms)
    change = Conversion(segments, found, blueprint, inheritance)
    for snapshot in components.values():
        if change.drops(snapshot.state):
            _forget(store, snapshot)
            continue
        manifest = change.converted(snapshot.state)
        if manifest is not None:
            _forget(store, snapshot)
            put(store, (snapshot.step, snapshot.key, snapshot.epoch), manifest)
    return inheritance.outline, now_ms


def _forget(store: sqlite3.Connection, snapshot: Snapshot) -> None:
    """A component's rows: also the older ones are of the old plan."""
    store.execute(
        "delete from snaps where step_id = ? and state_key = ?", (snapshot.step, snapshot.key)
    )
