"""Columns to NDJSON: lines are glued from pieces that were written once per party.

An account's part of a line never changes, so it is looked up rather than formatted again; only
ids, times and amounts are new text. All names are plain ASCII without quotes, so nothing needs
escaping.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from models.simulator.population import DEVICES_EACH, MCCS, Population
from models.simulator.tables import (
    CHANNELS,
    COUNTRIES,
    CURRENCIES,
    DECLINE_CODES,
    JPY,
    PROFILE_FIELDS,
    Ints,
    Table,
)

ID_DIGITS: Final = 7
"""Ids are padded so that their text order is their number order, which breaks ties in time."""

PREFIXES: Final = {"profile": "c", "login": "l", "payment": "p", "trade": "t"}
"""Kind → first letter of its event ids, in text order."""

_CENTS: Final = pl.Series([f".{cents:02d}" for cents in range(100)] + [""])
_STATUS: Final = pl.Series(
    ['","status":"approved"']
    + [f'","status":"declined","decline_code":"{code}"' for code in DECLINE_CODES]
)
_CURRENCY: Final = pl.Series([f',"currency":"{code}","channel":"' for code in CURRENCIES])
_DIRECTION: Final = pl.Series([',"direction":"out"', ',"direction":"in"'])
_CROSS_BORDER: Final = pl.Series([',"cross_border":false', ',"cross_border":true'])
_SIDE: Final = pl.Series([',"side":"buy","venue":"XSIM"}\n', ',"side":"sell","venue":"XSIM"}\n'])
_OUTCOME: Final = pl.Series(['","outcome":"success"', '","outcome":"fail"'])
_FIELD: Final = pl.Series([f'","field":"{field}"' for field in PROFILE_FIELDS])
_CHANNEL: Final = pl.Series(CHANNELS)


def _pick(pieces: pl.Series, codes: Ints) -> pl.Series:
    """Look pieces up; code -1 is the last piece."""
    return pieces.gather(np.where(codes < 0, len(pieces) - 1, codes))


def _glue(pieces: Iterable[pl.Series | str]) -> pl.Series:
    """Join pieces row by row."""
    columns = [pl.lit(piece) if isinstance(piece, str) else piece for piece in pieces]
    return pl.select(pl.concat_str(columns)).to_series()


def _money(cents: Ints, currency: Ints) -> list[pl.Series]:
    major, minor = np.divmod(cents, 100)
    part = np.where(currency == JPY, 100, minor)
    return [pl.Series(major).cast(pl.String), _CENTS.gather(part)]


def _ip(first_octet: int, number: int) -> str:
    return f"{first_octet}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def event_ids(kind: str, day: int, places: Ints) -> pl.Series:
    """Name events by their places among the day's events of their kind.

    >>> event_ids("payment", 3, np.array([41, 42])).to_list()
    ['p-3-0000041', 'p-3-0000042']
    """
    return _glue(
        [f"{PREFIXES[kind]}-{day}-", pl.Series(places).cast(pl.String).str.zfill(ID_DIGITS)]
    )


def past_ids(count: int) -> pl.Series:
    """Name events from before the world began, in order.

    >>> past_ids(2).to_list()
    ['b-0000000', 'b-0000001']
    """
    return _glue(["b-", pl.Series(range(count)).cast(pl.String).str.zfill(ID_DIGITS)])


@dataclass(frozen=True, slots=True)
class Encoder:
    """Writes one world's events; `build_encoder` makes it.

    Attributes
    ----------
    people
        The population whose names it knows.
    payers, payees, customers, symbols
        Each party's, person's or instrument's part of a line, by number.
    cards, devices, ips
        Parts by code; the last one is empty and stands for absence.
    """

    people: Population
    payers: pl.Series
    payees: pl.Series
    customers: pl.Series
    symbols: pl.Series
    cards: pl.Series
    devices: pl.Series
    ips: pl.Series

    def meeting(self, devices: list[str], ips: list[tuple[str, str]]) -> "Encoder":
        """Give a copy that also knows a day's strangers, whose codes follow the population's."""
        strangers = pl.Series([f',"device":"{name}"' for name in devices] + [""])
        known_devices, known_ips = self.devices[:-1], self.ips[:-1]
        return replace(
            self,
            devices=pl.concat([known_devices, strangers], rechunk=True),
            ips=pl.concat([known_ips, _ip_pieces(ips)], rechunk=True),
        )

    def encode(
        self, kind: str, rows: Table, times: Ints, ids: pl.Series, details: pl.Series | None = None
    ) -> pl.Series:
        """Write one line per event, each ending in a newline.

        Parameters
        ----------
        kind
            payment, login, profile or trade.
        rows
            The events' columns.
        times
            Their times, epoch ms.
        ids
            Their event ids.
        details
            Further parts of payments' lines; None for none.
        """
        head: list[pl.Series | str] = ['{"event_id":"', ids, '","event_time":']
        head += [pl.Series(times).cast(pl.String), f',"kind":"{kind}"']
        tail = {
            "payment": self._payment,
            "login": self._login,
            "profile": self._profile,
            "trade": self._trade,
        }[kind](rows)
        further = [] if details is None else [details]
        return _glue([*head, *tail[:-1], *further, tail[-1]])

    def _payment(self, rows: Table) -> list[pl.Series | str]:
        people = self.people
        payer, payee = rows["payer"], rows["payee"]
        abroad = people.country[payer] != people.country[payee]
        abroad &= payee != people.cash_machine
        return [
            self.payers.gather(payer),
            self.payees.gather(payee),
            ',"amount":',
            *_money(rows["cents"], rows["currency"]),
            _CURRENCY.gather(rows["currency"]),
            _CHANNEL.gather(rows["channel"]),
            _STATUS.gather(rows["status"]),
            _DIRECTION.gather((payer >= people.persons).astype(np.int64)),
            _CROSS_BORDER.gather(abroad.astype(np.int64)),
            _pick(self.cards, rows["card"]),
            _pick(self.devices, rows["device"]),
            _pick(self.ips, rows["ip"]),
            "}\n",
        ]

    def _login(self, rows: Table) -> list[pl.Series | str]:
        return [
            self.customers.gather(rows["customer"]),
            _OUTCOME.gather(rows["failed"]),
            _pick(self.devices, rows["device"]),
            _pick(self.ips, rows["ip"]),
            "}\n",
        ]

    def _profile(self, rows: Table) -> list[pl.Series | str]:
        return [
            self.customers.gather(rows["customer"]),
            _FIELD.gather(rows["field"]),
            _pick(self.devices, rows["device"]),
            _pick(self.ips, rows["ip"]),
            "}\n",
        ]

    def _trade(self, rows: Table) -> list[pl.Series | str]:
        return [
            self.symbols.gather(rows["symbol"]),
            *_money(rows["cents"], np.zeros_like(rows["cents"])),
            ',"quantity":',
            pl.Series(rows["quantity"]).cast(pl.String),
            _SIDE.gather(rows["sell"]),
        ]


def _ip_pieces(ips: list[tuple[str, str]]) -> pl.Series:
    pieces = [f',"ip":"{ip}","ip_country":"{country}"' for ip, country in ips]
    return pl.Series([*pieces, ""])


def _party_pieces(people: Population) -> tuple[pl.Series, pl.Series]:
    """Write every party's part of a line, as payer and as payee."""
    kinds = [("natural", "", i) for i in range(people.persons)]
    kinds += [("corporate", "m", i) for i in range(people.merchants)]
    kinds += [("corporate", "e", i) for i in range(people.employers)]
    payers, payees = [], []
    for party, (kind, letter, number) in enumerate(kinds):
        name = f"{letter}{number:0{6 - len(letter)}d}"
        country = COUNTRIES[int(people.country[party])]
        payers.append(
            f',"account":"acct-{name}","customer":"cust-{name}"'
            f',"customer_kind":"{kind}","country":"{country}"'
        )
        payees.append(
            f',"counterparty":"acct-{name}","counterparty_customer":"cust-{name}"'
            f',"counterparty_kind":"{kind}","counterparty_country":"{country}"'
        )
        if letter == "m":
            mcc = MCCS[int(people.mcc[number])]
            payees[-1] += f',"merchant":"shop-{name}","mcc":"{mcc}"'
    return pl.Series(payers), pl.Series([*payees, ',"cash":true'])


def build_encoder(people: Population, instruments: int) -> Encoder:
    """Write every piece that a line can be glued from."""
    person = range(people.persons)
    payers, payees = _party_pieces(people)
    devices = [f',"device":"dev-{i:06d}-{slot}"' for i in person for slot in range(DEVICES_EACH)]
    # Network codes come in the order that `habits.surroundings` gives them.
    homes = [(_ip(36, i), COUNTRIES[int(people.country[i])]) for i in person]
    offices = [(_ip(58, i), "CN") for i in range(people.offices)]
    carriers = [(_ip(117, i), "CN") for i in range(people.mobile_networks)]
    return Encoder(
        people=people,
        payers=payers,
        payees=payees,
        customers=pl.Series([f',"customer":"cust-{i:06d}' for i in person]),
        symbols=pl.Series([f',"symbol":"SIM{i:02d}","price":' for i in range(instruments)]),
        cards=pl.Series(
            [f',"card":"card-{i:06d}","bin":"{621700 + i % 40}"' for i in person] + [""]
        ),
        devices=pl.Series([*devices, ""]),
        ips=_ip_pieces([*homes, *offices, *carriers]),
    )
