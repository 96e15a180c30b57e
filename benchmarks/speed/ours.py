"""Our flow over one file, measured: ``python -m benchmarks.speed.ours PACK EVENTS WORK``.

Writes every alert to ``WORK/alerts.ndjson`` (flushed at every commit), commits its state as a
deployment does, and prints one JSON line. With ``--profile`` the line also says where the time
went.
"""

from cli.kernels import use_kernel_cache

use_kernel_cache()

import argparse  # noqa: E402 - the cache comes first
import json  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from contextlib import closing, nullcontext  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Final  # noqa: E402

from benchmarks.speed.machine import peak_mb, pin  # noqa: E402
from benchmarks.speed.steps import profiled  # noqa: E402
from config.packs import load_pack  # noqa: E402
from connectors.alert_file import AlertFile  # noqa: E402
from connectors.dead_letter_file import DeadLetterFile  # noqa: E402
from connectors.file import FileSource  # noqa: E402
from connectors.late_file import LateFile  # noqa: E402
from dataflows.adoption import take_up  # noqa: E402
from dataflows.components import ShardWindows  # noqa: E402
from dataflows.counters import Counters  # noqa: E402
from dataflows.edges import Outlets  # noqa: E402
from dataflows.execute import execute  # noqa: E402
from dataflows.score import Run  # noqa: E402
from dataflows.segments import Manifest  # noqa: E402
from dataflows.shared import Shared  # noqa: E402
from dataflows.state import Component, StateStore  # noqa: E402
from models.features.layout import ARENA_USED, ROWS_USED  # noqa: E402
from models.planning.blueprint import Deployment, draw  # noqa: E402

AS_OF_MS: Final = 1_800_000_000_000
"""Arrival time of every record: after every event time of the job."""


class WatchedStore(StateStore):
    """A state store that lets a measurement look at its components."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.components: dict[str, Component] = {}

    def attach(self, key: str, component: Component, manifest: Manifest | None) -> None:
        """Remember the component."""
        self.components[key] = component
        super().attach(key, component, manifest)


def window_bytes(store: WatchedStore) -> dict[str, int]:
    """Accounts known, and the bytes of their windows' arrays: in use, and with room to grow."""
    accounts, used, held = 0, 0, 0
    for component in store.components.values():
        if not isinstance(component, ShardWindows):
            continue
        for space in component.spaces:
            table, rows, arena, counters = (
                space.store.table, space.store.rows, space.store.arena, space.store.counters,
            )  # fmt: skip
            accounts += space.entities
            row_bytes = int(counters[ROWS_USED]) * rows.shape[1] * rows.itemsize
            used += table.nbytes + row_bytes + int(counters[ARENA_USED]) * arena.itemsize
            held += table.nbytes + rows.nbytes + arena.nbytes
    return {"accounts": accounts, "window_bytes": used, "window_bytes_held": held}


def measure(pack: Path, events: Path, work: Path, profile: bool) -> dict[str, Any]:
    """Run the flow from the start of the file to its end."""
    blueprint = draw([load_pack(str(pack))], Deployment())
    alert_path = work / "alerts.ndjson"
    alert_path.unlink(missing_ok=True)
    timer = profiled() if profile else nullcontext()
    with (
        tempfile.TemporaryDirectory(prefix="state-", dir=work) as directory,
        closing(WatchedStore(Path(directory) / "state")) as store,
        closing(AlertFile(alert_path)) as alerts,
        closing(DeadLetterFile(Path(directory) / "dead.ndjson")) as dead,
        closing(LateFile(Path(directory) / "late.ndjson")) as late,
        timer as steps,
    ):
        take_up(Path(directory), blueprint, "arrival", None)
        run = Run(Shared(blueprint, "arrival", store, Counters()))
        source = FileSource((str(events),), as_of_ms=AS_OF_MS)
        began, cpu_began = time.perf_counter(), time.process_time()
        execute(source, Outlets(alerts, dead, late), (Path(directory), run))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        return {
            "seconds": seconds,
            "cpu_seconds": cpu,
            "events": run.shared.counters.events,
            "rejected": run.shared.counters.rejected,
            "late": run.shared.counters.late,
            "alerts": alerts.written,
            **window_bytes(store),
            "peak_mb": peak_mb(),
            "steps": steps.rows() if steps else [],
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pack", type=Path)
    parser.add_argument("events", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    pin(given.cpu)
    given.work.mkdir(parents=True, exist_ok=True)
    print(json.dumps(measure(given.pack, given.events, given.work, given.profile)))


if __name__ == "__main__":
    main()
