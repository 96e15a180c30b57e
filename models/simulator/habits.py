"""When, from where and how much a person pays."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.simulator.population import DEVICES_EACH, Population
from models.simulator.settings import DAY_MS, HOUR_MS, SHANGHAI_OFFSET_MS, WorldConfig
from models.simulator.tables import (
    ATM,
    CARD,
    CNP,
    CNY,
    CNY_PER_UNIT,
    JPY,
    TRANSFER,
    Floats,
    Ints,
)

_HOURLY: Final = np.array(
    [
        *(1.0, 0.5, 0.3, 0.2, 0.2, 0.5, 1.5, 3.5, 5.5, 5.5, 5.5, 6.5),
        *(7.5, 6.0, 5.0, 5.0, 5.5, 6.5, 7.5, 7.5, 7.0, 6.0, 4.0, 2.3),
    ]
)
_HOURLY_CUMULATIVE: Final = np.concatenate([[0.0], np.cumsum(_HOURLY) / _HOURLY.sum()])


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The device and network codes of some actions, one each."""

    device: Ints
    ip: Ints


def local_times(rng: np.random.Generator, count: int) -> Ints:
    """Draw times of the local day, ms in [0, 86 400 000), busy at noon and in the evening."""
    hours = np.arange(25) * float(HOUR_MS)
    drawn = np.interp(rng.random(count), _HOURLY_CUMULATIVE, hours).astype(np.int64)
    times: Ints = np.minimum(drawn, DAY_MS - 1)
    return times


def offset_in_day(config: WorldConfig, local: Ints) -> Ints:
    """Turn local time of day into ms since the simulated day began, which need not be midnight."""
    start = (config.start_ms + SHANGHAI_OFFSET_MS) % DAY_MS
    return (local - start) % DAY_MS


def surroundings(
    rng: np.random.Generator, people: Population, who: Ints, local: Ints
) -> Surroundings:
    """Pick habitual devices and networks: office by day, home and the carrier otherwise.

    Network codes are homes (one per person), then offices, then carrier addresses.
    """
    draw = rng.random(len(who))
    slot = (draw > 0.85).astype(np.int64) + (draw > 0.997)
    hour = local % DAY_MS // HOUR_MS
    working = (hour >= 9) & (hour < 18) & (people.employer[who] >= 0)
    mobile = people.persons + people.offices + rng.integers(0, people.mobile_networks, len(who))
    place = rng.random(len(who))
    ip = np.where(
        place < 0.3,
        mobile,
        np.where(working & (place < 0.75), people.persons + people.office[who], who),
    )
    # Offices and carriers are domestic, so those who live abroad stay on their home network.
    ip = np.where(people.country[who] == CNY, ip, who)
    return Surroundings(who * DEVICES_EACH + slot, ip)


def to_cents(amount_cny: Floats, currency: Ints) -> Ints:
    """Convert CNY to hundredths of another currency, whole units for the yen."""
    cents = np.rint(amount_cny / CNY_PER_UNIT[currency] * 100).astype(np.int64)
    yen = np.maximum((cents + 50) // 100, 1) * 100
    rounded: Ints = np.where(currency == JPY, yen, np.maximum(cents, 50))
    return rounded


def purchase_cents(
    rng: np.random.Generator,
    people: Population,
    payer: Ints,
    payee: Ints,
    currency: Ints,
    channel: Ints,
) -> Ints:
    """Draw amounts: the person's level times the merchant's ticket, or a gift, or cash.

    Returns
    -------
    Ints
        Hundredths of the currency's major unit, ≥ 50.
    """
    shop = np.clip(payee - people.persons, 0, people.merchants - 1)
    to_shop = (payee >= people.persons) & (channel != ATM)
    gift = np.where(channel == TRANSFER, np.log(550.0), np.log(110.0))
    level = np.where(to_shop, people.ticket_log[shop], np.where(channel == ATM, np.log(900), gift))
    spread = np.where(to_shop, people.ticket_spread[shop], np.where(channel == ATM, 0.6, 0.9))
    noise = rng.normal(size=len(payer))
    amount = np.exp(level + people.wealth[payer] + spread * noise)
    # Most shops take cards only from a few coins up; the rest keep F05 honest.
    carded = (channel == CARD) | (channel == CNP)
    below = carded & (amount < 5.0) & (rng.random(len(payer)) < 0.9)
    cents = to_cents(np.where(below, amount + 5.0, amount), currency)
    # People send round sums to each other, and cash machines know only notes.
    yen = np.where(currency == JPY, 10, 1)
    tens = np.where(rng.random(len(payer)) < 0.5, 1_000, 100)
    unit = np.where(channel == ATM, 10_000, np.where(to_shop, 1, tens)) * yen
    unit = np.where(to_shop & (currency == JPY), 100, unit)
    rounded: Ints = np.maximum((cents + unit // 2) // unit, 1) * unit
    return rounded
