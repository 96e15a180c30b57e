"""Scripts of people who do what they never did: amounts, nights, volumes."""

from models.simulator.incidents.cast import Cast
from models.simulator.settings import DAY_MS, HOUR_MS, MINUTE_MS


def beyond_habit(cast: Cast) -> str:
    """F19: one payment of 30 000 to 120 000 by somebody who pays a thousandth of it a day."""
    victim = cast.parties.lively()
    cast.pay(victim, cast.parties.shop(), cast.money(30_000, 120_000), "cnp")
    return f"customer/{victim.customer}"


def at_night(cast: Cast) -> str:
    """F20: 2 or 3 payments of 2 500 to 9 000 between one and five, by somebody who then sleeps."""
    victim = cast.parties.lively()
    cast.until(0, 1.0, 4.0)
    for _ in range(cast.count(2, 3)):
        cast.pay(victim, cast.parties.newcomer(90), cast.money(2_500, 9_000))
        cast.wait(3 * MINUTE_MS, 25 * MINUTE_MS)
    return f"customer/{victim.customer}"


def sudden_volume(cast: Cast) -> str:
    """A18: an account of some payments a day makes 30 to 60 on one, as if rented out."""
    holder = cast.parties.calm()
    times = cast.count(30, 60)
    cast.until(0, 8.0, 9.0)
    for _ in range(times):
        cast.pay(holder, cast.parties.anybody(1)[0], cast.money(50, 900), "wallet")
        cast.wait(0.5 * 13 * HOUR_MS / times, 1.4 * 13 * HOUR_MS / times)
    return f"account/{holder.account}"


def above_peers(cast: Cast) -> str:
    """A19: a customer moves 120 000 to 400 000 in a week: twenty times what such customers do."""
    holder = cast.parties.calm()
    for part in cast.shares(cast.money(120_000, 400_000), cast.count(8, 14)):
        cast.pay(holder, cast.parties.newcomer(200), part)
        cast.wait(5 * HOUR_MS, 11 * HOUR_MS)
    return f"customer/{holder.customer}"


def above_own_history(cast: Cast) -> str:
    """A20: a payee who got some hundreds a week gets 25 000 to 90 000 in 3 to 5 payments."""
    payer, payee = cast.parties.calm(), cast.parties.newcomer(800)
    for week in range(3):
        cast.until(week * 5, 9.0, 20.0)
        cast.pay(payer, payee, cast.money(100, 600))
    cast.until(14, 9.0, 12.0)
    for part in cast.shares(cast.money(25_000, 90_000), cast.count(3, 5)):
        cast.pay(payer, payee, part)
        cast.wait(2 * HOUR_MS, 1.5 * DAY_MS)
    return f"customer/{payer.customer}"
