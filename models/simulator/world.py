"""A seeded, labelled world: endless batches of canonical events and the incidents among them.

A day is drawn whole from generators that know only the seed, the purpose and the day, then cut
into slices of fixed simulated length. So a batch does not depend on how it was reached, and
skipping costs at most one day, and with a catalogue one period of its scripts. Nothing here reads
a clock or a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson
import polars as pl

from models.simulator.encode import Encoder, build_encoder, event_ids, past_ids
from models.simulator.incidents.cast import Event
from models.simulator.incidents.plan import Period, check_catalogue, stage_period
from models.simulator.incidents.schedule import check_schedule, play_day
from models.simulator.incidents.stage import open_stage
from models.simulator.labels import Incident, name_incidents, name_scripted
from models.simulator.market import list_instruments, ordinary_market, price_cents
from models.simulator.past import habits_before
from models.simulator.people import ordinary_day
from models.simulator.population import settle
from models.simulator.records import SERVICES, keep_records
from models.simulator.settings import DAY_MS, MINUTE_MS, Catalogue, WorldConfig, random_stream
from models.simulator.tables import Ints, Table, stack, within_day

__all__ = ["Catalogue", "Incident", "SimulatedBatch", "World", "WorldConfig"]

STREAM: Final = 6

_ENCODED_TOGETHER_MS: Final = 120 * MINUTE_MS
"""Lines are written for this much simulated time at once: a call costs more than a line."""


@dataclass(frozen=True, slots=True)
class SimulatedBatch:
    """The events of one slice of simulated time, in order of (event_time, event_id).

    Attributes
    ----------
    lines
        NDJSON, one canonical event per line, each line ending in a newline.
    events
        How many lines.
    first_ms, last_ms
        Times of the first and the last event, epoch ms; of the slice's first and last
        millisecond when it holds no event.
    incidents
        The incidents whose last event is in this batch, by end.
    """

    lines: bytes
    events: int
    first_ms: int
    last_ms: int
    incidents: tuple[Incident, ...]


@dataclass(frozen=True, slots=True)
class _Day:
    """One day's events by kind, ordered by time in ms since the day began, and its incidents.

    `details` are further parts of the lines of a kind; `scripted` are whole lines and their times.
    """

    number: int
    start_ms: int
    kinds: dict[str, Table]
    incidents: list[Incident]
    details: dict[str, pl.Series]
    scripted: list[tuple[int, str]]


class World:
    r"""An endless simulated world.

    Parameters
    ----------
    config
        Its size, rates and seed.

    Raises
    ------
    ConfigError
        More market incidents were asked for than the instruments can carry, or typologies that
        no script knows.

    Examples
    --------
    >>> world = World(WorldConfig(accounts=500, instruments=3, incidents_per_day=0))
    >>> batch = next(world.batches(skip=60))
    >>> batch.lines.count(b"\n") == batch.events
    True
    """

    def __init__(self, config: WorldConfig = WorldConfig()) -> None:  # noqa: B008 - frozen
        check_schedule(config)
        self._config = config
        self._people = settle(config)
        self._catalogue = config.catalogue
        if self._catalogue:
            check_catalogue(self._catalogue)
            self._records = keep_records(config, self._people)
        self._period: tuple[int, Period] | None = None
        self._listed = list_instruments(config)
        self._encoder = build_encoder(self._people, config.instruments)

    def batches(self, *, skip: int = 0) -> Iterator[SimulatedBatch]:
        """Yield batches for ever; batch i covers the i-th slice of `batch_minutes`.

        Parameters
        ----------
        skip
            Number of batches to leave out, ≥ 0; costs no more than reaching the first.
        """
        length = self._config.batch_minutes * MINUTE_MS
        per_day = DAY_MS // length
        together = max(1, _ENCODED_TOGETHER_MS // length)
        day, first = divmod(skip, per_day)
        while True:
            today, encoder = self._draw(day)
            for place in range(first, per_day, together):
                stop = min(place + together, per_day)
                times, lines = _encode(today, encoder, place * length, stop * length)
                for slice_place in range(place, stop):
                    yield _cut(today, times, lines, slice_place * length, length)
            day, first = day + 1, 0

    def past(self) -> SimulatedBatch:
        """Give what happened before the world began, without incidents.

        Everybody paid their usual shops and friends one to three months before, and dormant
        accounts were last used long ago. Empty in a world without a catalogue.
        """
        start = self._config.start_ms
        if self._catalogue is None:
            return SimulatedBatch(b"", 0, start - 1, start - 1, ())
        rows = habits_before(self._config, self._people)
        owners = self._records.owners.gather(rows["payer"])
        ids = past_ids(len(rows["time"]))
        written = self._encoder.encode("payment", rows, rows["time"] + start, ids, owners)
        long_ago = self._staged(0).past
        lines = pl.concat(
            [written, pl.Series([_line(event) for event in long_ago], dtype=pl.String)]
        )
        times = np.array([event["event_time"] for event in long_ago], dtype=np.int64)
        times = np.concatenate([rows["time"] + start, times])
        order = np.argsort(times, kind="stable")
        text = lines.gather(order).str.join("").item().encode("ascii")
        first, last = int(times[order[0]]), int(times[order[-1]])
        return SimulatedBatch(text, len(order), first, last, ())

    def _staged(self, day: int) -> Period:
        """The period of a day, kept until another one is asked for."""
        catalogue = self._catalogue
        if catalogue is None:
            return Period([], {})
        number = day // catalogue.period_days
        if self._period is None or self._period[0] != number:
            staged = stage_period(self._config, catalogue, self._people, self._records, number)
            self._period = number, staged
        return self._period[1]

    def _draw(self, day: int) -> tuple[_Day, Encoder]:
        """Draw one whole day: ordinary life, then the incidents woven in."""
        config = self._config
        paid, logged, changed = ordinary_day(self._people, config, day)
        market = ordinary_market(config, self._listed, day)
        rng = random_stream(config, STREAM, day)
        stage = open_stage(rng, self._people, market, config, day)
        played = play_day(stage, config)
        kinds = {
            "profile": within_day(changed, DAY_MS),
            "login": _weave(logged, [(n, scene.logins) for n, _, scene in played]),
            "payment": _weave(paid, [(n, scene.payments) for n, _, scene in played]),
            "trade": _weave(market.trades, [(n, scene.trades) for n, _, scene in played]),
        }
        bumps = [scene.bump for _, _, scene in played if scene.bump]
        kinds["trade"]["cents"] = price_cents(market, bumps, kinds["trade"])
        start = config.start_ms + day * DAY_MS
        encoder = self._encoder.meeting(stage.devices, stage.ips)
        incidents = name_incidents(played, kinds, day, start)
        if self._catalogue is None:
            return _Day(day, start, kinds, incidents, {}, []), encoder
        known = len(self._encoder.ips) - 1 + len(stage.ips)
        encoder = self._encoder.meeting(stage.devices, [*stage.ips, *SERVICES])
        for kind in ("profile", "login", "payment"):
            kinds[kind] = self._records.shared(kinds[kind])
        for kind in ("login", "payment"):
            kinds[kind] = self._records.hidden(config, day, kind, kinds[kind], known)
        pieces = self._records.pieces(self._people, config, day, kinds["payment"], known)
        details = {"payment": pieces}
        staged = self._staged(day)
        scripted = [
            (event["event_time"] - start, _line(event)) for event in staged.days.get(day, [])
        ]
        incidents += [
            one for one in map(name_scripted, staged.incidents) if 0 <= one.end_ms - start < DAY_MS
        ]
        incidents.sort(key=lambda incident: (incident.end_ms, incident.id))
        return _Day(day, start, kinds, incidents, details, scripted), encoder


def _line(event: Event) -> str:
    return f"{orjson.dumps(event).decode()}\n"


def _weave(ordinary: Table, scenes: list[tuple[int, Table | None]]) -> Table:
    """Put incidents' events among ordinary ones, in order of time."""
    marked = [
        {**rows, "incident": np.full(len(rows["time"]), number)}
        for number, rows in scenes
        if rows is not None
    ]
    return within_day(stack([ordinary, *marked]), DAY_MS)


def _encode(today: _Day, encoder: Encoder, begin_ms: int, end_ms: int) -> tuple[Ints, pl.Series]:
    """Write the lines of part of a day in order, with their times in ms since the day began."""
    times, lines = [], []
    for kind, rows in today.kinds.items():
        first, stop = np.searchsorted(rows["time"], [begin_ms, end_ms])
        part = {name: column[first:stop] for name, column in rows.items()}
        ids = event_ids(kind, today.number, np.arange(first, stop))
        times.append(part["time"])
        details = today.details.get(kind)
        further = None if details is None else details[first:stop]
        lines.append(encoder.encode(kind, part, part["time"] + today.start_ms, ids, further))
    due = [one for one in today.scripted if begin_ms <= one[0] < end_ms]
    times.append(np.array([time for time, _line in due], dtype=np.int64))
    lines.append(pl.Series([line for _time, line in due], dtype=pl.String))
    joined = np.concatenate(times)
    # Kinds come in text order of their ids, and scripted events after them, so a stable sort by
    # time settles ties by id.
    order = np.argsort(joined, kind="stable")
    return joined[order], pl.concat(lines).gather(order)


def _cut(
    today: _Day, times: Ints, lines: pl.Series, begin_ms: int, length_ms: int
) -> SimulatedBatch:
    """Cut one slice out of the lines of part of a day."""
    first, stop = np.searchsorted(times, [begin_ms, begin_ms + length_ms]).tolist()
    low, high = today.start_ms + begin_ms, today.start_ms + begin_ms + length_ms
    empty = first == stop
    return SimulatedBatch(
        lines=b"" if empty else lines[first:stop].str.join("").item().encode("ascii"),
        events=stop - first,
        first_ms=low if empty else int(times[first]) + today.start_ms,
        last_ms=high - 1 if empty else int(times[stop - 1]) + today.start_ms,
        incidents=tuple(one for one in today.incidents if low <= one.end_ms < high),
    )
