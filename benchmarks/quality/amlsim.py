"""Rings and fan-ins in IBM's public AMLSim samples: ``python -m benchmarks.quality.amlsim FOLDER``.

FOLDER holds ``20K_cycle200`` and ``20K_fanin200`` as ``…_transactions.parquet`` and
``…_nodes.parquet`` (github.com/IBM/AMLSim, sample/, Apache-2.0). Labels are of accounts; which
transfers were planted is not said, but only labelled accounts pay one another less than 30, so
those are counted as planted. Many planted patterns are incomplete: their accounts ran out of money.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from cli.kernels import use_kernel_cache

PACK: Final = Path(__file__).with_name("amlsim.yaml")
SAMPLES: Final = ("20K_cycle200", "20K_fanin200")
PLANTED_BELOW: Final = 30.0
FANIN_PAYERS: Final = 3
_DAY_MS: Final = 86_400_000
_START_MS: Final = 1_735_689_600_000  # 2025-01-01

Transfer = tuple[int, int, float, int]
"""(payer, payee, amount, day)"""


def auc(scores: NDArray[np.float64], is_bad: NDArray[np.bool_]) -> float:
    """Area under the ROC curve; ties count half (Mann and Whitney 1947).

    >>> auc(np.array([0.1, 0.9, 0.9, 0.2]), np.array([False, True, False, False]))
    0.8333333333333334
    """
    order = np.argsort(scores, kind="stable")
    _values, at, counts = np.unique(scores[order], return_index=True, return_counts=True)
    ranks = np.empty(scores.size)
    ranks[order] = np.repeat(at + (counts + 1) / 2, counts)
    bad = int(is_bad.sum())
    return float((ranks[is_bad].sum() - bad * (bad + 1) / 2) / (bad * (scores.size - bad)))


def planted_rings(transfers: Iterable[Transfer]) -> set[frozenset[int]]:
    """Accounts of every planted cycle that was paid all the way round: one amount, one ring."""
    by_amount: dict[float, dict[int, int]] = defaultdict(dict)
    for payer, payee, amount, _day in transfers:
        if amount < PLANTED_BELOW:
            by_amount[amount][payer] = payee
    found = set()
    for pays in by_amount.values():
        start = at = next(iter(pays))
        ring = [start]
        while (at := pays.get(at, start)) != start:
            ring.append(at)
        if pays.get(ring[-1]) == start and len(ring) >= FANIN_PAYERS:
            found.add(frozenset(ring))
    return found


def planted_fanins(transfers: Iterable[Transfer]) -> set[int]:
    """Payees whom at least three planted payers paid."""
    payers: dict[int, set[int]] = defaultdict(set)
    for payer, payee, amount, _day in transfers:
        if amount < PLANTED_BELOW:
            payers[payee].add(payer)
    return {payee for payee, found in payers.items() if len(found) >= FANIN_PAYERS}


def alerts_of(transfers: Sequence[Transfer]) -> list[Mapping[str, object]]:
    """The hits of the pack, as alerts show them, on a stream of transfers."""
    from cli.deployment import deployment_of  # noqa: PLC0415 - after the kernel cache is in place
    from config.packs import load_pack  # noqa: PLC0415
    from config.settings import Settings  # noqa: PLC0415
    from dataflows.offline import Offline  # noqa: PLC0415
    from models.alerts import content_of  # noqa: PLC0415
    from models.planning.blueprint import draw  # noqa: PLC0415
    from models.records import RawBlock  # noqa: PLC0415

    offline = Offline(draw([load_pack(str(PACK))], deployment_of(Settings())))
    lines = b"\n".join(
        orjson.dumps(
            {
                "event_id": str(number), "kind": "payment", "currency": "USD",
                "event_time": _START_MS + day * _DAY_MS, "account": str(payer),
                "counterparty": str(payee), "amount": amount,
            }
        )
        for number, (payer, payee, amount, day) in enumerate(transfers)
    )  # fmt: skip
    outcomes = (offline.feed(RawBlock(0, lines, 0, 1 << 53)), offline.finish())
    hits = (hit for outcome in outcomes for scored in outcome.scored for hit in scored.hits)
    return [content_of(hit)["data"] for hit in hits]


def judge(name: str, folder: Path) -> str:
    """Score one sample; a row of the report."""
    table = pl.read_parquet(folder / f"{name}_transactions.parquet").sort(
        "time", maintain_order=True
    )
    transfers: list[Transfer] = table.rows()
    nodes = pl.read_parquet(folder / f"{name}_nodes.parquet").sort("nodeid")
    is_bad = nodes["isFraud"].to_numpy() == 1
    risk = np.zeros(nodes.height)
    rings, fanins = set[frozenset[int]](), set[int]()
    for data in alerts_of(transfers):
        event = data["event"]
        assert isinstance(event, dict)
        payer, payee = int(event["account"]), int(event["counterparty"])
        involved = {payer, payee}
        for reason in data["reasons"]:  # type: ignore[attr-defined]
            if reason["rule"] == "RING":
                (evidence,) = reason["evidence"]
                offsets = [int(place.partition(":")[2]) for place in evidence["events"]]
                ring = frozenset(transfers[offset][0] for offset in offsets)
                rings.add(ring)
                involved |= ring
            if reason["rule"] == "FANIN":
                fanins.add(payee)
        rules = {reason["rule"] for reason in data["reasons"]}
        if rules == {"HUB"}:
            involved = {payee}  # the payer has no part in it
        for account in involved:
            risk[account] = max(risk[account], data["risk"])  # type: ignore[type-var]
    good = {int(i) for i in np.flatnonzero(~is_bad)}
    planted, gathered = planted_rings(transfers), planted_fanins(transfers)
    degree = np.bincount(table["targetNodeId"].to_numpy(), minlength=nodes.height).astype(
        np.float64
    )
    return (
        f"| {name} | {len(transfers):,} | {int(is_bad.sum())} | {auc(risk, is_bad):.3f} |"
        f" {auc(degree, is_bad):.3f} | {len(planted & rings)} of {len(planted)} |"
        f" {sum(not ring.isdisjoint(good) for ring in rings)} |"
        f" {len(gathered & fanins)} of {len(gathered)} | {len(fanins & good)} |"
    )


def main() -> None:
    """Print a table over both samples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    use_kernel_cache()
    print(
        "| sample | transfers | labelled accounts | AUC by account | AUC of in-degree |"
        " rings found | false rings | fan-ins found | false fan-ins |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in SAMPLES:
        print(judge(name, folder), flush=True)


if __name__ == "__main__":
    main()
