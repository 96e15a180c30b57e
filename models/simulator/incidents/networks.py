"""Scripts of money that wanders: chains, cycles, fans that meet again."""

from itertools import pairwise

from models.simulator.incidents.cast import Cast
from models.simulator.settings import DAY_MS, HOUR_MS, MINUTE_MS


def small_payers(cast: Cast) -> str:
    """A03: 6 to 14 persons pay one 60 000 to 200 000 together, each less than the threshold."""
    collector = cast.parties.newcomer(90)
    payers = cast.parties.anybody(cast.count(6, 14))
    for payer, part in zip(
        payers, cast.shares(cast.money(60_000, 200_000), len(payers), 40.0), strict=True
    ):
        cast.pay(payer, collector, min(part, 45_000.0))
        cast.wait(10 * MINUTE_MS, 20 * MINUTE_MS)
    return f"account/{collector.account}"


def chain(cast: Cast) -> str:
    """A10: 60 000 to 300 000 pass through 4 to 7 accounts, each keeping 1 to 8 %."""
    hops = [cast.parties.newcomer(100) for _ in range(cast.count(5, 8))]
    amount = cast.money(60_000, 300_000)
    for payer, payee in pairwise(hops):
        cast.pay(payer, payee, round(amount, 2))
        amount *= float(cast.rng.uniform(0.92, 0.99))
        cast.wait(30 * MINUTE_MS, 9 * HOUR_MS)
    return f"account/{hops[-2].account}"


def cycle(cast: Cast) -> str:
    """A11: money returns to where it came from over 3 to 6 accounts within days."""
    ring = [cast.parties.newcomer(200) for _ in range(cast.count(3, 6))]
    amount = cast.money(40_000, 250_000)
    for payer, payee in pairwise([*ring, ring[0]]):
        cast.pay(payer, payee, round(amount, 2))
        amount *= float(cast.rng.uniform(0.96, 0.995))
        cast.wait(2 * HOUR_MS, 22 * HOUR_MS)
    return f"account/{ring[0].account}"


def scatter_gather(cast: Cast) -> str:
    """A12: one account pays 5 to 9, who all pay the same one within two days."""
    source, sink = cast.parties.newcomer(200), cast.parties.newcomer(200)
    between = [cast.parties.newcomer(100) for _ in range(cast.count(5, 9))]
    parts = cast.shares(cast.money(80_000, 400_000), len(between))
    for middle, part in zip(between, parts, strict=True):
        cast.pay(source, middle, part)
        cast.wait(10 * MINUTE_MS, 40 * MINUTE_MS)
    cast.wait(HOUR_MS, 20 * HOUR_MS)
    for middle, part in zip(between, parts, strict=True):
        cast.pay(middle, sink, round(part * float(cast.rng.uniform(0.93, 0.99)), 2))
        cast.wait(10 * MINUTE_MS, 60 * MINUTE_MS)
    return f"account/{sink.account}"


def gather_scatter(cast: Cast) -> str:
    """A13: 7 to 11 pay one account, which pays 7 to 11 others within two days."""
    hub = cast.parties.newcomer(60)
    total = 0.0
    for payer in cast.parties.anybody(cast.count(7, 11)):
        amount = cast.money(3_000, 20_000, 10)
        cast.pay(payer, hub, amount)
        total += amount
        cast.wait(15 * MINUTE_MS, 70 * MINUTE_MS)
    cast.wait(HOUR_MS, 10 * HOUR_MS)
    for part in cast.shares(total * float(cast.rng.uniform(0.86, 0.98)), cast.count(7, 11)):
        cast.pay(hub, cast.parties.newcomer(150), part)
        cast.wait(10 * MINUTE_MS, 60 * MINUTE_MS)
    return f"account/{hub.account}"


def bipartite(cast: Cast) -> str:
    """A14: each of 3 to 5 accounts pays each of 3 to 5 others within two days."""
    payers = [cast.parties.newcomer(200) for _ in range(cast.count(3, 5))]
    payees = [cast.parties.newcomer(200) for _ in range(cast.count(3, 5))]
    pairs = [(payer, payee) for payer in payers for payee in payees]
    for place in cast.rng.permutation(len(pairs)).tolist():
        payer, payee = pairs[place]
        cast.pay(payer, payee, cast.money(2_000, 30_000))
        cast.wait(15 * MINUTE_MS, 100 * MINUTE_MS)
    return f"account/{payees[0].account}"


def upstream(cast: Cast) -> str:
    """A15: three to six who were paid within the day before all pay one account, which pays on."""
    last = cast.parties.newcomer(100)
    middle = [cast.parties.newcomer(150) for _ in range(cast.count(3, 6))]
    arrived = 0.0
    parts = [cast.money(5_000, 30_000) for _ in middle]
    for person, part in zip(middle, parts, strict=True):
        for payer in cast.parties.anybody(cast.count(1, 3)):
            cast.pay(payer, person, round(part / 2, 2))
            cast.wait(5 * MINUTE_MS, 30 * MINUTE_MS)
    cast.wait(HOUR_MS, 6 * HOUR_MS)
    for person, part in zip(middle, parts, strict=True):
        cast.pay(person, last, round(part * 0.9 / 2, 2))
        arrived += part * 0.9 / 2
        cast.wait(15 * MINUTE_MS, 60 * MINUTE_MS)
    cast.wait(HOUR_MS, 6 * HOUR_MS)
    cast.pay(last, cast.parties.newcomer(400), round(arrived * 0.95, 2))
    return f"account/{last.account}"


def dispersed_in(cast: Cast) -> str:
    """A22: 12 to 20 pay one account over ten days, and it all leaves to 1 or 2 payees."""
    hub = cast.parties.newcomer(120)
    total = 0.0
    for payer in cast.parties.anybody(cast.count(12, 20)):
        amount = cast.money(2_000, 15_000)
        cast.pay(payer, hub, amount)
        total += amount
        cast.wait(4 * HOUR_MS, 14 * HOUR_MS)
    for part in cast.shares(total * float(cast.rng.uniform(0.9, 0.99)), cast.count(1, 2)):
        cast.wait(HOUR_MS, 20 * HOUR_MS)
        cast.pay(hub, cast.parties.newcomer(400), part)
    return f"account/{hub.account}"


def concentrated_in(cast: Cast) -> str:
    """A22: 1 or 2 pay an account 80 000 to 250 000, and it leaves to 12 to 20 over ten days."""
    hub = cast.parties.newcomer(120)
    total = cast.money(80_000, 250_000)
    for part in cast.shares(total, cast.count(1, 2)):
        cast.pay(cast.parties.company(), hub, part)
        cast.wait(HOUR_MS, 20 * HOUR_MS)
    for part in cast.shares(total * float(cast.rng.uniform(0.9, 0.99)), cast.count(12, 20)):
        cast.pay(hub, cast.parties.newcomer(400), part)
        cast.wait(4 * HOUR_MS, 14 * HOUR_MS)
    return f"account/{hub.account}"


def company_to_persons(cast: Cast) -> str:
    """A23: a company pays 12 to 25 persons for advice and the like within ten days."""
    company = cast.parties.company()
    for _ in range(cast.count(12, 25)):
        purpose = str(cast.rng.choice(["consulting", "labour", "loan", "agency"]))
        payee = cast.parties.newcomer(300)
        cast.pay(company, payee, cast.money(8_000, 45_000, 100), also={"purpose": purpose})
        cast.wait(3 * HOUR_MS, 11 * HOUR_MS)
    return f"customer/{company.customer}"


def new_mule(cast: Cast) -> str:
    """A07: an account hours or some days old gets 15 000 to 90 000 and sends 85 to 98 % on."""
    fresh = cast.chance(0.4)
    mule = cast.parties.newcomer(0.0)
    age_days = 0.15 if fresh else float(cast.rng.uniform(2, 25))
    opened = {"account_opened": cast.now - int(age_days * DAY_MS)}
    received = 0.0
    for victim in cast.parties.anybody(cast.count(1, 4)):
        amount = cast.money(12_000, 30_000)
        cast.pay(victim, mule, amount)
        received += amount
        cast.wait(5 * MINUTE_MS, 40 * MINUTE_MS)
    for part in cast.shares(received * float(cast.rng.uniform(0.87, 0.98)), cast.count(1, 3)):
        cast.wait(10 * MINUTE_MS, 50 * MINUTE_MS)
        cast.pay(mule, cast.parties.newcomer(200), part, also=opened)
    return f"account/{mule.account}"
