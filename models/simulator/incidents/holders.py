"""Scripts of accounts as such: dormant, churned, of one hand, of minors; crypto at their side."""

from dataclasses import replace

from models.simulator.incidents.cast import Cast
from models.simulator.records import YEAR_MS
from models.simulator.settings import DAY_MS, HOUR_MS, MINUTE_MS


def dormant_wakes(cast: Cast) -> str:
    """A08: an account unused for 100 to 700 days pays 2 000 to 40 000 in 1 to 4 payments."""
    holder = cast.parties.newcomer(1_500)
    cast.remember(
        float(cast.rng.uniform(100, 700)), holder, cast.parties.shop(), cast.money(20, 400)
    )
    for _ in range(cast.count(1, 4)):
        cast.pay(holder, cast.parties.newcomer(40), cast.money(2_000, 40_000))
        cast.wait(20 * MINUTE_MS, 70 * MINUTE_MS)
    return f"account/{holder.account}"


def churned_accounts(cast: Cast) -> str:
    """A24: a customer opens 3 or 4 accounts one after the other; each moves 30 000 and stops."""
    holder = cast.parties.newcomer(1.0)
    number = holder.account.removeprefix("acct-")
    for place in range(cast.count(3, 4)):
        opened = cast.now - int(cast.rng.integers(HOUR_MS, DAY_MS))
        account = replace(holder, account=f"acct-{number}-{place + 1}", opened_ms=opened)
        amount = cast.money(20_000, 60_000)
        cast.pay(cast.parties.anybody(1)[0], account, amount)
        cast.wait(HOUR_MS, 8 * HOUR_MS)
        cast.pay(account, cast.parties.newcomer(200), round(amount * 0.97, 2))
        cast.wait(2 * DAY_MS, 5 * DAY_MS)
    return f"customer/{holder.customer}"


def many_accounts(cast: Cast) -> str:
    """A26: one customer pays from 3 to 5 accounts within a day, to one payee."""
    holder, payee = cast.parties.newcomer(200), cast.parties.newcomer(200)
    number = holder.account.removeprefix("acct-")
    for place in range(cast.count(3, 5)):
        account = replace(holder, account=f"acct-{number}-{place + 1}")
        cast.pay(account, payee, cast.money(5_000, 40_000))
        cast.wait(20 * MINUTE_MS, 60 * MINUTE_MS)
    return f"customer/{holder.customer}"


def minor_moves_money(cast: Cast) -> str:
    """A27: an account of somebody aged 13 to 17 is paid and sends 3 000 to 30 000 on."""
    age = int(float(cast.rng.uniform(13.2, 17.8)) * YEAR_MS)
    minor = replace(cast.parties.newcomer(300), born_ms=cast.now - age)
    for _ in range(cast.count(1, 3)):
        amount = cast.money(3_000, 30_000)
        cast.pay(cast.parties.anybody(1)[0], minor, amount)
        cast.wait(10 * MINUTE_MS, 60 * MINUTE_MS)
        cast.pay(minor, cast.parties.newcomer(100), round(amount * 0.95, 2))
        cast.wait(10 * MINUTE_MS, 30 * MINUTE_MS)
    return f"customer/{minor.customer}"


def deposit_to_crypto(cast: Cast) -> str:
    """F23: 36 000 to 200 000 arrive and leave to an exchange of crypto assets within 9 minutes."""
    holder, exchange = cast.parties.calm(), cast.parties.company("HK")
    amount = cast.money(36_000, 200_000)
    cast.pay(cast.parties.anybody(1)[0], holder, amount)
    cast.wait(MINUTE_MS, 5 * MINUTE_MS)
    for part in cast.shares(amount * float(cast.rng.uniform(0.85, 0.99)), cast.count(1, 2)):
        cast.pay(holder, exchange, part, "crypto")
        cast.wait(20_000, 110_000)
    return f"customer/{holder.customer}"


def many_exchanges(cast: Cast) -> str:
    """A28: a new account's first 50 000 to 300 000 leave to 3 to 6 exchanges within a day."""
    holder = cast.parties.newcomer(2.0)
    amount = cast.money(50_000, 300_000)
    cast.pay(cast.parties.anybody(1)[0], holder, amount)
    for part in cast.shares(amount * float(cast.rng.uniform(0.92, 0.99)), cast.count(3, 6)):
        cast.wait(15 * MINUTE_MS, 45 * MINUTE_MS)
        country = str(cast.rng.choice(["HK", "US", "SC"]))
        cast.pay(holder, cast.parties.company(country), part, "crypto")
    return f"account/{holder.account}"


def crypto_then_idle(cast: Cast) -> str:
    """A29: 4 to 7 crypto transfers of 20 000 to 90 000 within a day, then never again."""
    holder, exchange = cast.parties.newcomer(40), cast.parties.company("SC")
    for _ in range(cast.count(4, 7)):
        cast.pay(holder, exchange, cast.money(20_000, 90_000), "crypto")
        cast.wait(10 * MINUTE_MS, 40 * MINUTE_MS)
    return f"account/{holder.account}"
