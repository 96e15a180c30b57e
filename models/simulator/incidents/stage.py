"""What an incident needs in order to be staged: victims, strangers' devices, a free hour."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.simulator.market import Bump, MarketDay
from models.simulator.population import DEVICES_EACH, Population
from models.simulator.settings import DAY_MS, HOUR_MS, MINUTE_MS, WorldConfig
from models.simulator.tables import CNY, COUNTRIES, USD, Ints, Table

_MARGIN_MS: Final = 30 * MINUTE_MS

SLOTS: Final = 3
"""A symbol can be manipulated this often a day without the incidents touching."""

SLOT_MS: Final = int(6.5 * HOUR_MS)

_HOSTILE_COUNTRIES: Final = ("RU", "NL", "VN", "US", "NG", "CN")


@dataclass(frozen=True, slots=True)
class Scene:
    """One incident's own events and its subject.

    Attributes
    ----------
    subject
        "domain/value" of the entity that should be flagged.
    payments, logins, trades
        The events that make it up; None where it has none of a kind.
    bump
        The price move it forces, if any.
    """

    subject: str
    payments: Table | None = None
    logins: Table | None = None
    trades: Table | None = None
    bump: Bump | None = None


@dataclass(slots=True)
class Stage:
    """One day's supply of actors; every scene takes its own.

    Attributes
    ----------
    rng
        The day's generator for incidents.
    people, market
        The world as it is without incidents.
    day
        Days since the world began.
    actors
        Employed persons at home in China in random order; taken in turn, so scenes do not
        overlap until all have served.
    idle
        The same without employer: no salary can blur what passes through their accounts.
    symbols
        Symbols in random order.
    devices, ips
        Names of devices, and addresses with their countries, that belong to nobody; their
        codes follow the population's.
    """

    rng: np.random.Generator
    people: Population
    market: MarketDay
    day: int
    actors: Ints
    idle: Ints
    symbols: Ints
    devices: list[str] = field(default_factory=list)
    ips: list[tuple[str, str]] = field(default_factory=list)
    _acted: int = field(default=0, init=False)
    _idled: int = field(default=0, init=False)
    _slots: int = field(default=0, init=False)

    def persons(self, count: int) -> Ints:
        """Take the next persons; within one call nobody comes twice."""
        chosen = np.arange(self._acted, self._acted + count) % len(self.actors)
        self._acted += count
        return self.actors[chosen]

    def wealthy(self, candidates: int = 12) -> int:
        """Take the richest of a few persons."""
        few = self.persons(candidates)
        return int(few[np.argmax(self.people.wealth[few])])

    def quiet(self, candidates: int = 6) -> int:
        """Take the least active of a few idle persons: the accounts that mule herders buy."""
        few = self.idle[np.arange(self._idled, self._idled + candidates) % len(self.idle)]
        self._idled += candidates
        return int(few[np.argmin(self.people.activity[few])])

    def device(self) -> int:
        """Bring a device nobody has seen."""
        self.devices.append(f"dev-x{self.day}-{len(self.devices):03d}")
        return self.people.persons * DEVICES_EACH + len(self.devices) - 1

    def addresses(self, count: int) -> Ints:
        """Bring network addresses nobody has used."""
        first = len(self.ips)
        for number in range(first, first + count):
            octets = f"185.{self.day % 200}.{number // 250}.{number % 250 + 1}"
            country = _HOSTILE_COUNTRIES[int(self.rng.integers(len(_HOSTILE_COUNTRIES)))]
            self.ips.append((octets, country))
        known = self.people.persons + self.people.offices + self.people.mobile_networks
        return np.arange(first, first + count) + known

    def start(self, length_ms: int) -> int:
        """Choose when to begin, ms since the day began, so that it ends the same day."""
        return int(self.rng.integers(_MARGIN_MS, DAY_MS - _MARGIN_MS - length_ms))

    def moments(self, start: int, length_ms: int, count: int) -> Ints:
        """Spread some events over a period; the first opens it."""
        rest = self.rng.integers(1, length_ms, count - 1)
        return start + np.sort(np.concatenate([[0], rest]))

    def slot(self) -> tuple[int, int]:
        """Take a symbol and a start with 4.5 undisturbed hours behind it."""
        turn, place = divmod(self._slots, len(self.symbols))
        self._slots += 1
        symbol = int(self.symbols[place])
        slot = (symbol + turn) % SLOTS
        opening = int(1.5 * HOUR_MS) + slot * SLOT_MS
        return symbol, opening + int(self.rng.integers(0, 2 * HOUR_MS))

    def sites(self, count: int, *, abroad: bool = False) -> Ints:
        """Choose online merchants, all different, domestic or dollar."""
        people = self.people
        online = people.persons + np.arange(1, people.merchants, 2)
        wanted = USD if abroad else CNY
        return self.rng.permutation(online[people.country[online] == wanted])[:count]

    def cents(self, low: float, high: float, count: int) -> Ints:
        """Draw amounts between two amounts in major units, as hundredths, evenly on a log scale."""
        drawn = np.exp(self.rng.uniform(np.log(low), np.log(high), count))
        hundredths: Ints = np.rint(drawn * 100).astype(np.int64)
        return hundredths


@dataclass(frozen=True, slots=True)
class Typology:
    """One kind of incident.

    Attributes
    ----------
    id
        The catalogue's rule that should catch it.
    pack
        "payments" or "trading".
    weight
        Its share: this many of each round of incidents.
    play
        Stages one.
    """

    id: str
    pack: str
    weight: int
    play: Callable[[Stage], Scene]


def open_stage(
    rng: np.random.Generator, people: Population, market: MarketDay, config: WorldConfig, day: int
) -> Stage:
    """Cast one day's actors."""
    domestic = people.country[: people.persons] == COUNTRIES.index("CN")
    return Stage(
        rng=rng,
        people=people,
        market=market,
        day=day,
        actors=rng.permutation(np.flatnonzero(domestic & (people.employer >= 0))),
        idle=rng.permutation(np.flatnonzero(domestic & (people.employer < 0))),
        symbols=rng.permutation(config.instruments),
    )
