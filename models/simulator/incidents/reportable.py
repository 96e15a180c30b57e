"""Scripts of what regulators want reported: large cash, large transfers, incomplete wires."""

from collections.abc import Iterator

from models.simulator.incidents.cast import Cast
from models.simulator.settings import HOUR_MS, MINUTE_MS


def _on_one_day(cast: Cast, total: tuple[float, float], parts: tuple[int, int]) -> Iterator[float]:
    """Split an amount into several parts, and let time pass after each, from the morning on."""
    cast.until(0, 9.0, 12.0)
    for part in cast.shares(cast.money(*total), cast.count(*parts)):
        yield part
        cast.wait(20 * MINUTE_MS, 90 * MINUTE_MS)


def china_cash(cast: Cast) -> str:
    """R-CN-1: 55 000 to 300 000 of cash in one direction on one day, in 1 to 3 parts."""
    holder = cast.parties.calm()
    direction = str(cast.rng.choice(["in", "out"]))
    for part in _on_one_day(cast, (55_000, 300_000), (1, 3)):
        cast.cash(holder, part, direction)
    return f"customer/{holder.customer}"


def china_company(cast: Cast) -> str:
    """R-CN-2: a company transfers 2.2 to 8 million on one day, in 1 to 4 parts."""
    company = cast.parties.company()
    for part in _on_one_day(cast, (2_200_000, 8_000_000), (1, 4)):
        cast.pay(company, cast.parties.company(), part)
    return f"customer/{company.customer}"


def china_person(cast: Cast) -> str:
    """R-CN-3: a person transfers 550 000 to 2 million at home on one day, in 1 to 4 parts."""
    holder = cast.parties.newcomer(600)
    for part in _on_one_day(cast, (550_000, 2_000_000), (1, 4)):
        cast.pay(holder, cast.parties.newcomer(600), part)
    return f"customer/{holder.customer}"


def china_abroad(cast: Cast) -> str:
    """R-CN-4: a person transfers 220 000 to 900 000 abroad on one day, in 1 to 4 parts."""
    holder, payee = cast.parties.newcomer(600), cast.parties.company("HK")
    for part in _on_one_day(cast, (220_000, 900_000), (1, 4)):
        cast.pay(holder, payee, part)
    return f"customer/{holder.customer}"


def china_wallet(cast: Cast) -> str:
    """R-CN-5: a person moves 550 000 to 1.5 million out of a wallet on one day."""
    holder = cast.parties.newcomer(600)
    for part in _on_one_day(cast, (550_000, 1_500_000), (2, 5)):
        cast.pay(holder, cast.parties.newcomer(600), part, "wallet")
    return f"customer/{holder.customer}"


def dollar_cash(cast: Cast) -> str:
    """R-US-1: 10 500 to 60 000 USD of cash in one direction on one business day."""
    holder = cast.parties.newcomer(600)
    for part in _on_one_day(cast, (10_500, 60_000), (1, 3)):
        cast.cash(holder, part, "in", {"currency": "USD"})
    return f"customer/{holder.customer}"


def occasional(cast: Cast) -> str:
    """R-FATF-1: somebody who is no customer sends 15 500 to 60 000 USD with cash in hand."""
    stranger, payee = cast.parties.newcomer(0.5), cast.parties.newcomer(400)
    walk_in = {
        "customer": None, "device": None, "ip": None, "ip_country": None, "ip_proxy": None,
        "lat": None, "lon": None, "accuracy_m": None, "balance_before": None, "birth_date": None,
        "segment": None,
    }  # fmt: skip
    also = {**walk_in, "cash": True, "currency": "USD", "account_opened": None}
    cast.pay(stranger, payee, cast.money(15_500, 60_000, 10), "branch", also)
    return f"account/{stranger.account}"


def incomplete_wire(cast: Cast) -> str:
    """R-FATF-2: 1 or 2 wires abroad of 1 200 to 30 000 USD that do not name who is paid."""
    payer, payee = cast.parties.calm(), cast.parties.company("US")
    nameless = {"counterparty_customer": None, "counterparty_kind": None, "currency": "USD"}
    for _ in range(cast.count(1, 2)):
        cast.pay(payer, payee, cast.money(1_200, 30_000), also=nameless)
        cast.wait(HOUR_MS, 3 * HOUR_MS)
    return f"customer/{payer.customer}"


def australia_cash(cast: Cast) -> str:
    """R-AU-1: one cash transaction of 10 000 to 60 000 AUD."""
    holder = cast.parties.newcomer(600)
    cast.cash(holder, cast.money(10_000, 60_000, 50), "in", {"currency": "AUD"})
    return f"customer/{holder.customer}"
