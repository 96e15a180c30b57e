"""Run the flow in this process, alone or as one of a cluster, from where the last run left it."""

import gc
import os
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from bytewax.recovery import RecoveryConfig
from bytewax.testing import cluster_main, run_main

from dataflows.counters import Counters
from dataflows.edges import Outlets, Source
from dataflows.logics import Shared
from dataflows.migration import take_up
from dataflows.score import Run, build
from dataflows.sealing import Sealer
from dataflows.state import StateStore
from models.errors import RiverguardError, StateError
from models.holding import Ordering
from models.planning.blueprint import Blueprint

IDENTITY_WAIT_S: Final = 60.0
GARBAGE_THRESHOLDS: Final = (200_000, 20, 50)


@contextmanager
def opened(
    directory: Path | None,
    blueprint: Blueprint,
    ordering: Ordering = "arrival",
    sealer: Sealer | None = None,
) -> Iterator[tuple[Path, Run]]:
    """A state directory (a temporary one for None) and a run over it, alone in its process."""
    with tempfile.TemporaryDirectory(prefix="riverguard-") as temporary:
        root = directory or Path(temporary)
        store = StateStore(root / "state", sealer=sealer)
        try:
            yield root, Run(Shared(blueprint, ordering, store, Counters()))
        finally:
            store.close()


@dataclass(frozen=True)
class Member:
    """Where this process stands in a cluster.

    Attributes
    ----------
    index
        Its number among `addresses`.
    addresses
        ``host:port`` of every process, the same list for all; none where there is one process.
    recovery
        Its recovery store, taken up by its supervisor: the deployment's on the first host, an empty
        one elsewhere.
    """

    index: int
    addresses: Sequence[str]
    recovery: Path


def execute(
    source: Source,
    outlets: Outlets,
    place: tuple[Path, Run],
    commit_every_ms: int = 500,
    member: Member | None = None,
) -> None:
    """Run until the source ends or `Run.stopping` is set; every epoch is committed.

    Raises
    ------
    RiverguardError
        What a step or an edge raised: nothing is lost, a new run goes on from the last commit.
    """
    root, run = place
    check_plan(root, run.shared.blueprint, run.shared.ordering)
    # alerts are trees of small objects without cycles: looking for cycles at every few hundred
    # new ones took a tenth of the time
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    epoch = timedelta(milliseconds=commit_every_ms)
    flow, rest = build(source, outlets, run)
    try:
        if member is None:
            recovery = take_up(root / "recovery", run.shared.blueprint.deployment.shards)
        else:
            recovery = RecoveryConfig(str(member.recovery))
        if member is None or not member.addresses:
            run_main(flow, epoch_interval=epoch, recovery_config=recovery)
        else:
            cluster_main(
                flow,
                list(member.addresses),
                member.index,
                epoch_interval=epoch,
                recovery_config=recovery,
            )
        if rest:
            rest.publish_rest()
    except BaseException as error:
        ours = _ours(error)
        if ours is None:
            traceback.print_exc(file=sys.stderr)
            raise
        raise ours from error


def check_plan(root: Path, blueprint: Blueprint, ordering: Ordering) -> None:
    """State belongs to the plan that made it; with another one its numbers would mean nothing.

    Raises
    ------
    StateError
        The directory was made with another plan.
    """
    path, wanted = root / "plan", f"{blueprint.fingerprint} {ordering}"
    if not path.exists():
        _write(path, wanted)
    elif path.read_text() not in {wanted, wanted.removesuffix(" arrival")}:
        raise StateError(
            f"{root} was made with other features, detectors, shards, lateness, ordering or secret",
            hint="use the packs and settings that it was made with, or a new state directory",
        )


def make_identity(root: Path) -> None:
    """Give a new state directory a name that no other has.

    What must not be published twice is numbered from 1 in every new directory.
    """
    path = root / "identity"
    if not path.exists():
        _write(path, uuid.uuid4().hex)


def identity_of(root: Path) -> str:
    """The name of a state directory; the first host makes it before it starts anything.

    Raises
    ------
    StateError
        It is not there after `IDENTITY_WAIT_S`.
    """
    deadline = time.monotonic() + IDENTITY_WAIT_S
    while not (root / "identity").exists():
        if time.monotonic() > deadline:
            raise StateError(
                f"{root} has no identity", hint="start the first host; all must share the directory"
            )
        time.sleep(0.1)
    return (root / "identity").read_text()


def _write(path: Path, text: str) -> None:
    """Write a small file in one piece, whoever reads it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f"{path.name}.{os.getpid()}")
    written.write_text(text)
    written.replace(path)


def _ours(error: BaseException) -> RiverguardError | None:
    """The error that a step raised, behind those that the engine wrapped around it."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, RiverguardError):
            return found
        found = found.__cause__ or found.__context__
    return None
