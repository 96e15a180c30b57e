"""Run the flow in this process, from where the last run left it to the end of its input."""

import gc
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from bytewax.testing import run_main

from dataflows.edges import Source
from dataflows.recovery import open_recovery
from dataflows.score import Outlets, Run, build
from dataflows.state import StateStore
from models.errors import RiverguardError, StateError
from models.planning.blueprint import Blueprint

GARBAGE_THRESHOLDS: Final = (200_000, 20, 50)


@contextmanager
def opened(directory: Path | None) -> Iterator[tuple[Path, Run]]:
    """A state directory (a temporary one for None) and what a run over it shares."""
    with tempfile.TemporaryDirectory(prefix="riverguard-") as temporary:
        root = directory or Path(temporary)
        store = StateStore(root / "state")
        try:
            yield root, Run(store)
        finally:
            store.close()


def execute(
    blueprint: Blueprint,
    source: Source,
    outlets: Outlets,
    place: tuple[Path, Run],
    commit_every_ms: int = 500,
) -> None:
    """Run until the source ends or `Run.stopping` is set; every epoch is committed.

    Raises
    ------
    RiverguardError
        What a step or an edge raised: nothing is lost, a new run goes on from the last commit.
    """
    root, run = place
    _check_plan(root / "plan", blueprint)
    # alerts are trees of small objects without cycles: looking for cycles at every few hundred
    # new ones took a tenth of the time
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    recovery = open_recovery(root / "recovery")
    flow = build(blueprint, source, outlets, run)
    try:
        run_main(
            flow,
            epoch_interval=timedelta(milliseconds=commit_every_ms),
            recovery_config=recovery,
        )
    except BaseException as error:
        ours = _ours(error)
        if ours is None:
            traceback.print_exc(file=sys.stderr)
            raise
        raise ours from error


def _check_plan(path: Path, blueprint: Blueprint) -> None:
    """State belongs to the plan that made it; with another one its numbers would mean nothing."""
    if not path.exists():
        path.write_text(blueprint.fingerprint)
    elif path.read_text() != blueprint.fingerprint:
        raise StateError(
            f"{path.parent} was made with other features, detectors, shards, lateness or secret",
            hint="use the packs and settings that it was made with, or a new state directory",
        )


def _ours(error: BaseException) -> RiverguardError | None:
    """The error that a step raised, behind those that the engine wrapped around it."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, RiverguardError):
            return found
        found = found.__cause__ or found.__context__
    return None
