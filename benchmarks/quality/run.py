"""What the shipped rules catch, and how often they are wrong: ``python -m benchmarks.quality.run``.

A world with scripted incidents of the whole catalogue is simulated for a month and scored with
every pack at once. The labels are the world's own, so the tables say how rules do on scripts that
we wrote, not on anybody's customers.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from cli.kernels import use_kernel_cache

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "quality.md"
_SLICE_MINUTES: Final = 60
_INSTRUMENTS: Final = 8
_TRADES: Final = 1_500.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to simulate, and what to score it with.

    Attributes
    ----------
    days, accounts, seed
        Of the world.
    each
        Incidents of each scripted typology.
    learn_days
        Days at the beginning, at most a third of all, whose false alerts do not count.
    packs
        Names or paths; empty for every shipped one.
    """

    days: int = 30
    accounts: int = 20_000
    seed: int = 7
    each: int = 20
    learn_days: int = 7
    packs: tuple[str, ...] = ()


def measure(job: Job) -> str:
    """Simulate, score and judge.

    Parameters
    ----------
    job
        What.

    Returns
    -------
    str
        The report, Markdown.
    """
    # Kernels are cached before anything that compiles them is imported.
    from benchmarks.quality.judging import Judge  # noqa: PLC0415
    from benchmarks.quality.report import rules_table, typologies_table  # noqa: PLC0415
    from cli.deployment import load  # noqa: PLC0415
    from config.packs import pack_names  # noqa: PLC0415
    from dataflows.offline import Offline  # noqa: PLC0415
    from models.records import RawBlock  # noqa: PLC0415
    from models.simulator.settings import DAY_MS  # noqa: PLC0415
    from models.simulator.world import Catalogue, World, WorldConfig  # noqa: PLC0415

    config = WorldConfig(
        seed=job.seed,
        accounts=job.accounts,
        instruments=_INSTRUMENTS,
        trades_per_instrument=_TRADES,
        # The round's typologies come about as often as the scripted ones.
        incidents_per_day=-(-job.each * 12 // job.days),
        batch_minutes=_SLICE_MINUTES,
        catalogue=Catalogue(each=job.each, period_days=job.days),
    )
    slices = job.days * 1_440 // _SLICE_MINUTES
    packs = list(job.packs) or pack_names()
    _settings, blueprint = load(packs, None)
    world, offline = World(config), Offline(blueprint)
    # Labels are needed before the first alert, so the world is lived through twice.
    learn_days = min(job.learn_days, job.days // 3)
    judge = Judge(
        blueprint,
        [one for batch in islice(world.batches(), slices) for one in batch.incidents],
        config.start_ms + learn_days * DAY_MS,
    )
    past, events = world.past(), 0
    for batch in (past, *islice(world.batches(), slices)):
        if batch.events:
            judge.see(batch.lines, batch.first_ms)
            judge.judge(offline.feed(RawBlock(0, batch.lines, events, batch.last_ms)))
            events += batch.events
            print(f"\r{events:,} events", end="", file=sys.stderr, flush=True)
    judge.judge(offline.finish())
    print(file=sys.stderr)
    lost = offline.counters.rejected + offline.counters.late
    return (
        f"{events:,} events of {job.days} days, {job.accounts:,} accounts, seed {job.seed}; "
        f"{len(judge.incidents):,} incidents with {judge.in_incidents:,} events; "
        f"packs {', '.join(packs)}; false alerts count after {learn_days} days; "
        f"{lost} events rejected or late.\n\n"
        f"### By rule\n\n{rules_table(judge)}\n\n### By typology\n\n{typologies_table(judge)}\n"
    )


def written(document: str, report: str) -> str:
    """Put a report between the markers of a document.

    >>> written("a <!-- quality:begin -->old<!-- quality:end --> z", "new").splitlines()
    ['a <!-- quality:begin -->', 'new', '<!-- quality:end --> z']
    """
    begin, end = "<!-- quality:begin -->", "<!-- quality:end -->"
    return re.sub(f"(?s){begin}.*{end}", lambda _match: f"{begin}\n{report}\n{end}", document)


def main() -> None:
    """Read the arguments, measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    standard = Job()
    parser.add_argument("--days", type=int, default=standard.days)
    parser.add_argument("--accounts", type=int, default=standard.accounts)
    parser.add_argument("--seed", type=int, default=standard.seed)
    parser.add_argument("--each", type=int, default=standard.each, help="incidents per typology")
    parser.add_argument("--packs", default="", help="by comma; every shipped one if left out")
    parser.add_argument("--write", action="store_true", help="into docs/quality.md")
    asked = parser.parse_args()
    use_kernel_cache()
    packs = tuple(name for name in asked.packs.split(",") if name)
    report = measure(Job(asked.days, asked.accounts, asked.seed, asked.each, packs=packs))
    print(report)
    if asked.write:
        DOCUMENT.write_text(written(DOCUMENT.read_text(), report))


if __name__ == "__main__":
    main()
