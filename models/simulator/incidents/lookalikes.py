"""Ordinary life that resembles incidents: what makes rules err."""

from dataclasses import replace

from models.simulator.incidents.cast import Cast
from models.simulator.incidents.shops import rush
from models.simulator.settings import DAY_MS, HOUR_MS, MINUTE_MS


def refund(cast: Cast) -> None:
    """A purchase is sent back some days later."""
    buyer = cast.parties.calm()
    paid = cast.pay(buyer, cast.parties.shop(), cast.money(60, 900), "cnp")
    cast.wait(DAY_MS, 9 * DAY_MS)
    cast.undo(paid, {"purpose": "refund"})


def dispute(cast: Cast) -> None:
    """A customer complains about a purchase; one in three gets the money back."""
    buyer = cast.parties.calm()
    paid = cast.pay(buyer, cast.parties.shop(), cast.money(60, 1_500), "cnp")
    cast.wait(DAY_MS, 8 * DAY_MS)
    cast.complain(paid, str(cast.rng.choice(["delivery", "quality", "chargeback"])))
    if cast.chance(0.33):
        cast.wait(HOUR_MS, 20 * HOUR_MS)
        cast.undo(paid, {"purpose": "chargeback"})


def online_order(cast: Cast) -> None:
    """One to three orders at a shop, one cancelled now and then, the rest paid."""
    buyer, shop = cast.parties.lively(), cast.parties.shop()
    for number in range(cast.count(1, 3)):
        cast.order(buyer, shop, "new", number)
        cast.wait(MINUTE_MS, 6 * MINUTE_MS)
        if cast.chance(0.2):
            cast.order(buyer, shop, "cancel", number)
        else:
            cast.pay(buyer, shop, cast.money(30, 900), "cnp")
        cast.wait(MINUTE_MS, 9 * MINUTE_MS)


def gifts(cast: Cast) -> None:
    """A wedding or a birthday: 4 to 9 guests send money to one person within a day."""
    host = cast.parties.calm()
    for guest in cast.parties.anybody(cast.count(4, 9)):
        cast.pay(guest, host, cast.money(200, 2_000, 100))
        cast.wait(10 * MINUTE_MS, 60 * MINUTE_MS)


def shared_bill(cast: Cast) -> None:
    """One pays the dinner; 2 to 5 friends send their equal parts."""
    host, part = cast.parties.lively(), cast.money(40, 200)
    friends = cast.parties.anybody(cast.count(2, 5))
    cast.pay(host, cast.parties.shop(), round(part * (len(friends) + 1), 2), "wallet")
    for friend in friends:
        cast.wait(MINUTE_MS, 40 * MINUTE_MS)
        cast.pay(friend, host, part)


def red_envelopes(cast: Cast) -> None:
    """Somebody sends 3 to 6 relatives a round gift in one evening."""
    giver, amount = cast.parties.calm(), cast.money(100, 1_000, 100)
    for relative in cast.parties.anybody(cast.count(3, 6)):
        cast.pay(giver, relative, amount)
        cast.wait(MINUTE_MS, 30 * MINUTE_MS)


def down_payment(cast: Cast) -> None:
    """A flat or a car: 60 000 to 450 000 to a company never paid before, after a new limit."""
    buyer, seller = cast.parties.calm(), cast.parties.company()
    cast.change(buyer, "limit")
    cast.wait(20 * MINUTE_MS, 3 * HOUR_MS)
    cast.login(buyer)
    cast.wait(2 * MINUTE_MS, 20 * MINUTE_MS)
    cast.pay(buyer, seller, cast.money(60_000, 450_000, 1_000))


def takings(cast: Cast) -> None:
    """A shopkeeper brings 2 000 to 44 000 of takings to the branch on three days of a week."""
    keeper = cast.parties.calm()
    usual = cast.money(2_500, 38_000)
    for day in (0, 2, 4):
        cast.until(day, 16.0, 18.5)
        amount = usual * float(cast.rng.uniform(0.8, 1.15)) // 10 * 10
        cast.cash(keeper, amount, "in")


def two_withdrawals(cast: Cast) -> None:
    """Cash for a holiday: two or three withdrawals after one another."""
    holder = cast.parties.lively()
    for _ in range(cast.count(2, 3)):
        cast.pay(holder, None, cast.money(500, 3_000, 100), "atm")
        cast.wait(40_000, 5 * MINUTE_MS)


def new_telephone(cast: Cast) -> None:
    """A new telephone: a password reset, logins, and often its price paid with it."""
    owner = cast.parties.lively()
    fresh = replace(owner, device=cast.parties.device())
    if cast.chance(0.5):
        cast.change(fresh, "password")
        cast.wait(MINUTE_MS, 10 * MINUTE_MS)
    cast.login(fresh)
    cast.wait(5 * MINUTE_MS, 2 * HOUR_MS)
    cast.pay(fresh, cast.parties.shop(), cast.money(300, 6_000), "cnp")


def forgotten_password(cast: Cast) -> None:
    """Two to four wrong passwords, a reset, a login, and the rent to somebody known or new."""
    owner = cast.parties.lively()
    for _ in range(cast.count(2, 4)):
        cast.login(owner, "fail")
        cast.wait(20_000, 70_000)
    cast.change(owner, "password")
    cast.wait(MINUTE_MS, 5 * MINUTE_MS)
    cast.login(owner)
    cast.wait(MINUTE_MS, 2 * HOUR_MS)
    cast.pay(owner, cast.parties.anybody(1)[0], cast.money(500, 5_000))


def passed_on(cast: Cast) -> None:
    """Flat mates' parts of the rent come in and go to the landlord on the same day."""
    tenant, landlord = cast.parties.calm(), cast.parties.calm()
    rent = cast.money(3_000, 12_000, 100)
    for mate in cast.parties.anybody(cast.count(1, 3)):
        cast.pay(mate, tenant, round(rent / 4, 2))
        cast.wait(20 * MINUTE_MS, 2 * HOUR_MS)
    cast.pay(tenant, landlord, rent)


def coin_then_purchase(cast: Cast) -> None:
    """A trial month for a coin or two, and on the same day something dear elsewhere."""
    buyer = cast.parties.lively()
    cast.pay(buyer, cast.parties.shop(), cast.money(1, 4.9), "cnp")
    cast.wait(HOUR_MS, 4 * HOUR_MS)
    cast.pay(buyer, cast.parties.shop(), cast.money(300, 3_000), "cnp")


def back_from_abroad(cast: Cast) -> None:
    """An account unused for 60 to 200 days pays some ordinary bills again."""
    holder = cast.parties.newcomer(2_000)
    cast.remember(float(cast.rng.uniform(60, 200)), holder, cast.parties.shop(), 50.0)
    for _ in range(cast.count(1, 3)):
        cast.pay(holder, cast.parties.shop(), cast.money(30, 1_500), "wallet")
        cast.wait(HOUR_MS, 1.2 * HOUR_MS)


def crypto_saver(cast: Cast) -> None:
    """Somebody buys crypto assets for a small sum."""
    exchange = cast.parties.company("HK")
    cast.pay(cast.parties.calm(), exchange, cast.money(200, 4_000, 100), "crypto")


def tuition(cast: Cast) -> None:
    """Parents send 30 000 to 170 000 to a university abroad."""
    cast.pay(cast.parties.calm(), cast.parties.company("US"), cast.money(30_000, 170_000, 100))


def flash_sale(cast: Cast) -> None:
    """A shop sells 40 to 80 things within a minute."""
    rush(cast, (40, 80), 300)


def christmas_shopping(cast: Cast) -> None:
    """An afternoon in a mall: 3 to 6 shops within an hour and a half."""
    buyer = cast.parties.lively()
    for _ in range(cast.count(3, 6)):
        cast.pay(buyer, cast.parties.shop(), cast.money(40, 800), "card")
        cast.wait(7 * MINUTE_MS, 25 * MINUTE_MS)


def household_payroll(cast: Cast) -> None:
    """A small firm pays 4 to 10 helpers at the end of a week."""
    firm = cast.parties.company()
    for helper in cast.parties.anybody(cast.count(4, 10)):
        cast.pay(firm, helper, cast.money(800, 6_000, 100), also={"purpose": "wages"})
        cast.wait(MINUTE_MS, 10 * MINUTE_MS)


def freelancer(cast: Cast) -> None:
    """Money for a job comes in and mostly leaves again within two days: rent, tax, savings."""
    worker, client = cast.parties.calm(), cast.parties.anybody(1)[0]
    fee = cast.money(4_000, 25_000, 100)
    cast.pay(client, worker, fee)
    for part in cast.shares(fee * float(cast.rng.uniform(0.4, 0.95)), cast.count(1, 3)):
        cast.wait(3 * HOUR_MS, 14 * HOUR_MS)
        cast.pay(worker, cast.parties.anybody(1)[0], part)
