"""Scripts of card misuse: guests, addresses, retries, bursts, cash machines."""

from models.simulator.incidents.cast import Cast
from models.simulator.settings import DAY_MS, HOUR_MS, MINUTE_MS

_SECOND = 1_000


def guest_declines(cast: Cast) -> str:
    """F03: a guest's card, known to no customer, is declined 11 to 18 times within an hour."""
    victim, shop = cast.parties.newcomer(), cast.parties.shop()
    stranger = cast.intruder()
    for _ in range(cast.count(11, 18)):
        guest = {"customer": None, "customer_kind": None, "birth_date": None, "segment": None}
        unknown = {"account_opened": None, "balance_before": None}
        declined = {"status": "declined", "decline_code": "14", **unknown}
        cast.pay(victim, shop, cast.money(80, 2_000), "cnp", {**stranger, **guest, **declined})
        cast.wait(20 * _SECOND, 190 * _SECOND)
    return f"card/{victim.card}"


def address_testing(cast: Cast) -> str:
    """F04: one address tries 13 to 28 stolen cards, from ever new devices at several shops."""
    place = cast.intruder()
    shops = [cast.parties.shop() for _ in range(3)]
    for victim in cast.parties.anybody(cast.count(13, 28)):
        status = {"status": "declined", "decline_code": "05"} if cast.chance(0.7) else {}
        shop = shops[cast.count(0, 2)]
        device = {"device": cast.parties.device()}
        cast.pay(victim, shop, cast.money(1, 14), "cnp", {**place, **device, **status})
        cast.wait(15 * _SECOND, 100 * _SECOND)
    return f"ip/{place['ip']}"


def shop_testing(cast: Cast) -> str:
    """F04: a botnet tries 30 to 50 cards at one small shop, each from its own address."""
    shop = cast.parties.new_shop()
    for victim in cast.parties.anybody(cast.count(30, 50)):
        status = {"status": "declined", "decline_code": "14"} if cast.chance(0.75) else {}
        cast.pay(victim, shop, cast.money(0.5, 9), "cnp", {**cast.intruder(), **status})
        cast.wait(5 * _SECOND, 70 * _SECOND)
    return f"merchant/{shop.merchant}"


def stubborn_retries(cast: Cast) -> str:
    """F06: a shop tries a declined card 11 to 16 times within a day."""
    return _retries(cast, (30, 600), (11, 16), (20 * MINUTE_MS, 75 * MINUTE_MS))


def monthly_retries(cast: Cast) -> str:
    """F06: a subscription tries a card without money daily or more, 17 to 22 times in 20 days."""
    return _retries(cast, (20, 200), (17, 22), (16 * HOUR_MS, 24 * HOUR_MS))


def _retries(
    cast: Cast, amounts: tuple[int, int], times: tuple[int, int], apart_ms: tuple[int, int]
) -> str:
    victim, shop = cast.parties.calm(), cast.parties.shop()
    amount = cast.money(*amounts)
    for _ in range(cast.count(*times)):
        cast.pay(victim, shop, amount, "cnp", {"status": "declined", "decline_code": "51"})
        cast.wait(*apart_ms)
    return f"card/{victim.card}"


def burst_without_card(cast: Cast) -> str:
    """F07: a stolen number buys 9 to 16 times online within five minutes."""
    victim = cast.parties.calm()
    stranger = cast.intruder()
    shops = [cast.parties.shop() for _ in range(4)]
    for _ in range(cast.count(9, 16)):
        cast.pay(victim, shops[cast.count(0, 3)], cast.money(40, 900), "cnp", stranger)
        cast.wait(4 * _SECOND, 18 * _SECOND)
    return f"card/{victim.card}"


def shopping_spree(cast: Cast) -> str:
    """F08: a stolen card visits 6 to 10 shops within an hour, at terminals of one quarter."""
    victim = cast.parties.calm()
    for shop in [cast.parties.shop() for _ in range(cast.count(6, 10))]:
        cast.pay(victim, shop, cast.money(150, 1_800), "card")
        cast.wait(2 * MINUTE_MS, 6 * MINUTE_MS)
    return f"card/{victim.card}"


def one_shop(cast: Cast) -> str:
    """F09: somebody buys gift cards at one shop 7 to 14 times within five days."""
    victim, shop = cast.parties.calm(), cast.parties.shop()
    stranger = cast.intruder()
    for _ in range(cast.count(7, 14)):
        cast.pay(victim, shop, cast.money(200, 1_000, 100), "cnp", {**stranger, "mcc": "5947"})
        cast.wait(2 * HOUR_MS, 8 * HOUR_MS)
    return f"account/{victim.account}"


def cash_machine_run(cast: Cast) -> str:
    """F21: a copied card draws 2 000 to 5 000 at machines 4 to 7 times within 13 minutes."""
    victim = cast.parties.calm()
    for _ in range(cast.count(4, 7)):
        cast.pay(victim, None, cast.money(2_500, 5_000, 100), "atm")
        cast.wait(50 * _SECOND, 110 * _SECOND)
    return f"card/{victim.card}"


def cash_machine_many_cards(cast: Cast) -> str:
    """F21: a runner empties 11 to 16 copied cards at one machine within a quarter of an hour."""
    machine = f"atm-{cast.count(0, 99):04d}"
    spot = cast.parties.calm().spot
    for victim in cast.parties.anybody(cast.count(11, 16)):
        place = {"device": machine, "lat": spot[0], "lon": spot[1]}
        cast.pay(victim, None, cast.money(1_500, 5_000, 100), "atm", place)
        cast.wait(35 * _SECOND, 55 * _SECOND)
    return f"device/{machine}"


def deposit_then_cash(cast: Cast) -> str:
    """F21: money arrives, half of the time in cash, and is drawn in 2 to 4 parts within hours."""
    mule, victim = cast.parties.newcomer(), cast.parties.calm()
    amount = cast.money(6_000, 18_000)
    if cast.chance(0.5):
        cast.cash(mule, amount, "in")
    else:
        cast.pay(victim, mule, amount)
    cast.wait(10 * MINUTE_MS, 60 * MINUTE_MS)
    for part in cast.shares(amount * 0.9, cast.count(2, 4)):
        cast.pay(mule, None, max(part // 100, 1) * 100, "atm")
        cast.wait(2 * MINUTE_MS, 30 * MINUTE_MS)
    return f"card/{mule.card}"


def same_amounts_out(cast: Cast) -> str:
    """F26: one account sends nearly the same amount 4 to 7 times within hours."""
    victim = cast.parties.calm()
    amount = cast.money(800, 9_000)
    for _ in range(cast.count(4, 7)):
        cast.pay(victim, cast.parties.newcomer(), round(amount * cast.rng.uniform(0.97, 1.03), 2))
        cast.wait(10 * MINUTE_MS, 60 * MINUTE_MS)
    return f"account/{victim.account}"


def same_amounts_in(cast: Cast) -> str:
    """F26: one account receives nearly the same amount from 6 to 10 payers within a day."""
    seller = cast.parties.newcomer(20)
    amount = cast.money(300, 3_000)
    for buyer in cast.parties.anybody(cast.count(6, 10)):
        cast.pay(buyer, seller, round(amount * cast.rng.uniform(0.96, 1.04), 2))
        cast.wait(10 * MINUTE_MS, 30 * MINUTE_MS)
    return f"account/{seller.account}"


def rapid_repeat(cast: Cast) -> str:
    """F27: 3 or 4 transfers to one payee, each 20 seconds to 4 minutes after the other."""
    payer, payee = cast.parties.calm(), cast.parties.newcomer(30)
    for _ in range(cast.count(3, 4)):
        cast.pay(payer, payee, cast.money(500, 5_000))
        cast.wait(20 * _SECOND, 240 * _SECOND)
    return f"account/{payer.account}"


def invented_amounts(cast: Cast) -> str:
    """F29: 60 to 90 sales of three weeks whose amounts nobody would pay: first digits 5 to 9."""
    buyer, shop = cast.parties.newcomer(), cast.parties.new_shop()
    times = cast.count(60, 90)
    for _ in range(times):
        digit, scale = cast.count(5, 9), 10 ** cast.count(1, 3)
        amount = round((digit + float(cast.rng.random())) * scale, 2)
        cast.pay(buyer, shop, amount, "wallet")
        cast.wait(0.4 * 20 * DAY_MS / times, 1.4 * 20 * DAY_MS / times)
    return f"account/{buyer.account}"


def cancelled_orders(cast: Cast) -> str:
    """F30: 6 to 9 orders within half an hour at one shop, 4 to 6 of them cancelled, none paid."""
    buyer, shop = cast.parties.calm(), cast.parties.shop()
    placed = cast.count(6, 9)
    for number in range(placed):
        cast.order(buyer, shop, "new", number)
        cast.wait(30 * _SECOND, 100 * _SECOND)
    for number in range(min(placed, cast.count(4, 6))):
        cast.order(buyer, shop, "cancel", number)
        cast.wait(20 * _SECOND, 60 * _SECOND)
    return f"account/{buyer.account}"


def unpaid_orders(cast: Cast) -> str:
    """F30: 6 to 9 purchases within half an hour, 4 to 6 of them called off at once."""
    buyer, shop = cast.parties.calm(), cast.parties.shop()
    orders = []
    for _ in range(cast.count(6, 9)):
        orders.append(cast.pay(buyer, shop, cast.money(200, 3_000), "cnp"))
        cast.wait(60 * _SECOND, 190 * _SECOND)
    for order in orders[: cast.count(4, 6)]:
        cast.undo(order)
        cast.wait(20 * _SECOND, 120 * _SECOND)
    return f"customer/{buyer.customer}"
