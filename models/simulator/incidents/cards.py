"""Incidents of payment fraud: stolen cards, stolen passwords, drained accounts."""

import numpy as np

from models.simulator.incidents.stage import Scene, Stage
from models.simulator.settings import HOUR_MS, MINUTE_MS
from models.simulator.tables import CNP, CNY, TRANSFER, USD, logins, payments, stack


def velocity(stage: Stage) -> Scene:
    """F01: a script buys with one account 6 to 15 times within a minute."""
    rng = stage.rng
    victim = int(stage.persons(1)[0])
    count = int(rng.integers(6, 16))
    times = stage.moments(stage.start(MINUTE_MS), int(rng.integers(25_000, 58_000)), count)
    return Scene(
        subject=f"account/acct-{victim:06d}",
        payments=payments(
            times,
            victim,
            rng.choice(stage.sites(3), count),
            stage.cents(20, 260, count),
            CNY,
            CNP,
            np.where(rng.random(count) < 0.15, 5, 0),
            victim,
            stage.device(),
            int(stage.addresses(1)[0]),
        ),
    )


def amount_velocity(stage: Stage) -> Scene:
    """F02: a wealthy account is emptied in 4 to 8 transfers of 280 000 to 450 000 in an hour."""
    rng = stage.rng
    victim = stage.wealthy()
    count = int(rng.integers(4, 9))
    length = int(rng.integers(12 * MINUTE_MS, 55 * MINUTE_MS))
    times = stage.moments(stage.start(HOUR_MS), length, count)
    times[1] = times[0] + rng.integers(15_000, 50_000)
    receivers = stage.persons(int(rng.integers(1, 4)))
    return Scene(
        subject=f"account/acct-{victim:06d}",
        payments=payments(
            np.sort(times),
            victim,
            rng.choice(receivers, count),
            stage.cents(280_000, 450_000, count) // 100_000 * 100_000,
            CNY,
            TRANSFER,
            device=stage.device(),
            ip=int(stage.addresses(1)[0]),
        ),
    )


def decline_storm(stage: Stage) -> Scene:
    """F03: a blocked card is tried 6 to 14 times from one address in 10 to 40 minutes."""
    rng = stage.rng
    victim = int(stage.persons(1)[0])
    count = int(rng.integers(6, 15))
    length = int(rng.integers(10 * MINUTE_MS, 40 * MINUTE_MS))
    return Scene(
        subject=f"card/card-{victim:06d}",
        payments=payments(
            stage.moments(stage.start(HOUR_MS), length, count),
            victim,
            rng.choice(stage.sites(int(rng.integers(2, 5))), count),
            stage.cents(120, 3_200, count),
            CNY,
            CNP,
            rng.choice([1, 2, 3, 6], count, p=[0.4, 0.35, 0.15, 0.1]),
            victim,
            stage.device(),
            int(stage.addresses(1)[0]),
        ),
    )


def card_testing(stage: Stage) -> Scene:
    """F04: one device tries 8 to 20 stolen cards with cents at one shop; most are declined."""
    rng = stage.rng
    cards = stage.persons(int(rng.integers(8, 21)))
    attempts = len(cards) + int(rng.integers(4, len(cards) + 1))
    order = np.concatenate([cards, rng.choice(cards, attempts - len(cards))])
    device = stage.device()
    length = int(rng.integers(8 * MINUTE_MS, 40 * MINUTE_MS))
    declined = rng.random(attempts) < 0.75
    # A tester whose every attempt went through would have no reason to test.
    declined[: (2 * attempts + 2) // 3] = True
    return Scene(
        subject=f"device/{stage.devices[-1]}",
        payments=payments(
            stage.moments(stage.start(HOUR_MS), length, attempts),
            order,
            int(stage.sites(1, abroad=True)[0]),
            stage.cents(0.5, 2.0, attempts),
            USD,
            CNP,
            np.where(rng.permutation(declined), rng.choice([1, 2, 5, 6], attempts), 0),
            order,
            device,
            rng.choice(stage.addresses(int(rng.integers(1, 4))), attempts),
        ),
    )


def test_then_hit(stage: Stage) -> Scene:
    """F05: one or two approved tests of a few coins, then 1 to 3 purchases of 4 500 and up."""
    rng = stage.rng
    victim = int(stage.persons(1)[0])
    tests, hits = int(rng.integers(1, 3)), int(rng.integers(1, 4))
    start = stage.start(10 * HOUR_MS)
    pause = int(rng.integers(20 * MINUTE_MS, 8 * HOUR_MS))
    times = np.concatenate(
        [
            stage.moments(start, 5 * MINUTE_MS, tests),
            stage.moments(start + pause, 40 * MINUTE_MS, hits),
        ]
    )
    sites = stage.sites(1 + hits)
    return Scene(
        subject=f"card/card-{victim:06d}",
        payments=payments(
            times,
            victim,
            np.concatenate([np.full(tests, sites[0]), sites[1:]]),
            np.concatenate([stage.cents(0.8, 3.5, tests), stage.cents(4_500, 20_000, hits)]),
            CNY,
            CNP,
            card=victim,
            device=stage.device(),
            ip=rng.choice(stage.addresses(2), tests + hits),
        ),
    )


def login_storm(stage: Stage) -> Scene:
    """F15: 6 to 20 wrong passwords within 5 minutes from 2 to 6 addresses; some get in."""
    rng = stage.rng
    victim = int(stage.persons(1)[0])
    count = int(rng.integers(6, 21))
    length = int(rng.integers(30_000, 285_000))
    times = stage.moments(stage.start(10 * MINUTE_MS), length, count)
    addresses = stage.addresses(int(rng.integers(2, 7)))
    ips = np.concatenate([addresses[:2], rng.choice(addresses, count - 2)])
    device = stage.device()
    attack = logins(times, victim, 1, device, ips)
    if rng.random() < 0.4:
        entered = times[-1:] + rng.integers(3_000, 60_000, 1)
        attack = stack([attack, logins(entered, victim, 0, device, ips[-1:])])
    return Scene(subject=f"customer/cust-{victim:06d}", logins=attack)
