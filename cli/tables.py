"""Tables in and out: Parquet and CSV inputs as NDJSON, scores as Parquet."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from models.concluding import Scored
from models.errors import ConfigError
from models.planning.blueprint import Blueprint

ROWS_AT_ONCE = 200_000


@contextmanager
def as_ndjson(source: str) -> Iterator[str]:
    """A path that the file source reads; Parquet and CSV are converted beside the way.

    Raises
    ------
    ConfigError
        When a table cannot be read.
    """
    suffix = Path(source).suffix
    if suffix not in (".parquet", ".csv"):
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="riverguard-") as folder:
        target = Path(folder) / "events.ndjson"
        try:
            scan = pl.scan_parquet(source) if suffix == ".parquet" else pl.scan_csv(source)
            scan.sink_ndjson(target)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ConfigError(
                f"cannot read {source}: {error}", hint="a table with one event per row"
            ) from None
        yield str(target)


class ScoreTable:
    """One row per event: event_id, risk, action, each detector's score."""

    def __init__(self, blueprint: Blueprint, path: Path) -> None:
        self._path = path
        self._detectors = [name for name, _at in blueprint.marks]
        self._frames: list[pl.DataFrame] = []
        self._rows = 0
        self._folder = tempfile.TemporaryDirectory(prefix="riverguard-")
        self._parts: list[Path] = []

    def write(self, scored: Sequence[Scored]) -> None:
        """Add the events of scored batches."""
        for one in scored:
            batch = one.batch
            if batch is None:
                continue
            ids = [batch.text("event_id", row) for row in range(len(batch))]
            columns = {"event_id": ids, "risk": one.risk, "action": one.action}
            for name in self._detectors:
                columns[name.rpartition(".")[2]] = one.scores[name]
            frame = pl.DataFrame(columns, nan_to_null=True)
            self._frames.append(frame)
            self._rows += len(frame)
            if self._rows >= ROWS_AT_ONCE:
                self._spill()

    def _spill(self) -> None:
        """Memory holds only the newest rows."""
        part = Path(self._folder.name) / f"{len(self._parts):06d}.parquet"
        pl.concat(self._frames).write_parquet(part)
        self._parts.append(part)
        self._frames, self._rows = [], 0

    def close(self) -> None:
        """Write the file."""
        if not self._frames and not self._parts:
            self._frames = [pl.DataFrame({"event_id": [], "risk": [], "action": []})]
        if self._frames:
            self._spill()
        pl.scan_parquet(self._parts).sink_parquet(self._path)
        self._folder.cleanup()
