"""Scripts of taken-over customers: travel, devices, logins, drained accounts, scams."""

from models.simulator.incidents.cast import Cast
from models.simulator.records import ADDRESS_M
from models.simulator.settings import HOUR_MS, MINUTE_MS

_SECOND = 1_000


def impossible_travel(cast: Cast) -> str:
    """F10: a card pays at home and, 8 to 35 minutes later, in a city far away."""
    victim = cast.parties.lively()
    far = cast.parties.away(victim)
    cast.pay(victim, cast.parties.shop(), cast.money(30, 300), "card")
    cast.wait(8 * MINUTE_MS, 35 * MINUTE_MS)
    for _ in range(cast.count(1, 3)):
        there = {"lat": far[0], "lon": far[1]}
        cast.pay(victim, cast.parties.shop(), cast.money(400, 5_000), "card", there)
        cast.wait(4 * MINUTE_MS, 15 * MINUTE_MS)
    return f"card/{victim.card}"


def two_places_online(cast: Cast) -> str:
    """F10: a customer pays from home and, 10 to 40 minutes later, from a far city's address."""
    victim = cast.parties.lively()
    far = cast.parties.away(victim)
    cast.pay(victim, cast.parties.shop(), cast.money(20, 200), "wallet")
    cast.wait(10 * MINUTE_MS, 40 * MINUTE_MS)
    there = {**cast.intruder(), "ip_country": "CN", "lat": far[0], "lon": far[1]}
    there["accuracy_m"] = ADDRESS_M
    for _ in range(cast.count(1, 3)):
        cast.pay(victim, cast.parties.shop(), cast.money(400, 5_000), "cnp", there)
        cast.wait(4 * MINUTE_MS, 15 * MINUTE_MS)
    return f"customer/{victim.customer}"


def unfamiliar_place(cast: Cast) -> str:
    """F11: a stolen card is used 3 to 5 times in a city where its holder has never paid."""
    victim = cast.parties.calm()
    far = cast.parties.away(victim)
    for _ in range(cast.count(3, 5)):
        there = {"lat": far[0], "lon": far[1]}
        cast.pay(victim, cast.parties.shop(), cast.money(500, 4_000), "card", there)
        cast.wait(15 * MINUTE_MS, 70 * MINUTE_MS)
    return f"card/{victim.card}"


def country_mismatch(cast: Cast) -> str:
    """F12: 2 to 4 purchases at a foreign shop from an address of a third country."""
    victim, shop = cast.parties.calm(), cast.parties.shop(abroad=True)
    country = str(cast.rng.choice(["RU", "NG", "VN", "BR", "RO"]))
    stranger = {**cast.intruder(), "ip_country": country}
    for _ in range(cast.count(2, 4)):
        cast.pay(victim, shop, cast.money(300, 3_000), "cnp", stranger)
        cast.wait(3 * MINUTE_MS, 40 * MINUTE_MS)
    return f"customer/{victim.customer}"


def new_device_spends(cast: Cast) -> str:
    """F13: 1 to 3 online purchases of 4 000 to 16 000 from an unknown device."""
    victim = cast.parties.lively()
    stranger = cast.intruder()
    cast.login(victim, also={**stranger, "lat": None})
    cast.wait(2 * MINUTE_MS, 20 * MINUTE_MS)
    for _ in range(cast.count(1, 3)):
        cast.pay(victim, cast.parties.shop(), cast.money(4_000, 16_000), "cnp", stranger)
        cast.wait(3 * MINUTE_MS, 30 * MINUTE_MS)
    return f"customer/{victim.customer}"


def device_ring(cast: Cast) -> str:
    """F14: one device serves 5 to 9 customers within hours: logins, then payments to one mule."""
    stranger, mule = cast.intruder(), cast.parties.newcomer(25)
    for victim in cast.parties.anybody(cast.count(5, 9)):
        cast.login(victim, also=stranger)
        cast.wait(60 * _SECOND, 6 * MINUTE_MS)
        if cast.chance(0.6):
            cast.pay(victim, mule, cast.money(300, 2_500), "transfer", stranger)
        cast.wait(3 * MINUTE_MS, 20 * MINUTE_MS)
    return f"device/{stranger['device']}"


def password_spraying(cast: Cast) -> str:
    """F15: one address tries a password at 8 to 20 customers within ten minutes."""
    stranger = cast.intruder()
    for victim in cast.parties.anybody(cast.count(8, 20)):
        cast.login(victim, "fail", stranger)
        cast.wait(5 * _SECOND, 30 * _SECOND)
    return f"ip/{stranger['ip']}"


def guessed_password(cast: Cast) -> str:
    """F16: 3 to 6 wrong passwords, then the right one, then 5 000 to 60 000 to a new payee."""
    victim, mule = cast.parties.lively(), cast.parties.newcomer(20)
    stranger = cast.intruder()
    for _ in range(cast.count(3, 6)):
        cast.login(victim, "fail", stranger)
        cast.wait(15 * _SECOND, 80 * _SECOND)
    cast.login(victim, also=stranger)
    cast.wait(3 * MINUTE_MS, 3 * HOUR_MS)
    for _ in range(cast.count(1, 2)):
        cast.pay(victim, mule, cast.money(5_000, 60_000, 100), "transfer", stranger)
        cast.wait(2 * MINUTE_MS, 15 * MINUTE_MS)
    return f"customer/{victim.customer}"


def changed_phone(cast: Cast) -> str:
    """F16: telephone or e-mail changed, a login, then 5 000 to 40 000 to a new payee."""
    victim, mule = cast.parties.lively(), cast.parties.newcomer(20)
    stranger = cast.intruder()
    cast.change(victim, str(cast.rng.choice(["phone", "email", "password"])), stranger)
    cast.wait(5 * MINUTE_MS, 60 * MINUTE_MS)
    cast.login(victim, also=stranger)
    cast.wait(3 * MINUTE_MS, 2 * HOUR_MS)
    cast.pay(victim, mule, cast.money(5_000, 40_000, 100), "transfer", stranger)
    return f"customer/{victim.customer}"


def large_new_payee(cast: Cast) -> str:
    """F17: 20 000 to 90 000 to a payee never paid before, far beyond the payer's habits."""
    victim, payee = cast.parties.lively(), cast.parties.newcomer(60)
    cast.login(victim)
    cast.wait(2 * MINUTE_MS, 20 * MINUTE_MS)
    cast.pay(victim, payee, cast.money(20_000, 90_000, 100))
    return f"customer/{victim.customer}"


def drained(cast: Cast) -> str:
    """F18: a limit, payee or telephone changed, then 88 to 99 % of the balance in 2 to 4 parts."""
    victim, mule = cast.parties.calm(), cast.parties.newcomer(15)
    stranger = cast.intruder()
    balance = float(round(max(victim.balance, 20_000.0) * cast.rng.uniform(1.1, 1.3)))
    cast.change(victim, str(cast.rng.choice(["phone", "limit", "payee"])), stranger)
    left = balance
    for part in cast.shares(balance * float(cast.rng.uniform(0.88, 0.99)), cast.count(2, 4)):
        cast.wait(10 * MINUTE_MS, 70 * MINUTE_MS)
        cast.pay(victim, mule, part, "transfer", {**stranger, "balance_before": left})
        left = round(left - part, 2)
    return f"customer/{victim.customer}"


def jump_then_cash(cast: Cast) -> str:
    """F22: a card pays at home, is used far away, and there 2 500 to 8 000 are drawn at once."""
    victim = cast.parties.lively()
    far = cast.parties.away(victim)
    there = {"lat": far[0], "lon": far[1]}
    cast.pay(victim, cast.parties.shop(), cast.money(30, 300), "card")
    cast.wait(5 * MINUTE_MS, 12 * MINUTE_MS)
    cast.pay(victim, cast.parties.shop(), cast.money(100, 800), "card", there)
    cast.wait(2 * MINUTE_MS, 11 * MINUTE_MS)
    cast.pay(victim, None, cast.money(2_500, 8_000, 100), "atm", there)
    return f"customer/{victim.customer}"


def scam(cast: Cast) -> str:
    """F31: an elderly person pays a stranger 2 to 5 large amounts within hours, as told."""
    victim, fraudster = cast.parties.elder(), cast.parties.newcomer(10)
    amount = cast.money(7_500, 30_000, 100)
    for _ in range(cast.count(2, 5)):
        cast.pay(victim, fraudster, amount)
        amount = round(amount * float(cast.rng.uniform(0.95, 1.6)) // 100 * 100, 2)
        cast.wait(3 * MINUTE_MS, 60 * MINUTE_MS)
    return f"customer/{victim.customer}"


def remote_control_scam(cast: Cast) -> str:
    """F31: wrong passwords, a new device, then 2 to 4 nearly equal transfers to a new payee."""
    victim, fraudster = cast.parties.lively(), cast.parties.newcomer(10)
    stranger = cast.intruder()
    for _ in range(cast.count(3, 5)):
        cast.login(victim, "fail", stranger)
        cast.wait(20 * _SECOND, 50 * _SECOND)
    cast.login(victim, also=stranger)
    amount = cast.money(8_000, 30_000, 100)
    for _ in range(cast.count(2, 4)):
        cast.wait(40 * _SECOND, 280 * _SECOND)
        near = round(amount * float(cast.rng.uniform(0.95, 1.05)), 2)
        cast.pay(victim, fraudster, near, "transfer", stranger)
    return f"customer/{victim.customer}"
