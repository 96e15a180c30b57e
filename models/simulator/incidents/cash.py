"""Scripts of cash and of amounts that stay below what is reported."""

from typing import Final

from models.simulator.incidents.cast import Cast
from models.simulator.settings import DAY_MS, HOUR_MS, MINUTE_MS

CASH_THRESHOLD: Final = 50_000
"""CNY of cash a day that a bank reports (PBOC Order [2016] No. 3)."""

SMALL_DEPOSIT: Final = 20_000
"""About 3 000 USD."""

_PERSON_THRESHOLD: Final = 500_000
"""CNY of domestic transfers a day of a natural person that a bank reports."""


def close_deposits(cast: Cast) -> str:
    """A01: 3 to 6 cash deposits within a day, each 80 to 99 % of the threshold."""
    holder = cast.parties.calm()
    cast.until(0, 9.0, 10.5)
    for _ in range(cast.count(3, 6)):
        cast.cash(holder, cast.money(0.82 * CASH_THRESHOLD, 0.985 * CASH_THRESHOLD, 100), "in")
        cast.wait(30 * MINUTE_MS, 90 * MINUTE_MS)
    return f"customer/{holder.customer}"


def close_transfers(cast: Cast) -> str:
    """A01: 3 to 5 transfers within a day, each 80 to 99 % of the threshold."""
    holder = cast.parties.calm()
    cast.until(0, 9.0, 10.5)
    for _ in range(cast.count(3, 5)):
        payee = cast.parties.newcomer(120)
        amount = cast.money(0.82 * CASH_THRESHOLD, 0.985 * CASH_THRESHOLD, 100)
        cast.pay(holder, payee, amount)
        cast.wait(HOUR_MS, 2.5 * HOUR_MS)
    return f"customer/{holder.customer}"


def quick_deposits(cast: Cast) -> str:
    """A01: 2 to 4 cash deposits within 45 minutes, each 91 to 99.5 % of the threshold."""
    holder = cast.parties.calm()
    cast.until(0, 9.0, 16.0)
    for _ in range(cast.count(2, 4)):
        cast.cash(holder, cast.money(0.91 * CASH_THRESHOLD, 0.995 * CASH_THRESHOLD, 10), "in")
        cast.wait(4 * MINUTE_MS, 15 * MINUTE_MS)
    return f"customer/{holder.customer}"


def carded_in_parts(cast: Cast) -> str:
    """A01: 6 to 9 card payments of 500 to 999 USD at one shop within a week."""
    holder, shop = cast.parties.calm(), cast.parties.new_shop()
    for _ in range(cast.count(6, 9)):
        cast.pay(holder, shop, cast.money(3_600, 6_900, 10), "card")
        cast.wait(6 * HOUR_MS, 15 * HOUR_MS)
    return f"customer/{holder.customer}"


def cash_in_parts(cast: Cast) -> str:
    """A02: 60 000 to 120 000 of cash in 3 to 6 parts within one business day."""
    holder = cast.parties.calm()
    direction = str(cast.rng.choice(["in", "in", "out"]))
    cast.until(0, 9.0, 10.0)
    for part in cast.shares(cast.money(60_000, 120_000), cast.count(3, 6), 60.0):
        cast.cash(holder, min(part // 100 * 100, 0.78 * CASH_THRESHOLD), direction)
        cast.wait(20 * MINUTE_MS, 80 * MINUTE_MS)
    return f"customer/{holder.customer}"


def long_avoidance(cast: Cast) -> str:
    """A16: 7 to 11 deposits of 90 to 99 % of the threshold over three weeks, little else."""
    holder = cast.parties.newcomer(300)
    for _ in range(cast.count(7, 11)):
        cast.cash(holder, cast.money(0.91 * CASH_THRESHOLD, 0.99 * CASH_THRESHOLD, 100), "in")
        if cast.chance(0.3):
            cast.wait(HOUR_MS, 3 * HOUR_MS)
            cast.pay(holder, cast.parties.shop(), cast.money(20, 300), "wallet")
        cast.wait(1.2 * DAY_MS, 2.2 * DAY_MS)
    return f"customer/{holder.customer}"


def long_avoidance_in(cast: Cast) -> str:
    """A16: 22 to 28 transfers of three weeks reach one person, each less than the threshold."""
    holder = cast.parties.newcomer(300)
    for _ in range(cast.count(22, 28)):
        payer = cast.parties.newcomer(300)
        cast.pay(payer, holder, cast.money(8_000, 0.95 * CASH_THRESHOLD, 10))
        cast.wait(8 * HOUR_MS, 1.1 * DAY_MS)
    return f"customer/{holder.customer}"


def same_parties_same_day(cast: Cast) -> str:
    """A21: one person pays another 3 or 4 times a day, each 80 to 99 % of what is reported."""
    payer, payee = cast.parties.newcomer(500), cast.parties.newcomer(500)
    cast.until(0, 9.0, 11.0)
    for _ in range(cast.count(3, 4)):
        cast.pay(
            payer, payee, cast.money(0.81 * _PERSON_THRESHOLD, 0.99 * _PERSON_THRESHOLD, 1_000)
        )
        cast.wait(HOUR_MS, 3 * HOUR_MS)
    return f"customer/{payer.customer}"


def same_parties_each_day(cast: Cast) -> str:
    """A21: one person pays another on 3 to 5 days in a row, each 80 to 99 % of the limit."""
    payer, payee = cast.parties.newcomer(500), cast.parties.newcomer(500)
    for day in range(cast.count(3, 5)):
        cast.until(day, 9.0, 18.0)
        cast.pay(
            payer, payee, cast.money(0.81 * _PERSON_THRESHOLD, 0.99 * _PERSON_THRESHOLD, 1_000)
        )
    return f"customer/{payer.customer}"


def large_wire(cast: Cast) -> str:
    """A25: 1 or 2 wires abroad of 55 000 to 150 000 USD by a person."""
    payer, payee = cast.parties.newcomer(700), cast.parties.company("HK")
    for _ in range(cast.count(1, 2)):
        cast.pay(payer, payee, cast.money(55_000, 150_000, 100), also={"currency": "USD"})
        cast.wait(HOUR_MS, 4 * HOUR_MS)
    return f"customer/{payer.customer}"


def small_deposits_abroad(cast: Cast) -> str:
    """A30: 5 to 8 deposits below 3 000 USD within five days, then 80 to 98 % of it goes abroad."""
    holder = cast.parties.newcomer(250)
    deposited = 0.0
    for _ in range(cast.count(5, 8)):
        amount = cast.money(9_000, 0.98 * SMALL_DEPOSIT, 100)
        cast.cash(holder, amount, "in")
        deposited += amount
        cast.wait(6 * HOUR_MS, 15 * HOUR_MS)
    cast.wait(2 * HOUR_MS, 15 * HOUR_MS)
    country = str(cast.rng.choice(["HK", "VN", "US"]))
    sent = float(round(deposited * cast.rng.uniform(0.8, 0.98)))
    cast.pay(holder, cast.parties.company(country), sent)
    return f"customer/{holder.customer}"


def risky_country(cast: Cast) -> str:
    """A17: 1 to 4 payments of 1 500 to 30 000 to countries that the FATF calls for action on."""
    payer = cast.parties.calm()
    payee = cast.parties.company(str(cast.rng.choice(["KP", "IR", "MM"])))
    for _ in range(cast.count(1, 4)):
        cast.pay(payer, payee, cast.money(1_500, 30_000))
        cast.wait(5 * HOUR_MS, 2 * DAY_MS)
    return f"customer/{payer.customer}"


def risky_country_in(cast: Cast) -> str:
    """A17: 1 to 4 payments of 1 500 to 30 000 come from such countries."""
    payer = cast.parties.company(str(cast.rng.choice(["KP", "IR", "MM"])))
    payee = cast.parties.calm()
    for _ in range(cast.count(1, 4)):
        cast.pay(payer, payee, cast.money(1_500, 30_000))
        cast.wait(5 * HOUR_MS, 2 * DAY_MS)
    return f"customer/{payee.customer}"


def tens_of_thousands(cast: Cast) -> str:
    """A09: 4 to 7 transfers of whole tens of thousands within three weeks."""
    payer = cast.parties.calm()
    for _ in range(cast.count(4, 7)):
        cast.pay(payer, cast.parties.newcomer(300), cast.money(10_000, 90_000, 10_000))
        cast.wait(DAY_MS, 3 * DAY_MS)
    return f"customer/{payer.customer}"


def round_amounts(cast: Cast) -> str:
    """A09: 11 to 18 transfers of three weeks, four of five of them whole thousands."""
    payer = cast.parties.newcomer(300)
    for _ in range(cast.count(11, 18)):
        round_one = cast.chance(0.8)
        amount = cast.money(1_000, 20_000, 1_000 if round_one else 0.01)
        cast.pay(payer, cast.parties.newcomer(300), amount)
        cast.wait(10 * HOUR_MS, 1.8 * DAY_MS)
    return f"customer/{payer.customer}"
