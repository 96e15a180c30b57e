"""Bursts of edges in a public stream: ``python -m benchmarks.quality.darpa FOLDER``.

FOLDER holds ``edges.parquet`` (row, src_id, dst_id, tick, label): connections of DARPA's 1998
intrusion data by the minute, as github.com/Stream-AD/MIDAS publishes them; 1 marks an attack. An
edge becomes a payment at its minute, and the detector of `darpa.yaml` scores it in one pass.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.quality.amlsim import auc
from cli.kernels import use_kernel_cache

PACK: Final = Path(__file__).with_name("darpa.yaml")
BLOCK: Final = 8192
_START_MS: Final = 1_735_689_600_000  # 2025-01-01: nothing happens before the year 2000
_MINUTE_MS: Final = 60_000


def lines_of(edges: pl.DataFrame) -> Iterator[bytes]:
    """The edges as payments, in blocks; event ids keep the order of the file within a minute."""
    for part in edges.iter_slices(BLOCK):
        yield "\n".join(
            f'{{"event_id":"{row:08d}","kind":"payment","account":"n{src}",'
            f'"counterparty":"n{dst}","amount":1,"currency":"USD",'
            f'"event_time":{_START_MS + tick * _MINUTE_MS}}}'
            for row, src, dst, tick in part.select("row", "src_id", "dst_id", "tick").iter_rows()
        ).encode()


def scores_of(edges: pl.DataFrame) -> NDArray[np.float64]:
    """The detector's score of every edge."""
    from cli.deployment import deployment_of  # noqa: PLC0415 - after the kernel cache is in place
    from config.packs import load_pack  # noqa: PLC0415
    from config.settings import Settings  # noqa: PLC0415
    from dataflows.offline import Offline  # noqa: PLC0415
    from models.planning.blueprint import draw  # noqa: PLC0415
    from models.records import RawBlock  # noqa: PLC0415

    offline = Offline(draw([load_pack(str(PACK))], deployment_of(Settings())))
    blocks = (
        RawBlock(0, lines, BLOCK * number, 1 << 53) for number, lines in enumerate(lines_of(edges))
    )
    found = [
        one.scores["darpa.burst"]
        for results in offline.run(blocks)
        for one in results.scored
        if one.batch is not None
    ]
    return np.concatenate(found)


def main() -> None:
    """Print one row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    use_kernel_cache()
    edges = pl.read_parquet(folder / "edges.parquet").sort("tick", "row")
    began = time.monotonic()
    scores = scores_of(edges)
    seconds = time.monotonic() - began
    assert scores.shape == (edges.height,)
    is_attack = edges["label"].to_numpy() == 1
    print("| edges | attacks | minutes | AUC by edge | events/s |")
    print("|---|---|---|---|---|")
    print(
        f"| {edges.height:,} | {int(is_attack.sum()):,} | {edges['tick'].max():,} |"
        f" {auc(scores, is_attack):.4f} | {edges.height / seconds:,.0f} |"
    )


if __name__ == "__main__":
    main()
