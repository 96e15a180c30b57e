"""Who acts in a script: persons and shops of the population, and people nobody has met."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.simulator.population import MCCS, Population
from models.simulator.records import YEAR_MS, Records, domestic_city
from models.simulator.settings import WorldConfig
from models.simulator.tables import CNY, COUNTRIES

_NEWCOMERS_FROM: Final = 1_000_000
"""Each period mints accounts from the next million on; ordinary life uses the first at most."""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who pays or is paid, as events name them.

    Attributes
    ----------
    account, customer, kind, country
        As in the columns of these names; kind is natural or corporate.
    card, bin, device, ip, ip_country
        Their own; a corporate party has none.
    merchant, mcc
        Of a shop, else empty.
    opened_ms, born_ms
        Epoch ms; a corporate party was not born.
    segment
        Peer group of a person.
    spot
        Latitude and longitude of home.
    balance
        What is usually in the account, major units of CNY.
    """

    account: str
    customer: str
    kind: str
    country: str
    opened_ms: int
    card: str = ""
    bin: str = ""
    device: str = ""
    ip: str = ""
    ip_country: str = ""
    merchant: str = ""
    mcc: str = ""
    born_ms: int | None = None
    segment: str = ""
    spot: tuple[float, float] = (31.23, 121.47)
    balance: float = 20_000.0


class Casting:
    """One period's supply of parties; everything random comes from its generator.

    Parameters
    ----------
    rng
        The period's generator.
    config, people, records
        The world.
    period
        Number of the period, from 0.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        config: WorldConfig,
        people: Population,
        records: Records,
        period: int,
    ) -> None:
        self._config, self._people, self._records = config, people, records
        self._rng = rng
        home = people.country[: people.persons] == CNY
        self._lively = rng.permutation(
            np.flatnonzero(home & (people.activity > people.activity.mean()))
        )
        self._calm = rng.permutation(
            np.flatnonzero(home & (people.activity <= people.activity.mean()))
        )
        shops = people.persons + np.arange(people.merchants)
        self._shops = shops[people.country[shops] == CNY]
        self._abroad = shops[people.country[shops] != CNY]
        self._turn = {"lively": 0, "calm": 0}
        self._minted = _NEWCOMERS_FROM * (period + 1)
        self._period = period
        self._devices = self._addresses = 0

    def lively(self) -> Party:
        """Take the next person with enough of a history to know their habits."""
        return self.person(int(self._next("lively", self._lively)))

    def calm(self) -> Party:
        """Take the next person who pays little."""
        return self.person(int(self._next("calm", self._calm)))

    def anybody(self, count: int) -> list[Party]:
        """Draw different persons who act in no other script for it."""
        drawn = self._rng.choice(self._people.persons, count, replace=False)
        return [self.person(int(number)) for number in drawn]

    def _next(self, name: str, among: np.ndarray) -> int:
        self._turn[name] += 1
        return int(among[(self._turn[name] - 1) % len(among)])

    def person(self, number: int) -> Party:
        """Name one person of the population."""
        country = COUNTRIES[int(self._people.country[number])]
        latitude, longitude = self._records.spots[int(self._records.city[number]) * 32]
        return Party(
            account=f"acct-{number:06d}",
            customer=f"cust-{number:06d}",
            kind="natural",
            country=country,
            opened_ms=int(self._records.opened_ms[number]),
            card=f"card-{number:06d}",
            bin=str(621700 + number % 40),
            device=f"dev-{number:06d}-0",
            ip=f"36.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            ip_country=country,
            born_ms=int(self._records.born_ms[number]),
            segment=f"seg-{self._records.segment[number]:04d}",
            spot=(round(float(latitude), 4), round(float(longitude), 4)),
            balance=float(np.exp(9.9 + 1.1 * self._people.wealth[number])),
        )

    def elder(self) -> Party:
        """Take a person of 66 years or more."""
        aged = self._config.start_ms - 66 * YEAR_MS
        for _ in range(len(self._calm)):
            found = self.calm()
            if found.born_ms is not None and found.born_ms < aged:
                return found
        return replace(self.calm(), born_ms=aged - YEAR_MS)

    def newcomer(self, age_days: float = 400.0) -> Party:
        """Mint a person whom nobody has met, with an account opened so long before the world."""
        number = self._minted
        self._minted += 1
        opened = self._config.start_ms - round(age_days * 86_400_000)
        born = self._config.start_ms - int(self._rng.integers(19 * YEAR_MS, 60 * YEAR_MS))
        return Party(
            account=f"acct-{number:06d}",
            customer=f"cust-{number:06d}",
            kind="natural",
            country="CN",
            opened_ms=opened,
            card=f"card-{number:06d}",
            bin=str(621700 + number % 40),
            device=f"dev-{number:06d}-0",
            ip=f"37.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            ip_country="CN",
            born_ms=born,
            segment=f"seg-{self._rng.choice(self._records.segment):04d}",
            balance=float(np.exp(self._rng.normal(9.0, 0.7))),
        )

    def company(self, country: str = "CN") -> Party:
        """Mint a company whom nobody has met."""
        number = self._minted
        self._minted += 1
        return Party(
            account=f"acct-{number:06d}",
            customer=f"cust-{number:06d}",
            kind="corporate",
            country=country,
            opened_ms=self._config.start_ms - int(self._rng.integers(30, 900)) * 86_400_000,
            balance=float(np.exp(self._rng.normal(14.0, 0.8))),
        )

    def shop(self, *, abroad: bool = False) -> Party:
        """Draw a merchant of the population."""
        number = int(self._rng.choice(self._abroad if abroad else self._shops))
        name = f"m{number - self._people.persons:05d}"
        return Party(
            account=f"acct-{name}",
            customer=f"cust-{name}",
            kind="corporate",
            country=COUNTRIES[int(self._people.country[number])],
            opened_ms=self._config.start_ms - 4 * YEAR_MS,
            merchant=f"shop-{name}",
            mcc=MCCS[int(self._people.mcc[number - self._people.persons])],
        )

    def new_shop(self) -> Party:
        """Mint a merchant with an online shop."""
        found = self.company()
        name = found.account.removeprefix("acct-")
        return replace(found, merchant=f"shop-{name}", mcc="5999")

    def device(self) -> str:
        """Name a device that nobody has used."""
        self._devices += 1
        return f"dev-y{self._period}-{self._devices:05d}"

    def address(self) -> str:
        """Name a network address that nobody has used."""
        self._addresses += 1
        number = self._addresses
        return f"193.{self._period % 250}.{number // 250}.{number % 250 + 1}"

    def away(self, person: Party) -> tuple[float, float]:
        """Give a spot in a Chinese city at least 200 km from a person's own."""
        number = int(person.account.removeprefix("acct-"))
        for steps in self._rng.permutation(9) + 1:
            latitude, longitude = domestic_city(self._records, number, int(steps))
            apart = np.hypot(latitude - person.spot[0], (longitude - person.spot[1]) * 0.85)
            if apart > 7.0:
                break
        return round(float(latitude), 4), round(float(longitude), 4)
