"""How long a start takes over the state of a million entities.

python -m benchmarks.delivery.recovery --entities 1000000
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

START_MS = 1_767_542_400_000
PACK = """
pack: entities
on: [payment]
features:
  payments_1h: {count: "*", by: account, over: 1h}
  paid_1h: {sum: amount_base, by: account, over: 1h}
  paid_1d: {sum: amount_base, by: account, over: 1d}
  payees_1d: {distinct: counterparty, by: account, over: 1d}
rules:
  - id: R
    name: {en: a, zh: b}
    when: payments_1h >= 3 AND paid_1d > 0 AND paid_1h > 0 AND payees_1d > 0
    subject: account
    severity: low
    because: {en: "{payments_1h}", zh: "{payments_1h}"}
"""


def line(number: int, account: int) -> str:
    return (
        f'{{"event_id":"e{number}","event_time":{START_MS + number // 20},"kind":"payment",'
        f'"account":"acct-{account:07d}","counterparty":"p{account % 977}","amount":"12.50",'
        '"currency":"CNY"}\n'
    )


def part(folder: Path) -> None:
    """One start in a process of its own: from the start to the first event, and the memory."""
    began = time.monotonic()
    from cli.kernels import use_kernel_cache  # noqa: PLC0415 - imports belong to a start

    use_kernel_cache()
    from config.packs import load_pack  # noqa: PLC0415
    from connectors.file import FileSource  # noqa: PLC0415
    from dataflows.edges import Fan, Outlets  # noqa: PLC0415
    from dataflows.execute import execute, opened  # noqa: PLC0415
    from models.planning.blueprint import Deployment, draw  # noqa: PLC0415

    blueprint = draw([load_pack(str(folder / "pack.yaml"))], Deployment())
    first = [0.0]

    class Watched(FileSource):
        def open(self, partition: int, position: Any = None) -> Any:
            # the engine opens its source when everything is loaded
            first[0] = time.monotonic()
            return super().open(partition, position)

    with opened(folder / "state", blueprint) as place:
        loaded = time.monotonic()
        execute(
            Watched((str(folder / "events.ndjson"),)), Outlets(Fan(()), Fan(()), Fan(())), place
        )
        events = place[1].shared.counters.events
    print(json.dumps({
        "events": events, "imports_s": round(loaded - began, 3),
        "resume_s": round(first[0] - loaded, 3), "whole_s": round(time.monotonic() - began, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }))  # fmt: skip


def main() -> None:
    """Fill, then start again; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.folder:
        part(arguments.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pack.yaml").write_text(PACK)
        command = [sys.executable, "-m", "benchmarks.delivery.recovery", "--folder", name]
        results = {}
        for what in ("fill", "resume"):
            with (folder / "events.ndjson").open("a") as events:
                count = arguments.entities if what == "fill" else 1000
                first = 0 if what == "fill" else arguments.entities
                events.writelines(line(first + i, i) for i in range(count))
            done = subprocess.run(command, capture_output=True, check=True)
            results[what] = json.loads(done.stdout.splitlines()[-1])
        size = sum(path.stat().st_size for path in (folder / "state" / "state").iterdir())
        print(
            json.dumps({"entities": arguments.entities, "state_mb": round(size / 1e6), **results})
        )


if __name__ == "__main__":
    main()
