"""Incidents of laundering: money that gathers, scatters or only passes through."""

import numpy as np

from models.simulator.habits import to_cents
from models.simulator.incidents.stage import Scene, Stage
from models.simulator.population import DEVICES_EACH
from models.simulator.settings import HOUR_MS, MINUTE_MS
from models.simulator.tables import CNY, TRANSFER, Ints, payments, stack


def _own_device(persons: Ints) -> Ints:
    """Give the main devices of people who act for themselves."""
    return persons * DEVICES_EACH


def fan_in(stage: Stage) -> Scene:
    """A04: 7 to 14 persons pay into one personal account within a few hours."""
    rng = stage.rng
    collector = stage.quiet()
    payers = stage.persons(int(rng.integers(7, 15)))
    length = int(rng.integers(HOUR_MS, 4 * HOUR_MS))
    return Scene(
        subject=f"account/acct-{collector:06d}",
        payments=payments(
            stage.moments(stage.start(4 * HOUR_MS), length, len(payers)),
            payers,
            collector,
            stage.cents(300, 4_000, len(payers)) // 1_000 * 1_000,
            CNY,
            TRANSFER,
            device=_own_device(payers),
            ip=payers,
        ),
    )


def fan_out(stage: Stage) -> Scene:
    """A05: one person pays 7 to 14 others within a few hours."""
    rng = stage.rng
    source = stage.quiet()
    payees = stage.persons(int(rng.integers(7, 15)))
    length = int(rng.integers(40 * MINUTE_MS, 5 * HOUR_MS))
    return Scene(
        subject=f"account/acct-{source:06d}",
        payments=payments(
            stage.moments(stage.start(5 * HOUR_MS), length, len(payees)),
            source,
            payees,
            stage.cents(400, 6_000, len(payees)) // 1_000 * 1_000,
            CNY,
            TRANSFER,
            device=source * DEVICES_EACH,
            ip=source,
        ),
    )


def pass_through(stage: Stage) -> Scene:
    """A06: 20 000 to 150 000 arrive in 1 to 3 transfers; 85 to 98 % leave within hours."""
    rng = stage.rng
    mule = stage.quiet()
    victims = stage.persons(int(rng.integers(1, 4)))
    receivers = stage.persons(int(rng.integers(1, 4)))
    start = stage.start(8 * HOUR_MS)
    arriving = stage.moments(start, 90 * MINUTE_MS, len(victims))
    total = float(np.exp(rng.uniform(np.log(20_000), np.log(150_000))))
    received = to_cents(total * rng.dirichlet(np.full(len(victims), 8.0)), np.array(CNY))
    sent_on = received.sum() / 100 * rng.uniform(0.86, 0.97)
    parts = to_cents(sent_on * rng.dirichlet(np.full(len(receivers), 8.0)), np.array(CNY))
    gap = int(rng.integers(5 * MINUTE_MS, 3 * HOUR_MS))
    leaving = stage.moments(int(arriving[-1]) + gap, 2 * HOUR_MS, len(receivers))
    money_in = payments(
        arriving, victims, mule, received, CNY, TRANSFER, 0, -1, _own_device(victims), victims
    )
    money_out = payments(
        leaving, mule, receivers, parts, CNY, TRANSFER, device=mule * DEVICES_EACH, ip=mule
    )
    return Scene(subject=f"account/acct-{mule:06d}", payments=stack([money_in, money_out]))
