"""Which incident comes when: a fixed round of typologies that every day continues."""

from typing import Final

import numpy as np

from models.errors import ConfigError
from models.simulator.incidents import accounts, cards, trading
from models.simulator.incidents.stage import SLOTS, Scene, Stage, Typology
from models.simulator.settings import WorldConfig

TYPOLOGIES: Final = (
    Typology("F01", "payments", 7, cards.velocity),
    Typology("F02", "payments", 5, cards.amount_velocity),
    Typology("F03", "payments", 6, cards.decline_storm),
    Typology("F04", "payments", 5, cards.card_testing),
    Typology("F05", "payments", 6, cards.test_then_hit),
    Typology("F15", "account_security", 7, cards.login_storm),
    Typology("A04", "aml", 5, accounts.fan_in),
    Typology("A05", "aml", 5, accounts.fan_out),
    Typology("A06", "aml", 6, accounts.pass_through),
    Typology("M12", "trading", 3, trading.price_spike),
    Typology("M13", "trading", 3, trading.volume_burst),
    Typology("M14", "trading", 2, trading.pump_and_dump),
)


_ACCOUNTS_PER_INCIDENT: Final = 8
"""A mean incident uses five employed persons and two idle ones, who are a quarter of all."""


def _spread_out() -> tuple[Typology, ...]:
    """Order one round so that each typology's turns lie evenly apart."""
    turns = [
        ((turn + 0.5) / typology.weight, place, typology)
        for place, typology in enumerate(TYPOLOGIES)
        for turn in range(typology.weight)
    ]
    return tuple(typology for _, _, typology in sorted(turns, key=lambda turn: turn[:2]))


ROUND: Final = _spread_out()


def check_schedule(config: WorldConfig) -> None:
    """Refuse more incidents than symbols and persons can carry without overlapping."""
    if config.incidents_per_day * _ACCOUNTS_PER_INCIDENT > config.accounts:
        raise ConfigError(
            f"incidents_per_day was {config.incidents_per_day} with {config.accounts} accounts",
            hint=f"use at least {_ACCOUNTS_PER_INCIDENT} accounts per daily incident",
        )
    trading_per_round = sum(typology.pack == "trading" for typology in ROUND)
    rounds = -(-config.incidents_per_day // len(ROUND))
    room = config.instruments * SLOTS
    if rounds * trading_per_round > room:
        raise ConfigError(
            f"incidents_per_day was {config.incidents_per_day} with {config.instruments} "
            f"instruments, which carry {room} market incidents a day",
            hint="lower incidents_per_day or raise instruments",
        )


def play_day(stage: Stage, config: WorldConfig) -> list[tuple[int, Typology, Scene]]:
    """Stage one day's incidents.

    Returns
    -------
    list
        The incident's number since the world began, from 0; its typology; its scene.
    """
    first = stage.day * config.incidents_per_day
    numbers = np.arange(first, first + config.incidents_per_day).tolist()
    return [
        (number, typology, typology.play(stage))
        for number in numbers
        for typology in (ROUND[number % len(ROUND)],)
    ]
