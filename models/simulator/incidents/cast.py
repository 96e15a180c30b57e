"""A script's tools: a clock of its own, its parties, and the events that they cause."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from models.simulator.incidents.parties import Casting, Party
from models.simulator.records import ADDRESS_M, TERMINAL_M
from models.simulator.settings import DAY_MS, HOUR_MS, MINUTE_MS, SHANGHAI_OFFSET_MS

Event = dict[str, Any]
"""One canonical event: column → value."""

_REMOTE: Final = ("cnp", "transfer", "wallet", "crypto")
_AT_TERMINAL: Final = ("card", "atm")
_CARDED: Final = ("card", "cnp", "atm")


_SLEEP_MS: Final = 3 * HOUR_MS
_WAKING_HOUR: Final = 7


@dataclass(slots=True)
class Cast:
    """What one script plays with; the events that it causes gather here.

    Attributes
    ----------
    rng
        Its generator.
    parties
        Where its parties come from.
    name
        First part of its events' ids.
    day_ms
        Local midnight before it begins, epoch ms.
    now
        Its clock, epoch ms: when the next event happens.
    events
        What happened so far, in the order of the script.
    past
        What happened long before the world began.
    """

    rng: np.random.Generator
    parties: Casting
    name: str
    day_ms: int
    now: int
    events: list[Event] = field(default_factory=list)
    past: list[Event] = field(default_factory=list)

    def wait(self, least_ms: float, most_ms: float) -> None:
        """Let between so long and so long pass; whoever waits for hours also sleeps."""
        self.now += int(self.rng.integers(int(least_ms), int(most_ms)))
        hour = (self.now - self.day_ms) % DAY_MS / HOUR_MS
        if most_ms >= _SLEEP_MS and hour < _WAKING_HOUR:
            self.now += int((_WAKING_HOUR - hour + float(self.rng.uniform(0, 2))) * HOUR_MS)

    def until(self, day: int, least_hour: float, most_hour: float) -> None:
        """Go to a time of the local day, so many days after the first."""
        hour = float(self.rng.uniform(least_hour, most_hour))
        self.now = self.day_ms + day * DAY_MS + int(hour * HOUR_MS)

    def count(self, least: int, most: int) -> int:
        """Draw a number, both ends included."""
        return int(self.rng.integers(least, most + 1))

    def chance(self, share: float) -> bool:
        """Be lucky so often."""
        return bool(self.rng.random() < share)

    def money(self, least: float, most: float, step: float = 0.01) -> float:
        """Draw an amount in major units, evenly on a log scale, in whole steps."""
        drawn = float(np.exp(self.rng.uniform(np.log(least), np.log(most))))
        return float(round(max(np.floor(drawn / step), np.ceil(least / step)) * step, 2))

    def shares(self, total: float, parts: int, evenness: float = 12.0) -> list[float]:
        """Split an amount unevenly; the parts are whole units."""
        cut = self.rng.dirichlet(np.full(parts, evenness)) * total
        return [float(max(round(part), 1)) for part in cut]

    def pay(
        self,
        payer: Party,
        payee: Party | None,
        amount: float,
        channel: str = "transfer",
        also: Mapping[str, Any] | None = None,
    ) -> Event:
        """Pay now.

        Parameters
        ----------
        payer, payee
            Who; None where nobody is paid, as with cash.
        amount
            In major units of CNY, unless `also` says otherwise.
        channel
            As in the column.
        also
            Columns that differ from what such a payment usually has; None leaves one out.
        """
        event = self._head("payment", _name_payer(payer))
        if payee:
            event |= _name_payee(payee)
        event |= {"amount": amount, "currency": "CNY", "channel": channel, "status": "approved"}
        event["direction"] = "in" if payer.kind == "corporate" else "out"
        event["cross_border"] = payee is not None and payer.country != payee.country
        if channel in _CARDED:
            event |= {"card": payer.card, "bin": payer.bin}
        if channel in _REMOTE and payer.device:
            event |= {"device": payer.device, "ip": payer.ip, "ip_country": payer.ip_country}
            event["ip_proxy"] = False
        if channel == "atm":
            event |= {"cash": True, "device": f"atm-{self.rng.integers(0, 100):04d}"}
        if channel in _AT_TERMINAL or (channel in _REMOTE and payer.device):
            accuracy_m = TERMINAL_M if channel in _AT_TERMINAL else ADDRESS_M
            event |= {"lat": payer.spot[0], "lon": payer.spot[1], "accuracy_m": accuracy_m}
        event["balance_before"] = round(max(payer.balance, 1.6 * amount))
        return self._done(event, also)

    def cash(
        self, party: Party, amount: float, direction: str, also: Mapping[str, Any] | None = None
    ) -> Event:
        """Bring cash to a branch, or take it out there."""
        event = self._head("payment", _name_payer(party))
        event |= {"amount": amount, "currency": "CNY", "channel": "branch", "status": "approved"}
        event |= {"direction": direction, "cross_border": False, "cash": True}
        event["balance_before"] = round(max(party.balance, 1.6 * amount))
        return self._done(event, also)

    def undo(self, paid: Event, also: Mapping[str, Any] | None = None) -> Event:
        """Give back now what was paid then."""
        event = {**paid, "event_id": self._id(), "event_time": self.now, "status": "reversed"}
        event["reverses"] = paid["event_id"]
        return self._done(event, also)

    def complain(self, about: Event, topic: str) -> Event:
        """Let the customer of a payment complain about it now."""
        named = {"customer": about["customer"], "topic": topic, "about": about["event_id"]}
        return self._done(self._head("complaint", named), {"merchant": about.get("merchant")})

    def order(self, who: Party, shop: Party, action: str, number: int) -> Event:
        """Place or cancel an order at a shop now."""
        named = {"account": who.account, "symbol": f"sku-{number:04d}", "side": "buy"}
        placed = {"action": action, "order_id": f"{self.name}-{number}", "quantity": 1}
        event = self._head("order", {**named, **placed, "customer": who.customer})
        return self._done(event, {"merchant": shop.merchant, "device": who.device, "ip": who.ip})

    def login(
        self, who: Party, outcome: str = "success", also: Mapping[str, Any] | None = None
    ) -> Event:
        """Log in now, or fail to."""
        event = self._head("login", {"customer": who.customer, "outcome": outcome})
        event |= {"device": who.device, "ip": who.ip, "ip_country": who.ip_country}
        return self._done(event, also)

    def change(self, who: Party, what: str, also: Mapping[str, Any] | None = None) -> Event:
        """Change a field of the profile now."""
        event = self._head("profile", {"customer": who.customer, "field": what})
        event |= {"device": who.device, "ip": who.ip, "ip_country": who.ip_country}
        return self._done(event, also)

    def remember(self, days: float, payer: Party, payee: Party, amount: float) -> None:
        """Let a payment have happened so many days before now, before the world began."""
        now, self.now = self.now, self.now - round(days * DAY_MS)
        self.past.append(self.pay(payer, payee, amount))
        self.events.pop()
        self.now = now

    def intruder(self) -> dict[str, Any]:
        """Give the columns of a stranger's device and address."""
        country = str(self.rng.choice(["RU", "NL", "VN", "US", "NG", "CN"]))
        parties = self.parties
        return {
            "device": parties.device(), "ip": parties.address(), "ip_country": country,
            "lat": None, "lon": None, "accuracy_m": None,
        }  # fmt: skip

    def _id(self) -> str:
        return f"{self.name}-{len(self.events) + len(self.past):04d}"

    def _head(self, kind: str, who: Mapping[str, Any]) -> Event:
        return {"event_id": self._id(), "event_time": self.now, "kind": kind, **who}

    def _done(self, event: Event, also: Mapping[str, Any] | None) -> Event:
        whole = {**event, **(also or {})}
        kept = {name: value for name, value in whole.items() if value is not None}
        self.events.append(kept)
        return kept


def _name_payer(party: Party) -> Event:
    named = {
        "account": party.account, "customer": party.customer, "customer_kind": party.kind,
        "country": party.country, "account_opened": party.opened_ms,
    }  # fmt: skip
    if party.born_ms is None:
        return named
    return {**named, "birth_date": party.born_ms, "segment": party.segment}


def _name_payee(party: Party) -> Event:
    named = {
        "counterparty": party.account, "counterparty_customer": party.customer,
        "counterparty_kind": party.kind, "counterparty_country": party.country,
    }  # fmt: skip
    return {**named, "merchant": party.merchant, "mcc": party.mcc} if party.merchant else named


def afternoon(day_ms: int, rng: np.random.Generator) -> int:
    """Choose a waking hour of a local day to begin at, epoch ms."""
    return day_ms + int(rng.integers(8 * HOUR_MS, 19 * HOUR_MS)) + int(rng.integers(0, MINUTE_MS))


def midnight(start_ms: int, day: int) -> int:
    """Give the local midnight that opens a day of the world, epoch ms.

    >>> midnight(1_767_542_400_000, 1) - 1_767_542_400_000 == DAY_MS
    True
    """
    first = -(-(start_ms + SHANGHAI_OFFSET_MS) // DAY_MS) * DAY_MS - SHANGHAI_OFFSET_MS
    return first + day * DAY_MS
