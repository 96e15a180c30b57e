"""Run the flow in this process, alone or as one of a cluster, from where the last run left it."""

import gc
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from bytewax.recovery import RecoveryConfig
from bytewax.testing import cluster_main, run_main

from dataflows.adoption import Adopted, take_up
from dataflows.counters import Counters
from dataflows.edges import Outlets, Source
from dataflows.score import Run, build
from dataflows.sealing import Sealer
from dataflows.shared import Shared
from dataflows.state import StateStore
from models.errors import RiverguardError
from models.holding import Ordering
from models.planning.blueprint import Blueprint

GARBAGE_THRESHOLDS: Final = (200_000, 20, 50)


@contextmanager
def opened(
    directory: Path | None,
    blueprint: Blueprint,
    ordering: Ordering = "arrival",
    sealer: Sealer | None = None,
    on_change: Callable[[Adopted], None] = lambda _adopted: None,
) -> Iterator[tuple[Path, Run]]:
    """A state directory (a temporary one for None) and a run over it, alone in its process.

    `on_change` is told when the state was made by other packs.
    """
    with tempfile.TemporaryDirectory(prefix="riverguard-") as temporary:
        root = directory or Path(temporary)
        taken = take_up(root, blueprint, ordering, sealer)
        if taken.changed:
            on_change(taken)
        store = StateStore(root / "state", sealer=sealer)
        try:
            yield root, Run(Shared(taken.blueprint, ordering, store, Counters()))
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
    # alerts are trees of small objects without cycles: looking for cycles at every few hundred
    # new ones took a tenth of the time
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    epoch = timedelta(milliseconds=commit_every_ms)
    flow, rest = build(source, outlets, run)
    try:
        recovery = RecoveryConfig(str(member.recovery if member else root / "recovery"))
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


def _ours(error: BaseException) -> RiverguardError | None:
    """The error that a step raised, behind those that the engine wrapped around it."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, RiverguardError):
            return found
        found = found.__cause__ or found.__context__
    return None
