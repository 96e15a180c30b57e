"""`riverguard demo`: the simulator, or a file, through the whole engine, shown live."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console

from cli.caught import CaughtIncidents
from cli.deployment import load
from cli.live import Watch
from cli.signals import stop_on_signals
from cli.state import change_lines
from connectors.alert_file import AlertFile
from connectors.dead_letter_file import DeadLetterFile
from connectors.embedded_redis import EmbeddedRedis
from connectors.file import FileSource
from connectors.late_file import LateFile
from connectors.redis import RedisAlerts, RedisConfig
from connectors.simulator import SimulatorSource
from dataflows.adoption import Adopted
from dataflows.edges import Fan, Outlets, Source
from dataflows.execute import execute, opened
from dataflows.score import Run
from models.errors import ConfigError
from models.simulator.world import SimulatedBatch, World, WorldConfig

FRESH: Final = Path("out/demo")
"""Where a run without `--state` leaves its alerts; emptied at its start."""

_TABLES: Final = (".csv", ".parquet")
_MARKER: Final = ".riverguard"


def demo(
    source: Path | None,
    packs: list[str] | None,
    config: Path | None,
    *,
    seconds: float | None,
    rate: float,
    seed: int,
    state: Path | None,
    headless: bool,
) -> None:
    """Run, show, and print the summary as one JSON line."""
    if source is not None and source.suffix in _TABLES:
        raise ConfigError(f"{source} holds no lines", hint="riverguard score reads tables")
    settings, blueprint = load(packs, config)
    directory = _directory(state)
    caught = CaughtIncidents()
    handed = [0]

    def on_batch(batch: SimulatedBatch) -> None:
        handed[0] += batch.events
        caught.note(batch)

    events = _source(source, seed, rate, on_batch)
    console = Console(stderr=True)

    def told(taken: Adopted) -> None:
        for line in change_lines(taken):
            console.print(line, highlight=False, soft_wrap=True)

    with (
        EmbeddedRedis(directory / "redis") as redis,
        opened(directory, blueprint, on_change=told) as (root, run),
    ):
        console.print(f"alerts: {directory / 'alerts.ndjson'} and {redis.url}", soft_wrap=True)
        stop_on_signals(run.stopping)
        sinks = _sinks(directory, redis.url, caught)
        backlog = (
            (lambda: handed[0] - run.shared.counters.events) if source is None else (lambda: 0)
        )
        watch = Watch(
            run.shared.counters, backlog, run.stopping.set, seconds, console, headless=headless
        )
        try:
            with watch:
                execute(events, sinks, (root, run), settings.commit_every_ms)
        finally:
            for sink in (sinks.alerts, sinks.dead_letters, sinks.late, sinks.shadow):
                if sink:
                    sink.close()
        print(orjson.dumps(_summary(run, watch, caught)).decode(), flush=True)  # noqa: T201


def _directory(state: Path | None) -> Path:
    """A directory that is resumed, or a fresh one."""
    directory = state or FRESH
    if state is None and directory.exists():
        if not (directory / _MARKER).exists() and any(directory.iterdir()):
            raise ConfigError(
                f"{directory} holds files that are not a demo's", hint="move them away"
            )
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARKER).touch()
    return directory


def _source(path: Path | None, seed: int, rate: float, on_batch: Any) -> Source:
    if path is None:
        return SimulatorSource(World(WorldConfig(seed=seed)), rate, on_batch=on_batch)
    return FileSource((str(path),))


def _sinks(directory: Path, url: str, caught: CaughtIncidents) -> Outlets:
    return Outlets(
        Fan([RedisAlerts(RedisConfig(url=url)), AlertFile(directory / "alerts.ndjson"), caught]),
        DeadLetterFile(directory / "dead_letters.ndjson"),
        LateFile(directory / "late.ndjson"),
        shadow=AlertFile(directory / "shadow.ndjson"),
    )


def _summary(run: Run, watch: Watch, caught: CaughtIncidents) -> Mapping[str, Any]:
    counters = run.shared.counters
    seconds = watch.seconds
    return {
        "events": counters.events,
        "alerts": counters.alerts,
        "repeats": counters.repeats,
        "shadow": counters.shadow,
        "duplicates": counters.duplicates,
        "rejected": counters.rejected,
        "late": counters.late,
        "seconds": round(seconds, 3),
        "events_per_s": round(counters.events / seconds) if seconds else 0,
        "incidents": len(caught.incidents),
        "caught": caught.share,
    }
