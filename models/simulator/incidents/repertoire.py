"""Every script of the catalogue, and every ordinary look-alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from models.simulator.incidents import (
    cash,
    holders,
    lookalikes,
    networks,
    new_habits,
    reportable,
    shops,
    stolen_cards,
    takeover,
)
from models.simulator.incidents.cast import Cast


@dataclass(frozen=True, slots=True)
class Script:
    """One way in which a typology shows.

    Attributes
    ----------
    typology
        The catalogue's rule that should catch it.
    days
        Local days that it touches at most, ≥ 1.
    play
        Plays one and names the subject that should be flagged, "domain/value".
    after
        Days of ordinary life that must have been before it, or nobody could know what is usual.
    """

    typology: str
    days: int
    play: Callable[[Cast], str]
    after: int = 0


@dataclass(frozen=True, slots=True)
class Lookalike:
    """Ordinary life that resembles an incident.

    Attributes
    ----------
    weight
        Its share among all look-alikes.
    days
        Local days that it touches at most, ≥ 1.
    play
        Plays one.
    """

    weight: float
    days: int
    play: Callable[[Cast], None]


SCRIPTS: Final = (
    Script("F03", 1, stolen_cards.guest_declines),
    Script("F04", 1, stolen_cards.address_testing),
    Script("F04", 1, stolen_cards.shop_testing),
    Script("F06", 2, stolen_cards.stubborn_retries),
    Script("F06", 24, stolen_cards.monthly_retries),
    Script("F07", 1, stolen_cards.burst_without_card),
    Script("F08", 1, stolen_cards.shopping_spree),
    Script("F09", 6, stolen_cards.one_shop),
    Script("F10", 1, takeover.impossible_travel),
    Script("F10", 1, takeover.two_places_online),
    Script("F11", 1, takeover.unfamiliar_place, after=5),
    Script("F12", 1, takeover.country_mismatch),
    Script("F13", 1, takeover.new_device_spends, after=5),
    Script("F14", 1, takeover.device_ring),
    Script("F15", 1, takeover.password_spraying),
    Script("F16", 1, takeover.guessed_password),
    Script("F16", 1, takeover.changed_phone),
    Script("F17", 1, takeover.large_new_payee, after=7),
    Script("F18", 2, takeover.drained),
    Script("F19", 1, new_habits.beyond_habit, after=7),
    Script("F20", 1, new_habits.at_night, after=7),
    Script("F21", 1, stolen_cards.cash_machine_run),
    Script("F21", 1, stolen_cards.cash_machine_many_cards),
    Script("F21", 1, stolen_cards.deposit_then_cash),
    Script("F22", 1, takeover.jump_then_cash),
    Script("F23", 1, holders.deposit_to_crypto),
    Script("F24", 21, shops.refund_abuse),
    Script("F24", 18, shops.charged_back_shop),
    Script("F25", 1, shops.merchant_rush),
    Script("F25", 22, shops.merchant_bust_out),
    Script("F26", 2, stolen_cards.same_amounts_out),
    Script("F26", 1, stolen_cards.same_amounts_in),
    Script("F27", 1, stolen_cards.rapid_repeat),
    Script("F28", 26, shops.scheme_programme),
    Script("F28", 27, shops.enumerated_shop),
    Script("F29", 30, stolen_cards.invented_amounts),
    Script("F30", 1, stolen_cards.unpaid_orders),
    Script("F30", 1, stolen_cards.cancelled_orders),
    Script("F31", 1, takeover.scam, after=10),
    Script("F31", 1, takeover.remote_control_scam, after=10),
    Script("A01", 1, cash.close_deposits),
    Script("A01", 1, cash.close_transfers),
    Script("A01", 1, cash.quick_deposits),
    Script("A01", 7, cash.carded_in_parts),
    Script("A02", 1, cash.cash_in_parts),
    Script("A03", 1, networks.small_payers),
    Script("A07", 1, networks.new_mule),
    Script("A08", 1, holders.dormant_wakes),
    Script("A09", 28, cash.round_amounts),
    Script("A09", 20, cash.tens_of_thousands),
    Script("A10", 4, networks.chain),
    Script("A11", 7, networks.cycle),
    Script("A12", 3, networks.scatter_gather),
    Script("A13", 3, networks.gather_scatter),
    Script("A14", 3, networks.bipartite),
    Script("A15", 4, networks.upstream),
    Script("A16", 27, cash.long_avoidance),
    Script("A16", 27, cash.long_avoidance_in),
    Script("A17", 7, cash.risky_country),
    Script("A17", 7, cash.risky_country_in),
    Script("A18", 1, new_habits.sudden_volume, after=17),
    Script("A19", 8, new_habits.above_peers, after=7),
    Script("A20", 22, new_habits.above_own_history),
    Script("A21", 1, cash.same_parties_same_day),
    Script("A21", 5, cash.same_parties_each_day),
    Script("A22", 14, networks.dispersed_in),
    Script("A22", 14, networks.concentrated_in),
    Script("A23", 13, networks.company_to_persons),
    Script("A24", 23, holders.churned_accounts),
    Script("A25", 2, cash.large_wire),
    Script("A26", 2, holders.many_accounts),
    Script("A27", 2, holders.minor_moves_money),
    Script("A28", 2, holders.many_exchanges),
    Script("A29", 2, holders.crypto_then_idle),
    Script("A30", 7, cash.small_deposits_abroad),
    Script("R-CN-1", 1, reportable.china_cash),
    Script("R-CN-2", 1, reportable.china_company),
    Script("R-CN-3", 1, reportable.china_person),
    Script("R-CN-4", 1, reportable.china_abroad),
    Script("R-CN-5", 1, reportable.china_wallet),
    Script("R-US-1", 1, reportable.dollar_cash),
    Script("R-FATF-1", 1, reportable.occasional),
    Script("R-FATF-2", 2, reportable.incomplete_wire),
    Script("R-AU-1", 1, reportable.australia_cash),
)

LOOKALIKES: Final = (
    Lookalike(5.0, 12, lookalikes.refund),
    Lookalike(0.7, 11, lookalikes.dispute),
    Lookalike(1.5, 1, lookalikes.online_order),
    Lookalike(0.4, 2, lookalikes.gifts),
    Lookalike(3.0, 1, lookalikes.shared_bill),
    Lookalike(1.0, 2, lookalikes.red_envelopes),
    Lookalike(0.4, 1, lookalikes.down_payment),
    Lookalike(1.0, 5, lookalikes.takings),
    Lookalike(1.5, 1, lookalikes.two_withdrawals),
    Lookalike(1.5, 1, lookalikes.new_telephone),
    Lookalike(1.0, 1, lookalikes.forgotten_password),
    Lookalike(1.0, 2, lookalikes.passed_on),
    Lookalike(0.5, 1, lookalikes.coin_then_purchase),
    Lookalike(0.3, 1, lookalikes.back_from_abroad),
    Lookalike(1.0, 1, lookalikes.crypto_saver),
    Lookalike(0.2, 1, lookalikes.tuition),
    Lookalike(0.1, 1, lookalikes.flash_sale),
    Lookalike(1.5, 1, lookalikes.christmas_shopping),
    Lookalike(0.4, 1, lookalikes.household_payroll),
    Lookalike(0.5, 3, lookalikes.freelancer),
)
