"""`riverguard score`: every event of a file scored, in event-time order."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cli.deployment import load
from cli.tables import ScoreTable, as_ndjson
from connectors.alert_file import AlertFile
from connectors.dead_letter_file import DeadLetterFile
from connectors.file import FileReader, FileSource
from connectors.late_file import LateFile
from dataflows.offline import Offline, Results
from models.errors import ConfigError


def score(
    pack: str,
    source: str,
    *,
    scores: Path | None,
    alerts: Path | None,
    dead_letters: Path | None,
    late: Path | None,
    as_of: datetime | None,
    config: Path | None,
) -> None:
    """Score a file and print a summary as one JSON line."""
    _settings, blueprint = load([pack], config)
    as_of_ms = (
        round(as_of.replace(tzinfo=as_of.tzinfo or UTC).timestamp() * 1000) if as_of else None
    )
    offline = Offline(blueprint)
    outputs = [path for path in (scores, alerts, dead_letters, late) if path is not None]
    _apart(outputs, [Path(source), Path(pack), *([config] if config else [])])
    for path in outputs:
        _fresh(path)
    sinks = _Files(alerts, dead_letters, late, ScoreTable(blueprint, scores) if scores else None)
    with as_ndjson(source) as readable:
        reader = FileSource((readable,), as_of_ms=as_of_ms).open(0)
        for results in _shown(reader, offline, readable):
            sinks.write(results)
    sinks.close()
    counters = offline.counters
    summary = {
        "events": counters.events, "alerts": counters.alerts, "repeats": counters.repeats,
        "rejected": counters.rejected, "late": counters.late, "duplicates": counters.duplicates,
        "unconverted": counters.unconverted, "insufficient": counters.insufficient,
        "reasons": counters.reasons,
    }  # fmt: skip
    print(orjson.dumps(summary).decode())  # noqa: T201


def _apart(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Nothing that is read, or written by another option, is overwritten."""
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise ConfigError(f"{path} is read or written already", hint="name another file")
        taken.add(path.resolve())


def _fresh(path: Path) -> None:
    """A new scoring replaces the output of an old one."""
    if path.is_dir():
        raise ConfigError(f"{path} is a directory", hint="name a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


def _blocks(reader: FileReader, offline: Offline) -> Iterator[Results]:
    while True:
        block = reader.read()
        oversized = reader.oversized()
        if oversized:
            offline.counters.reject(oversized)
            yield Results(dead_letters=oversized)
        if block is not None:
            yield offline.feed(block)
        elif reader.finished:
            yield offline.finish()
            return


def _shown(reader: FileReader, offline: Offline, source: str) -> Iterator[Results]:
    """Score block by block, with a bar where a person watches."""
    path = Path(source)
    total = path.stat().st_size if path.is_file() and path.suffix != ".gz" else None
    console = Console(stderr=True)
    with Progress(
        TextColumn("scoring"), BarColumn(), TextColumn("{task.fields[events]:,} events"),
        TimeRemainingColumn(), console=console, disable=not console.is_terminal,
    ) as progress:  # fmt: skip
        task = progress.add_task("score", total=total, events=0)
        for results in _blocks(reader, offline):
            progress.update(
                task, completed=reader.position()["byte"], events=offline.counters.events
            )
            yield results


class _Files:
    """The files that were asked for."""

    def __init__(
        self,
        alerts: Path | None,
        dead_letters: Path | None,
        late: Path | None,
        table: ScoreTable | None,
    ) -> None:
        self._alerts = AlertFile(alerts) if alerts else None
        self._dead = DeadLetterFile(dead_letters) if dead_letters else None
        self._late = LateFile(late) if late else None
        self._table = table

    def write(self, results: Results) -> None:
        if self._alerts:
            self._alerts.write(results.alerts)
        if self._dead:
            self._dead.write(results.dead_letters)
        if self._late:
            self._late.write(results.late)
        if self._table:
            self._table.write(results.scored)

    def close(self) -> None:
        files: list[Any] = [self._alerts, self._dead, self._late]
        for file in files:
            if file:
                file.flush()
                file.close()
        if self._table:
            self._table.close()
