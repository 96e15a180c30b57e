"""How large a simulated world is and how its ordinary life runs."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.errors import ConfigError

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000

SHANGHAI_OFFSET_MS: Final = 8 * HOUR_MS
"""Local time is UTC+8 all year: China has no daylight saving."""

ACCOUNTS_MIN: Final = 500
"""Below this one day's incidents would share their victims."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Scripted incidents of the whole catalogue, and the full detail of the life around them.

    With it, ordinary payments also carry what terminals, account records and address databases
    know (place, age, opening day, balance, proxy; and `segment`, a peer group, which is no
    canonical column), households share devices, people travel, and
    ordinary look-alikes of incidents happen. The same script plays again in every period.

    Attributes
    ----------
    each
        Incidents of each typology and period, ≥ 0.
    period_days
        Length of a period, ≥ 1. What does not fit into one, with the history that it needs, does
        not happen.
    typologies
        Which occur, such as ("A11",); empty for all.
    lookalikes_per_1000
        Ordinary look-alikes per 1 000 accounts and day, ≥ 0.
    """

    each: int = 20
    period_days: int = 30
    typologies: tuple[str, ...] = ()
    lookalikes_per_1000: float = 8.0

    def __post_init__(self) -> None:
        if self.each < 0 or self.period_days < 1 or self.lookalikes_per_1000 < 0:
            raise ConfigError(
                f"each was {self.each}, period_days was {self.period_days}, "
                f"lookalikes_per_1000 was {self.lookalikes_per_1000}",
                hint="use a period of one day or more, and no negative number",
            )


@dataclass(frozen=True, slots=True)
class WorldConfig:
    """One world; equal configurations give byte-identical worlds.

    Attributes
    ----------
    seed
        Start of every random stream, ≥ 0.
    accounts
        Natural persons, each with one account, ≥ 500; merchants and employers come on top.
    instruments
        Traded symbols, ≥ 1.
    start_ms
        Time of day 0's first millisecond, epoch ms; default 2026-01-05T00:00:00+08:00.
    incidents_per_day
        Labelled incidents per simulated day, 0 or more, of the typologies of the demo's round.
    payments_per_account
        Mean payments per account and day; accounts differ lognormally around it.
    logins_per_account
        Mean logins per account and day that no payment explains.
    profile_changes_per_account
        Mean profile changes per account and day.
    trades_per_instrument
        Mean trades per instrument and day; 0 leaves the market silent.
    decline_rate
        Share of first payment attempts that are declined, in [0, 1).
    login_failure_rate
        Share of logins that fail, in [0, 1).
    batch_minutes
        Simulated minutes per batch; divides 1 440.
    catalogue
        Scripted incidents on top, and full detail; None leaves both out.
    """

    seed: int = 7
    accounts: int = 20_000
    instruments: int = 24
    start_ms: int = 1_767_542_400_000
    incidents_per_day: int = 60
    payments_per_account: float = 4.8
    logins_per_account: float = 1.3
    profile_changes_per_account: float = 0.01
    trades_per_instrument: float = 5_000.0
    decline_rate: float = 0.02
    login_failure_rate: float = 0.03
    batch_minutes: int = 10
    catalogue: Catalogue | None = None

    def __post_init__(self) -> None:
        if self.accounts < ACCOUNTS_MIN:
            raise ConfigError(
                f"accounts was {self.accounts}", hint=f"use {ACCOUNTS_MIN} accounts or more"
            )
        if self.instruments < 1:
            raise ConfigError(f"instruments was {self.instruments}", hint="use at least one")
        if self.seed < 0 or self.incidents_per_day < 0:
            raise ConfigError(
                f"seed was {self.seed}, incidents_per_day was {self.incidents_per_day}",
                hint="neither may be negative",
            )
        means = (
            self.payments_per_account,
            self.logins_per_account,
            self.profile_changes_per_account,
            self.trades_per_instrument,
        )
        shares = (self.decline_rate, self.login_failure_rate)
        if min(means) < 0 or min(shares) < 0 or max(shares) >= 1:
            raise ConfigError(
                f"means per day were {means}, shares were {shares}",
                hint="use means of 0 or more and shares from 0 to below 1",
            )
        if self.batch_minutes < 1 or 1_440 % self.batch_minutes:
            raise ConfigError(
                f"batch_minutes was {self.batch_minutes}", hint="use a divisor of 1440, such as 10"
            )


def random_stream(config: WorldConfig, purpose: int, day: int = 0) -> np.random.Generator:
    """Give one purpose and day its own generator, so that no day depends on another.

    >>> config = WorldConfig()
    >>> random_stream(config, 1, 4).integers(9) == random_stream(config, 1, 4).integers(9)
    np.True_
    """
    return np.random.default_rng([config.seed, purpose, day])
