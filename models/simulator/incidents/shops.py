"""Scripts around merchants: chargebacks, surges, scheme programmes."""

from models.simulator.incidents.cast import Cast
from models.simulator.incidents.parties import Party
from models.simulator.settings import DAY_MS, HOUR_MS, MINUTE_MS

_CHARGEBACK = {"purpose": "chargeback"}


def refund_abuse(cast: Cast) -> str:
    """F24: an account buys 5 to 8 dear things and calls 4 or 5 of them back within three weeks."""
    buyer = cast.parties.newcomer(70)
    bought = []
    for _ in range(cast.count(5, 8)):
        bought.append(cast.pay(buyer, cast.parties.shop(), cast.money(1_500, 9_000), "cnp"))
        cast.wait(4 * HOUR_MS, 16 * HOUR_MS)
    for paid in bought[: cast.count(4, 5)]:
        cast.wait(20 * HOUR_MS, 50 * HOUR_MS)
        cast.undo(paid, _CHARGEBACK)
    return f"customer/{buyer.customer}"


def charged_back_shop(cast: Cast) -> str:
    """F24: a shop that does not deliver: 20 to 30 sales, 15 to 20 charged back within a week."""
    shop = cast.parties.new_shop()
    sold = []
    for buyer in cast.parties.anybody(cast.count(20, 30)):
        sold.append(cast.pay(buyer, shop, cast.money(200, 1_500), "cnp"))
        cast.wait(30 * MINUTE_MS, 4 * HOUR_MS)
    cast.wait(3 * DAY_MS, 6 * DAY_MS)
    for paid in sold[: cast.count(15, 20)]:
        cast.undo(paid, _CHARGEBACK)
        cast.wait(HOUR_MS, 6 * HOUR_MS)
    return f"merchant/{shop.merchant}"


def merchant_rush(cast: Cast) -> str:
    """F25: a shop takes 120 to 200 payments within a minute."""
    shop = rush(cast, (120, 200), 400)
    return f"merchant/{shop.merchant}"


def rush(cast: Cast, sales: tuple[int, int], dearest: int) -> Party:
    """Let a shop sell so many things within a minute."""
    shop = cast.parties.shop()
    times = cast.count(*sales)
    for buyer in cast.parties.anybody(times):
        cast.pay(buyer, shop, cast.money(20, dearest), "cnp")
        cast.wait(0.2 * 55_000 / times, 1.5 * 55_000 / times)
    return shop


def merchant_bust_out(cast: Cast) -> str:
    """F25: a new shop of three sales a day makes 60 to 90 dear ones in its last three days."""
    shop = cast.parties.new_shop()
    for buyer in cast.parties.anybody(cast.count(24, 30)):
        cast.pay(buyer, shop, cast.money(20, 120), "cnp")
        cast.wait(5 * HOUR_MS, 11 * HOUR_MS)
    times = cast.count(60, 90)
    for buyer in cast.parties.anybody(times):
        cast.pay(buyer, shop, cast.money(800, 4_000), "cnp")
        cast.wait(20 * MINUTE_MS, 56 * MINUTE_MS)
    return f"merchant/{shop.merchant}"


def scheme_programme(cast: Cast) -> str:
    """F28: of a shop's 160 to 200 sales of two weeks, 102 to 120 are charged back."""
    shop = cast.parties.new_shop()
    cast.until(0, 8.0, 9.0)
    sold = []
    for buyer in cast.parties.anybody(cast.count(160, 200)):
        sold.append(cast.pay(buyer, shop, cast.money(60, 900), "cnp"))
        cast.wait(40 * MINUTE_MS, 150 * MINUTE_MS)
    for paid in sold[: cast.count(102, 120)]:
        cast.complain(paid, "chargeback")
        cast.undo(paid, _CHARGEBACK)
        cast.wait(10 * MINUTE_MS, 100 * MINUTE_MS)
    return f"merchant/{shop.merchant}"


def enumerated_shop(cast: Cast) -> str:
    """F28: 310 to 360 guests of a month name cards that do not exist; 60 buyers are real."""
    shop = cast.parties.new_shop()
    cast.until(0, 8.0, 9.0)
    nobody = dict.fromkeys(
        ("customer", "customer_kind", "birth_date", "segment", "account_opened", "balance_before")
    )
    buyers = cast.parties.anybody(60)
    for place in range(60 + cast.count(310, 360)):
        price = cast.money(5, 90)
        if place % 6 == 0 and buyers:
            cast.pay(buyers.pop(), shop, price, "cnp")
        else:
            guess = {"card": f"card-g{cast.count(0, 999_999):06d}", "decline_code": "14"}
            guest = {"account": f"guest-{cast.name}-{place:03d}", "status": "declined", **nobody}
            cast.pay(
                cast.parties.newcomer(), shop, price, "cnp", {**guest, **guess, **cast.intruder()}
            )
        cast.wait(25 * MINUTE_MS, 125 * MINUTE_MS)
    return f"merchant/{shop.merchant}"
