"""A seeded, labelled world: endless batches of canonical events and the incidents among them.

A day is drawn whole from generators that know only the seed, the purpose and the day, then cut
into slices of fixed simulated length. So a batch does not depend on how it was reached, and
skipping costs at most one day. Nothing here reads a clock or a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.simulator.encode import Encoder, build_encoder, event_ids
from models.simulator.incidents.schedule import check_schedule, play_day
from models.simulator.incidents.stage import Scene, Typology, open_stage
from models.simulator.market import list_instruments, ordinary_market, price_cents
from models.simulator.people import ordinary_day
from models.simulator.population import settle
from models.simulator.settings import DAY_MS, MINUTE_MS, WorldConfig, random_stream
from models.simulator.tables import Ints, Table, stack, within_day

__all__ = ["Incident", "SimulatedBatch", "World", "WorldConfig"]

STREAM: Final = 6

_ENCODED_TOGETHER_MS: Final = 120 * MINUTE_MS
"""Lines are written for this much simulated time at once: a call costs more than a line."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One labelled incident.

    Attributes
    ----------
    id
        Unique in its world, such as "inc-000017".
    typology
        The catalogue's rule that should catch it, such as "F01".
    pack
        "payments" or "trading".
    subject
        "domain/value" of the entity that should be flagged.
    event_ids
        Its own events in order of time; the subject's ordinary events are not among them.
    start_ms, end_ms
        Times of its first and last event, epoch ms.
    """

    id: str
    typology: str
    pack: str
    subject: str
    event_ids: tuple[str, ...]
    start_ms: int
    end_ms: int


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
    """One day's events by kind, ordered by time in ms since the day began, and its incidents."""

    number: int
    start_ms: int
    kinds: dict[str, Table]
    incidents: list[Incident]


class World:
    r"""An endless simulated world.

    Parameters
    ----------
    config
        Its size, rates and seed.

    Raises
    ------
    ConfigError
        More market incidents were asked for than the instruments can carry.

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
        return _Day(day, start, kinds, _label(played, kinds, day, start)), encoder


def _weave(ordinary: Table, scenes: list[tuple[int, Table | None]]) -> Table:
    """Put incidents' events among ordinary ones, in order of time."""
    marked = [
        {**rows, "incident": np.full(len(rows["time"]), number)}
        for number, rows in scenes
        if rows is not None
    ]
    return within_day(stack([ordinary, *marked]), DAY_MS)


def _label(
    played: list[tuple[int, Typology, Scene]], kinds: dict[str, Table], day: int, start_ms: int
) -> list[Incident]:
    """Name each incident's events, now that their ids are known."""
    events: dict[int, list[tuple[int, str]]] = {number: [] for number, _, _ in played}
    for kind, rows in kinds.items():
        places = np.flatnonzero(rows["incident"] >= 0)
        numbers = rows["incident"][places].tolist()
        at = (rows["time"][places] + start_ms).tolist()
        names = event_ids(kind, day, places)
        for number, time, name in zip(numbers, at, names, strict=True):
            events[number].append((time, name))
    incidents = []
    for number, typology, scene in played:
        own = sorted(events[number])
        incidents.append(
            Incident(
                id=f"inc-{number + 1:06d}",
                typology=typology.id,
                pack=typology.pack,
                subject=scene.subject,
                event_ids=tuple(name for _, name in own),
                start_ms=own[0][0],
                end_ms=own[-1][0],
            )
        )
    return sorted(incidents, key=lambda incident: (incident.end_ms, incident.id))


def _encode(today: _Day, encoder: Encoder, begin_ms: int, end_ms: int) -> tuple[Ints, pl.Series]:
    """Write the lines of part of a day in order, with their times in ms since the day began."""
    times, lines = [], []
    for kind, rows in today.kinds.items():
        first, stop = np.searchsorted(rows["time"], [begin_ms, end_ms])
        part = {name: column[first:stop] for name, column in rows.items()}
        ids = event_ids(kind, today.number, np.arange(first, stop))
        times.append(part["time"])
        lines.append(encoder.encode(kind, part, part["time"] + today.start_ms, ids))
    joined = np.concatenate(times)
    # Kinds come in text order of their ids, so a stable sort by time settles ties by id.
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
