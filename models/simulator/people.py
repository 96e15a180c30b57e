"""One ordinary day of everybody: payments, salaries, logins, profile changes."""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from models.simulator.habits import local_times, offset_in_day, purchase_cents, surroundings
from models.simulator.population import Population
from models.simulator.settings import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SHANGHAI_OFFSET_MS,
    WorldConfig,
    random_stream,
)
from models.simulator.tables import (
    ATM,
    CARD,
    CNP,
    CNY,
    DECLINE_CODES,
    NONE,
    PROFILE_COLUMNS,
    PROFILE_FIELDS,
    TRANSFER,
    WALLET,
    Ints,
    Table,
    logins,
    payments,
    stack,
    table,
    take,
)

STREAM: Final = 2

_CHANNEL_MIX: Final = np.cumsum(
    # card, cnp, transfer, wallet, atm: wallet-first, families, the old, online travellers
    [
        [0.25, 0.18, 0.12, 0.43, 0.02],
        [0.50, 0.20, 0.15, 0.13, 0.02],
        [0.55, 0.05, 0.12, 0.08, 0.20],
        [0.35, 0.42, 0.10, 0.12, 0.01],
    ],
    axis=1,
)
_STUMBLES: Final = np.array([0.85, 0.13, 0.017, 0.003])
"""A forgotten password fails once, sometimes two to four times, then works."""

_MEAN_STUMBLES: Final = float(_STUMBLES @ np.arange(1, len(_STUMBLES) + 1))
_DECLINE_MIX: Final = np.array([0.55, 0.2, 0.12, 0.05, 0.04, 0.04])


def _payees(rng: np.random.Generator, people: Population, payer: Ints, channel: Ints) -> Ints:
    """Whom each payment goes to: habits first, now and then somebody new."""
    count = len(payer)
    favourite = np.minimum(rng.geometric(0.35, count) - 1, people.shops.shape[1] - 1)
    friend = np.minimum(rng.geometric(0.5, count) - 1, people.payees.shape[1] - 1)
    stranger = rng.integers(1, people.persons, count)
    somebody = rng.integers(0, people.persons, count)
    new = rng.random(count) < np.where(channel == TRANSFER, 0.03, 0.08)
    to_person = (channel == TRANSFER) | ((channel == WALLET) & (rng.random(count) < 0.25))
    borrowed = np.where(new, somebody, payer)
    merchant = np.where(
        channel == CNP, people.sites[borrowed, favourite], people.shops[borrowed, favourite]
    )
    person = np.where(new, (payer + stranger) % people.persons, people.payees[payer, friend])
    chosen = np.where(to_person, person, merchant)
    return np.where(channel == ATM, people.cash_machine, chosen)


def _statuses(rng: np.random.Generator, count: int, rate: float) -> Ints:
    """Draw 0 for approved, else the number of a decline code."""
    code = 1 + rng.choice(len(DECLINE_CODES), count, p=_DECLINE_MIX)
    return np.where(rng.random(count) < rate, code, 0)


def _attempts(rng: np.random.Generator, people: Population, config: WorldConfig) -> Table:
    """First attempts of the day, before retries and rushes."""
    payer = np.repeat(np.arange(people.persons), rng.poisson(people.activity))
    mix = _CHANNEL_MIX[people.persona[payer]]
    channel = (rng.random(len(payer))[:, None] > mix[:, :-1]).sum(axis=1)
    payee = _payees(rng, people, payer, channel)
    local = local_times(rng, len(payer)) + people.chronotype_ms[payer]
    # A merchant charges in its own money, a person pays in theirs.
    charged = (channel == CARD) | (channel == CNP)
    currency = np.where(charged, people.country[payee], people.country[payer])
    around = surroundings(rng, people, payer, local)
    remote = (channel != CARD) & (channel != ATM)
    return payments(
        offset_in_day(config, local),
        payer,
        payee,
        purchase_cents(rng, people, payer, payee, currency, channel),
        currency,
        channel,
        _statuses(rng, len(payer), config.decline_rate),
        np.where(charged | (channel == ATM), payer, NONE),
        np.where(remote, around.device, NONE),
        np.where(remote, around.ip, NONE),
    )


def _again(source: Table, rows: Ints, delay_ms: Ints) -> Table:
    """Repeat some payments a little later."""
    copies = take(source, rows)
    copies["time"] = copies["time"] + delay_ms
    return copies


def _retries(rng: np.random.Generator, source: Table) -> Table:
    """People try again after a decline, mostly with success."""
    declined = np.flatnonzero(source["status"] > 0)
    rows = declined[rng.random(len(declined)) < 0.4]
    copies = _again(source, rows, rng.integers(15_000, 150_000, len(rows)))
    copies["status"] = np.where(rng.random(len(rows)) < 0.3, copies["status"], 0)
    return copies


def _rushes(rng: np.random.Generator, source: Table) -> Table:
    """Two to four purchases in a row at one place: the near misses of the velocity rules."""
    bought = np.flatnonzero(source["channel"] <= CNP)
    first = bought[rng.random(len(bought)) < 0.0025]
    extra = rng.choice([1, 2, 3], len(first), p=[0.75, 0.21, 0.04])
    rows = np.repeat(first, extra)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(extra) - extra, extra)
    copies = _again(source, rows, (place + 1) * rng.integers(9_000, 40_000, len(rows)))
    scaled = copies["cents"] * rng.uniform(0.4, 1.3, len(rows))
    copies["cents"] = np.maximum(np.rint(scaled / 100).astype(np.int64) * 100, 500)
    copies["status"] = np.zeros(len(rows), dtype=np.int64)
    return copies


def _salaries(
    rng: np.random.Generator, people: Population, config: WorldConfig, day: int
) -> list[Table]:
    """On an employer's payday it pays all its people in one run: ordinary fan-out."""
    moment_s = (config.start_ms + SHANGHAI_OFFSET_MS) // 1_000 + day * DAY_MS // 1_000
    day_of_month = datetime.fromtimestamp(moment_s, tz=UTC).day
    employer = people.employer - people.persons - people.merchants
    due = np.flatnonzero(np.append(people.payday, 0)[np.maximum(employer, -1)] == day_of_month)
    opening = rng.integers(9 * HOUR_MS, 11 * HOUR_MS, people.employers)
    local = opening[employer[due]] + rng.integers(0, 30 * MINUTE_MS, len(due))
    monthly = 7_500 * np.exp(people.wealth[due] * 1.2 + rng.normal(0.0, 0.03, len(due)))
    salaries = payments(
        offset_in_day(config, local),
        people.employer[due],
        due,
        np.rint(monthly * 100).astype(np.int64),
        CNY,
        TRANSFER,
    )
    corporate = people.merchants + people.employers
    paying = np.flatnonzero(rng.random(people.merchants) < 0.2)
    buyer = np.repeat(paying, rng.integers(3, 9, len(paying)))
    supplier = (buyer + rng.integers(1, corporate, len(buyer))) % corporate
    at = rng.integers(15 * HOUR_MS, 16 * HOUR_MS, people.merchants)[buyer]
    suppliers = payments(
        offset_in_day(config, at + rng.integers(0, 45 * MINUTE_MS, len(buyer))),
        buyer + people.persons,
        supplier + people.persons,
        np.rint(rng.lognormal(np.log(900_000), 0.9, len(buyer))).astype(np.int64),
        CNY,
        TRANSFER,
    )
    return [salaries, suppliers]


def _logins(
    rng: np.random.Generator, people: Population, config: WorldConfig, paid: Table
) -> Table:
    """Most remote payments follow a login; people also just look."""
    remote = np.flatnonzero((paid["device"] >= 0) & (rng.random(len(paid["time"])) < 0.6))
    rows = remote[paid["channel"][remote] != WALLET]
    before = logins(
        paid["time"][rows] - rng.integers(20_000, 240_000, len(rows)),
        paid["payer"][rows],
        0,
        paid["device"][rows],
        paid["ip"][rows],
    )
    who = np.repeat(
        np.arange(people.persons), rng.poisson(config.logins_per_account, people.persons)
    )
    local = local_times(rng, len(who)) + people.chronotype_ms[who]
    around = surroundings(rng, people, who, local)
    looking = logins(offset_in_day(config, local), who, 0, around.device, around.ip)
    successes = stack([before, looking])
    stumbles = rng.random(len(successes["time"])) < config.login_failure_rate / _MEAN_STUMBLES
    first = np.flatnonzero(stumbles)
    times = 1 + rng.choice(len(_STUMBLES), len(first), p=_STUMBLES)
    rows = np.repeat(first, times)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
    failures = _again(successes, rows, -(place + 1) * rng.integers(15_000, 45_000, len(rows)))
    failures["failed"] = np.ones(len(rows), dtype=np.int64)
    return stack([successes, failures])


def _profiles(rng: np.random.Generator, people: Population, config: WorldConfig) -> Table:
    who = np.flatnonzero(rng.random(people.persons) < config.profile_changes_per_account)
    local = local_times(rng, len(who)) + people.chronotype_ms[who]
    around = surroundings(rng, people, who, local)
    field = rng.choice(len(PROFILE_FIELDS), len(who), p=[0.12, 0.12, 0.3, 0.1, 0.26, 0.1])
    values = (offset_in_day(config, local), who, field, around.device, around.ip, NONE)
    return table(PROFILE_COLUMNS, values)


def ordinary_day(people: Population, config: WorldConfig, day: int) -> tuple[Table, Table, Table]:
    """Live one day without incidents.

    Parameters
    ----------
    people
        The population.
    config
        Its rates.
    day
        Days since the world began, from 0.

    Returns
    -------
    payments, logins, profiles
        In no particular order; some times lie a little outside the day.
    """
    rng = random_stream(config, STREAM, day)
    attempts = _attempts(rng, people, config)
    paid = stack(
        [
            attempts,
            _retries(rng, attempts),
            _rushes(rng, attempts),
            *_salaries(rng, people, config, day),
        ]
    )
    return paid, _logins(rng, people, config, paid), _profiles(rng, people, config)
