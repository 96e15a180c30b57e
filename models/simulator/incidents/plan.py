"""When the catalogue's scripts play: a period is drawn whole, then dealt out to its days."""

from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

import numpy as np

from models.errors import ConfigError
from models.simulator.incidents.cast import Cast, Event, afternoon, midnight
from models.simulator.incidents.parties import Casting
from models.simulator.incidents.repertoire import LOOKALIKES, SCRIPTS, Script
from models.simulator.population import Population
from models.simulator.records import Records
from models.simulator.settings import DAY_MS, Catalogue, WorldConfig, random_stream

STREAM: Final = 9


@dataclass(frozen=True, slots=True)
class Staged:
    """One incident that was played.

    Attributes
    ----------
    id
        Such as "inc-A11-0017".
    typology, subject
        Of the script.
    events
        Its events by (event_time, event_id).
    """

    id: str
    typology: str
    subject: str
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Period:
    """Everything that scripts cause within one period.

    Attributes
    ----------
    incidents
        In the order of the repertoire.
    days
        Day of the world → its scripted events by (event_time, event_id).
    past
        Events before the world began, in order; only the first period has any.
    """

    incidents: list[Staged]
    days: dict[int, list[Event]]
    past: list[Event] = field(default_factory=list)


def check_catalogue(catalogue: Catalogue) -> None:
    """Refuse typologies that have no script."""
    known = {script.typology for script in SCRIPTS}
    unknown = [name for name in catalogue.typologies if name not in known]
    if unknown:
        raise ConfigError(
            f"typologies held {', '.join(unknown)}", hint=f"use some of {', '.join(sorted(known))}"
        )


def stage_period(
    config: WorldConfig, catalogue: Catalogue, people: Population, records: Records, period: int
) -> Period:
    """Play every script of one period.

    Parameters
    ----------
    config, catalogue, people, records
        The world.
    period
        Its number, from 0.
    """
    rng = random_stream(config, STREAM, period)
    parties = Casting(rng, config, people, records, period)
    first = period * catalogue.period_days
    # A world that begins at another hour has one whole local day less.
    whole = midnight(config.start_ms, 0) == config.start_ms
    room = catalogue.period_days - (not whole)
    incidents, past, ordinary = [], [], []
    for script, number in _turns(catalogue, room, period):
        at = midnight(config.start_ms, first + _begin(rng, script.days, room, script.after, period))
        cast = Cast(rng, parties, f"x-{script.typology}-{number:04d}", at, afternoon(at, rng))
        subject = script.play(cast)
        name = f"inc-{script.typology}-{number:04d}"
        incidents.append(Staged(name, script.typology, subject, _in_order(cast.events)))
        past += cast.past
    for number in range(round(config.accounts * catalogue.lookalikes_per_1000 / 1_000 * room)):
        weights = np.array([one.weight for one in LOOKALIKES])
        chosen = LOOKALIKES[int(rng.choice(len(LOOKALIKES), p=weights / weights.sum()))]
        if chosen.days <= room:
            at = midnight(config.start_ms, first + _begin(rng, chosen.days, room, 0, period))
            cast = Cast(rng, parties, f"w-{period}-{number:06d}", at, afternoon(at, rng))
            chosen.play(cast)
            ordinary += cast.events
            past += cast.past
    played = [event for incident in incidents for event in incident.events]
    return Period(
        incidents, _by_day(config, [*played, *ordinary]), _in_order(past) if not period else []
    )


def _turns(catalogue: Catalogue, room: int, period: int) -> list[tuple[Script, int]]:
    """Give each typology its incidents, its scripts in turn, numbered since the world began."""
    turns: list[tuple[Script, int]] = []
    for typology in dict.fromkeys(script.typology for script in SCRIPTS):
        if catalogue.typologies and typology not in catalogue.typologies:
            continue
        fitting = [
            script
            for script in SCRIPTS
            if script.typology == typology and script.days + (0 if period else script.after) <= room
        ]
        numbers = range(period * catalogue.each + 1, (period + 1) * catalogue.each + 1)
        turns += list(zip(cycle(fitting), numbers, strict=False))
    return turns


def _begin(rng: np.random.Generator, days: int, room: int, after: int, period: int) -> int:
    """Choose the day of the period to begin on."""
    return int(rng.integers(0 if period else after, room - days + 1))


def _in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event["event_time"], event["event_id"]))


def _by_day(config: WorldConfig, events: list[Event]) -> dict[int, list[Event]]:
    days: dict[int, list[Event]] = {}
    for event in _in_order(events):
        days.setdefault((event["event_time"] - config.start_ms) // DAY_MS, []).append(event)
    return days
