"""What happened before the world began: habits are older than anybody who watches."""

from typing import Final

import numpy as np

from models.simulator.habits import local_times, offset_in_day, purchase_cents
from models.simulator.population import DEVICES_EACH, Population
from models.simulator.settings import DAY_MS, WorldConfig, random_stream
from models.simulator.tables import CARD, CNP, NONE, TRANSFER, Table, payments, take

STREAM: Final = 10

_LATEST_DAYS: Final = 32
_DAYS_MAX: Final = 44


def habits_before(config: WorldConfig, people: Population) -> Table:
    """Let everybody have paid each of their usual shops, sites and friends once.

    They did so on as many days as they take for so many payments, or their later days would look
    busy against these.

    Returns
    -------
    Table
        Payments by time, which is in ms since the world began and lies 31 to 76 days before.
    """
    rng = random_stream(config, STREAM)
    usual = ((people.shops, CARD), (people.sites, CNP), (people.payees, TRANSFER))
    payee = np.concatenate([chosen for chosen, _channel in usual], axis=1)
    channels = np.repeat([channel for _chosen, channel in usual], [len(c[0]) for c, _ in usual])
    payer = np.repeat(np.arange(people.persons), payee.shape[1])
    payee, channel = payee.ravel(), np.tile(channels, people.persons)
    charged = channel != TRANSFER
    remote = channel != CARD
    currency = np.where(charged, people.country[payee], people.country[payer])
    days = np.clip(len(channels) / np.maximum(people.activity, 0.1), 1, _DAYS_MAX)[payer]
    earlier = _LATEST_DAYS + (days * rng.random(len(payer))).astype(np.int64)
    local = local_times(rng, len(payer)) + people.chronotype_ms[payer]
    paid = payments(
        offset_in_day(config, local) - earlier * DAY_MS,
        payer,
        payee,
        purchase_cents(rng, people, payer, payee, currency, channel),
        currency,
        channel,
        0,
        np.where(charged, payer, NONE),
        np.where(remote, payer * DEVICES_EACH, NONE),
        np.where(remote, payer, NONE),
    )
    return take(paid, np.argsort(paid["time"], kind="stable"))
