"""Canonical events: which columns exist, what they hold, and which kind requires which.

One event is one flat JSON object. These names are the contract between producers, packs,
tests and benchmarks; a pack may add columns, it never renames these.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

NULL_INT: Final = np.iinfo(np.int64).min
"""The int64 that means NULL in time and money columns; text uses hash 0, numbers NaN."""

NULL_NUMBER: Final = 0x7FF8_0000_0000_0000
"""The bits of that NaN."""

MONEY_DECIMALS: Final = 4
"""Money is int64 in units of 10⁻⁴ of the major unit: no ISO 4217 currency has more decimals."""

MONEY_SCALE: Final = 10**MONEY_DECIMALS

FUTURE_TOLERANCE_MS: Final = 5 * 60_000
"""An event this far ahead of its arrival is a dead letter and never moves a watermark."""


class ColumnType(StrEnum):
    """How a column is parsed and stored."""

    TEXT = "text"
    TIME = "time"
    MONEY = "money"
    NUMBER = "number"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column.

    Attributes
    ----------
    name
        The key in the JSON object.
    type
        text, time (epoch ms), money (10⁻⁴ major units), number (float64) or flag (true, false).
    domain
        Columns of one domain name the same entities: an account that pays and an account that
        is paid are one account.
    """

    name: str
    type: ColumnType
    domain: str


DOMAINS: Final = {
    "counterparty": "account",
    "counterparty_customer": "customer",
    "counterparty_owner": "owner",
}

_TEXT = """
    event_id kind tenant account counterparty currency status decline_code reverses direction
    channel purpose customer customer_kind counterparty_customer counterparty_kind country
    counterparty_country card bin merchant mcc partner device ip ip_country exempt_code outcome
    field owner symbol side action order_id venue counterparty_owner counterparty_order_id phase
    series reference beneficiary owner_class operator approver loan event topic about operation
    target of source
"""
_TIME = "event_time account_opened birth_date value_date due_date"
_MONEY = "amount amount_base balance_before limit income debt"
_NUMBER = """
    lat lon accuracy_m price quantity bid ask bid_quantity ask_quantity value score
"""
_FLAG = "cash cross_border ip_proxy is_fraud"

COLUMNS: Final[dict[str, Column]] = {
    name: Column(name, kind, DOMAINS.get(name, name))
    for names, kind in (
        (_TEXT, ColumnType.TEXT),
        (_TIME, ColumnType.TIME),
        (_MONEY, ColumnType.MONEY),
        (_NUMBER, ColumnType.NUMBER),
        (_FLAG, ColumnType.FLAG),
    )
    for name in names.split()
}

REQUIRED_ALWAYS: Final = ("event_id", "event_time", "kind")

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "payment": ("account", "amount", "currency"),
    "login": ("customer", "outcome"),
    "profile": ("customer", "field"),
    "order": ("account", "symbol", "side", "action", "order_id", "quantity"),
    "trade": ("symbol", "price", "quantity"),
    "quote": ("symbol",),
    "measure": ("series", "value"),
    "ledger": ("account", "reference", "direction", "amount", "currency"),
    "bank": ("account", "reference", "direction", "amount", "currency"),
    "loan": ("loan", "customer", "event"),
    "complaint": ("customer", "topic"),
    "operator": ("operator", "operation", "outcome"),
    "label": ("of", "is_fraud"),
    "tick": (),
}
"""Event kind → the columns it cannot do without, besides `REQUIRED_ALWAYS`."""

KINDS: Final = tuple(REQUIRED)
