"""What account records, terminals and address databases add to payments."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.simulator.population import DEVICES_EACH, Population
from models.simulator.settings import DAY_MS, HOUR_MS, WorldConfig, random_stream
from models.simulator.tables import ATM, CARD, CNY, NONE, Floats, Ints, Table

STREAM: Final = 7
STREAM_DAY: Final = 8
STREAM_HIDDEN: Final = {"payment": 11, "login": 12}

CITIES: Final = (
    # latitude, longitude: Chinese cities by weight, then where persons live abroad
    *((31.23, 121.47), (39.90, 116.41), (23.13, 113.26), (22.54, 114.06), (30.57, 104.07)),
    *((30.27, 120.16), (30.59, 114.31), (34.34, 108.94), (32.06, 118.80), (29.56, 106.55)),
    *((22.32, 114.17), (40.71, -74.01), (35.68, 139.69), (50.11, 8.68)),
)
_DOMESTIC: Final = 10
_SPOTS: Final = 32
"""Places per city: terminals within about ten kilometres of its centre."""

TERMINAL_M: Final = 50
ADDRESS_M: Final = 20_000
"""How exactly terminals and network addresses tell where somebody is, metres."""

_TRIP_DAYS: Final = 4
_TRAVELLING: Final = 0.02
_HIDDEN: Final = 0.004
_SERVICE_COUNTRIES: Final = ("HK", "US", "JP", "DE")
SERVICES: Final = tuple(
    (f"154.16.0.{number + 1}", _SERVICE_COUNTRIES[number % len(_SERVICE_COUNTRIES)])
    for number in range(40)
)
"""Addresses of services that hide where somebody is, and their countries."""

_PERSONS_PER_MACHINE: Final = 100
_PROXY: Final = pl.Series([',"ip_proxy":false', ',"ip_proxy":true', ""])
YEAR_MS: Final = 365 * DAY_MS


@dataclass(frozen=True, slots=True)
class Records:
    """One world's records.

    Attributes
    ----------
    born_ms, opened_ms
        Birth of each person, and when their account was opened, epoch ms, shape (persons,).
    city
        Position in `CITIES` where each person lives.
    household
        Code of the device that stands for each known device: members of a household share one.
    spots
        Latitude and longitude of every place, shape (cities × spots, 2).
    segment
        Number of the peer group of each person, by city, age, wealth and habits.
    owners, places, machines
        Parts of lines: per payer what the account's record says; per place where it is, as
        terminals tell, then as network addresses do, then nothing; no cash machine, then each.
    """

    born_ms: Ints
    opened_ms: Ints
    city: Ints
    segment: Ints
    household: Ints
    spots: Floats
    owners: pl.Series = field(repr=False)
    places: pl.Series = field(repr=False)
    machines: pl.Series = field(repr=False)

    def shared(self, rows: Table) -> Table:
        """Replace devices by those that households share."""
        device = rows["device"]
        known = (device >= 0) & (device < len(self.household))
        return {
            **rows,
            "device": np.where(known, self.household[np.where(known, device, 0)], device),
        }

    def hidden(
        self, config: WorldConfig, day: int, kind: str, rows: Table, services_from: int
    ) -> Table:
        """Let some payments or logins go through services that hide where somebody is."""
        rng = random_stream(config, STREAM_HIDDEN[kind], day)
        who = rows["payer" if kind == "payment" else "customer"]
        ours = (rows["ip"] >= 0) & (rows["ip"] < services_from) & (who < len(self.city))
        using = ours & (rows["incident"] < 0) & (rng.random(len(who)) < _HIDDEN)
        service = services_from + rng.integers(0, len(SERVICES), len(who))
        return {**rows, "ip": np.where(using, service, rows["ip"])}

    def pieces(
        self, people: Population, config: WorldConfig, day: int, rows: Table, services_from: int
    ) -> pl.Series:
        """Write the parts that payments get on top of the usual ones.

        Parameters
        ----------
        people, config, day
            The world and the day, from which everything random is drawn.
        rows
            All payments of the day, in order.
        services_from
            Code of the first of `SERVICES`.
        """
        rng = random_stream(config, STREAM_DAY, day)
        count = len(rows["time"])
        payer, channel = rows["payer"], rows["channel"]
        person = payer < people.persons
        place = self._place(rng, people, config, day, rows)
        # A service far away: the database puts the customer there, and mostly knows that it lies.
        service = rows["ip"] - services_from
        hidden = service >= 0
        city = _DOMESTIC + service % len(_SERVICE_COUNTRIES)
        place = np.where(hidden, city * _SPOTS + rng.integers(0, _SPOTS, count), place)
        proxy = np.where(rows["ip"] < 0, 2, (hidden & (rng.random(count) < 0.8)).astype(np.int64))
        by_address = np.where((channel == CARD) | (channel == ATM), 0, len(self.spots))
        place = np.where(place < 0, 2 * len(self.spots), place + by_address)
        machine = np.where(channel == ATM, rng.integers(1, len(self.machines), count), 0)
        wealth = people.wealth[np.where(person, payer, 0)]
        usual = np.exp(np.where(person, 9.9 + 1.1 * wealth, 15.0) + rng.normal(0.0, 0.05, count))
        balance = np.rint(np.maximum(usual, 1.6 * rows["cents"] / 100)).astype(np.int64)
        columns = [
            self.owners.gather(payer),
            self.places.gather(place),
            self.machines.gather(machine),
            _PROXY.gather(proxy),
            pl.lit(',"balance_before":'),
            pl.Series(balance).cast(pl.String),
        ]
        return pl.select(pl.concat_str(columns)).to_series()

    def _place(
        self,
        rng: np.random.Generator,
        people: Population,
        config: WorldConfig,
        day: int,
        rows: Table,
    ) -> Ints:
        """Where each payment is made; a trip changes the city for whole days, from 4 a.m."""
        payer = np.where(rows["payer"] < people.persons, rows["payer"], 0)
        start = (config.start_ms + 8 * HOUR_MS) % DAY_MS
        night = day + (rows["time"] + start - 4 * HOUR_MS) // DAY_MS
        trip = night // _TRIP_DAYS
        # A hash instead of a generator: a trip that began the day before must be the same one.
        mixed = (payer * 2_654_435_761 + (trip + 1) * 40_503_000_017 + config.seed) % 1_000_003
        away = mixed < _TRAVELLING * 1_000_003
        domestic = people.country[payer] == CNY
        city = np.where(away & domestic, mixed % _DOMESTIC, self.city[payer])
        place = city * _SPOTS + rng.integers(0, _SPOTS, len(payer))
        located = (rows["channel"] == CARD) | (rows["channel"] == ATM) | (rows["ip"] >= 0)
        strangers = rows["ip"] >= people.persons + people.offices + people.mobile_networks
        located &= (rows["payer"] < people.persons) & ~strangers
        placed: Ints = np.where(located, place, NONE)
        return placed


def _households(rng: np.random.Generator, persons: int) -> Ints:
    """Let a third of the people live together; second devices there are the household's."""
    device = np.arange(persons * DEVICES_EACH)
    home = np.arange(persons) // 4
    together = rng.random(home.max() + 1)[home] < 0.33
    second = np.flatnonzero(together) * DEVICES_EACH + 1
    device[second] = home[together] * 4 * DEVICES_EACH + 1
    return device


def _born(rng: np.random.Generator, people: Population, config: WorldConfig) -> Ints:
    """Draw birthdays; minors are few, idle, and spend little."""
    years = np.clip(rng.normal(41.0, 15.0, people.persons), 18.5, 92.0)
    modest = (people.employer < 0) & (people.wealth < -0.3)
    young = modest & (rng.random(people.persons) < 0.12)
    years = np.where(young, rng.uniform(13.0, 17.9, people.persons), years)
    born: Ints = config.start_ms - (years * YEAR_MS).astype(np.int64)
    return born


def keep_records(config: WorldConfig, people: Population) -> Records:
    """Draw the records; they never change afterwards."""
    rng = random_stream(config, STREAM)
    persons = people.persons
    city = rng.choice(_DOMESTIC, persons, p=np.arange(_DOMESTIC, 0, -1) / 55)
    city = np.where(people.country[:persons] == CNY, city, _DOMESTIC - 1 + people.country[:persons])
    spots = np.repeat(np.array(CITIES), _SPOTS, axis=0)
    spots = spots + rng.normal(0.0, 0.04, spots.shape)
    born = _born(rng, people, config)
    years = np.minimum(rng.exponential(6.0, persons) + 0.02, 18.0)
    opened = np.maximum(config.start_ms - (years * YEAR_MS).astype(np.int64), born + DAY_MS)
    corporate = config.start_ms - rng.integers(YEAR_MS, 15 * YEAR_MS, people.cash_machine - persons)
    age = np.digitize((config.start_ms - born) / YEAR_MS, [18, 30, 60])
    wealth = np.digitize(people.wealth, [-0.2, 0.2])
    segment = ((city * 4 + age) * 3 + wealth) * 4 + people.persona
    owners = [
        f',"account_opened":{opening},"birth_date":{birth},"segment":"seg-{group:04d}"'
        for opening, birth, group in zip(
            opened.tolist(), born.tolist(), segment.tolist(), strict=True
        )
    ] + [f',"account_opened":{opening}' for opening in corporate.tolist()]
    places = [
        f',"lat":{lat:.4f},"lon":{lon:.4f},"accuracy_m":{accuracy_m}'
        for accuracy_m in (TERMINAL_M, ADDRESS_M)
        for lat, lon in spots.tolist()
    ]
    machines = max(1, persons // _PERSONS_PER_MACHINE)
    return Records(
        born_ms=born,
        opened_ms=opened,
        city=city.astype(np.int64),
        segment=segment.astype(np.int64),
        household=_households(rng, persons),
        spots=spots,
        owners=pl.Series(owners),
        places=pl.Series([*places, ""]),
        machines=pl.Series(["", *(f',"device":"atm-{i:04d}"' for i in range(machines))]),
    )


def domestic_city(records: Records, person: int, steps: int) -> NDArray[np.float64]:
    """Give a spot of another Chinese city, `steps` further than the person's own."""
    other = (int(records.city[person]) + steps) % _DOMESTIC
    spot: NDArray[np.float64] = records.spots[other * _SPOTS]
    return spot
