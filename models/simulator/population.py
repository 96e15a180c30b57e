"""Who lives in the world: persons with habits, merchants, employers."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.simulator.settings import WorldConfig, random_stream
from models.simulator.tables import CNY, EUR, HKD, JPY, USD, Floats, Ints

STREAM: Final = 1

DEVICES_EACH: Final = 3
"""A person's main device, second device and one they hardly ever use."""

FAVOURITES: Final = 8
PAYEES: Final = 4

_TRADES: Final = (
    # mcc, median ticket in CNY, spread of its logarithm
    ("5411", 75.0, 0.7),
    ("5812", 65.0, 0.6),
    ("5814", 32.0, 0.5),
    ("5541", 260.0, 0.4),
    ("5912", 55.0, 0.7),
    ("5651", 240.0, 0.7),
    ("5732", 620.0, 0.9),
    ("5999", 90.0, 0.9),
    ("4121", 28.0, 0.5),
    ("4814", 60.0, 0.4),
    ("7011", 480.0, 0.6),
    ("5942", 70.0, 0.7),
)
_MERCHANT_COUNTRY_OF_50: Final = {7: HKD, 13: USD, 24: HKD, 31: JPY, 43: EUR}
"""Odd merchants sell online, so all but one foreign merchant in fifty does."""


@dataclass(frozen=True, slots=True)
class Population:
    """Parties by number: persons, then merchants, then employers, then the cash machine.

    Attributes
    ----------
    persons, merchants, employers
        How many of each.
    country
        Position in `COUNTRIES` and `CURRENCIES` per party, shape (parties,).
    activity
        Mean payments per day and person.
    chronotype_ms
        By how much a person's day runs late (+) or early (−).
    persona
        Row of the channel mix a person follows.
    wealth
        Logarithm of a person's spending level against the median.
    shops, sites
        Habitual physical and online merchants, party numbers, shape (persons, 8).
    payees
        Habitual persons paid, shape (persons, 4).
    employer
        Party number of each person's employer, or -1.
    payday
        Day of the month on which each employer pays, 1 to 28.
    office
        Number of the shared office network of each person.
    mcc
        Position in `MCCS` per merchant.
    ticket_log, ticket_spread
        Logarithm of a merchant's median ticket in CNY, and its spread.
    """

    persons: int
    merchants: int
    employers: int
    country: Ints
    activity: Floats
    chronotype_ms: Ints
    persona: Ints
    wealth: Floats
    shops: Ints
    sites: Ints
    payees: Ints
    employer: Ints
    payday: Ints
    office: Ints
    mcc: Ints
    ticket_log: Floats
    ticket_spread: Floats

    @property
    def cash_machine(self) -> int:
        """The party that stands for every cash machine."""
        return self.persons + self.merchants + self.employers

    @property
    def offices(self) -> int:
        """How many shared office networks exist."""
        return max(1, self.persons // 30)

    @property
    def mobile_networks(self) -> int:
        """How many carrier addresses the population shares."""
        return max(1, self.persons // 10)


MCCS: Final = tuple(mcc for mcc, _, _ in _TRADES)


def _popular(rng: np.random.Generator, candidates: Ints, shape: tuple[int, int]) -> Ints:
    """Draw merchants, a few of which are everybody's."""
    weight = 1.0 / np.arange(1, len(candidates) + 1) ** 0.6
    cumulative = np.cumsum(weight) / weight.sum()
    return candidates[np.searchsorted(cumulative, rng.random(shape))]


def _friends(rng: np.random.Generator, persons: int) -> Ints:
    """Choose whom each person pays; the first half of them have equally many payers.

    Free choice alone would give some persons so many payers that A04 called them collectors.
    """
    friends = (np.arange(persons)[:, None] + rng.integers(1, persons, (persons, PAYEES))) % persons
    for column in range(PAYEES // 2):
        circle = rng.permutation(persons)
        friends[circle, column] = np.roll(circle, 1)
    return friends


def settle(config: WorldConfig) -> Population:
    """Draw the population; it never changes afterwards."""
    rng = random_stream(config, STREAM)
    persons = config.accounts
    merchants = max(100, persons // 40)
    employers = max(12, persons // 250)
    merchant = np.arange(merchants)
    abroad = np.array([_MERCHANT_COUNTRY_OF_50.get(i, CNY) for i in range(50)])
    country = np.concatenate(
        [
            rng.choice(5, persons, p=[0.965, 0.015, 0.008, 0.006, 0.006]),
            abroad[merchant % 50],
            np.full(employers + 1, CNY),
        ]
    )
    spread = 0.6
    activity = rng.lognormal(-spread * spread / 2, spread, persons) * config.payments_per_account
    # Without the cap the tail would pay ten times an hour, which F01 rightly calls unusual.
    activity = np.minimum(activity, 4 * config.payments_per_account)
    mcc = rng.integers(0, len(_TRADES), merchants)
    online = rng.permutation(merchant[merchant % 2 == 1]) + persons
    physical = rng.permutation(merchant[merchant % 2 == 0]) + persons
    works = rng.random(persons) < 0.75
    workplace = (rng.random(persons) ** 2 * employers).astype(np.int64)
    return Population(
        persons=persons,
        merchants=merchants,
        employers=employers,
        country=country.astype(np.int64),
        activity=activity,
        chronotype_ms=(rng.normal(0.0, 45.0, persons) * 60_000).astype(np.int64),
        persona=rng.choice(4, persons, p=[0.35, 0.3, 0.15, 0.2]),
        wealth=rng.normal(0.0, 0.45, persons),
        shops=_popular(rng, physical, (persons, FAVOURITES)),
        sites=_popular(rng, online, (persons, FAVOURITES)),
        payees=_friends(rng, persons),
        employer=np.where(works, workplace + persons + merchants, -1),
        payday=rng.choice([5, 8, 10, 12, 15, 18, 20, 25, 28], employers),
        office=rng.integers(0, max(1, persons // 30), persons),
        mcc=mcc,
        ticket_log=np.log(np.array([median for _, median, _ in _TRADES]))[mcc]
        + rng.normal(0.0, 0.2, merchants),
        ticket_spread=np.array([sigma for _, _, sigma in _TRADES])[mcc],
    )
