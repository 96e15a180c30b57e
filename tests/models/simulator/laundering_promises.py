"""What incidents of laundering, and reportable days, show.

Each promise takes the events of one incident in order of time and tells whether they keep it.
Several scripts of a typology are several ways to keep it.
"""

import numpy as np

from tests.models.simulator.reading import (
    CASH_THRESHOLD,
    DAY,
    HOUR,
    base,
    both_ends,
    chained,
    close,
    day_sum,
    distinct,
    local_day,
    most,
    partners,
    passed_on,
    shrinking,
    to_crypto,
    within,
    years,
)

LAUNDERING = {
    "A01": lambda ev: (
        (close(base(ev)) >= 3 and within(ev, DAY))
        or (close(base(ev), 0.9, 1.0) >= 2 and within(ev, HOUR))
        or (
            all(3_500 <= amount < 7_000 for amount in base(ev))
            and distinct(ev, "merchant") == 1
            and len(ev) >= 5
            and within(ev, 7 * DAY)
        )
    ),
    "A02": lambda ev: (
        max(base(ev)) < CASH_THRESHOLD
        and len(ev) >= 2
        and all(e["cash"] for e in ev)
        and distinct(ev, "direction") == 1
        and day_sum(ev, CASH_THRESHOLD)
    ),
    "A03": lambda ev: (
        distinct(ev, "account") >= 5
        and max(base(ev)) < CASH_THRESHOLD
        and sum(base(ev)) >= CASH_THRESHOLD
        and within(ev, DAY)
        and distinct(ev, "counterparty") == 1
    ),
    "A07": lambda ev: (
        passed_on(ev) != [] and ev[-1]["event_time"] - ev[-1]["account_opened"] < 30 * DAY
    ),
    "A08": lambda ev: (
        max(base(ev)) >= 1_000
        and distinct(ev, "account") == 1
        and within(ev, DAY)
        and ev[0]["event_time"] - ev[0]["account_opened"] > 1_000 * DAY
    ),
    "A09": lambda ev: (
        (len(ev) >= 10 and sum(a % 1_000 == 0 for a in base(ev)) >= 0.5 * len(ev))
        or (len(ev) >= 3 and all(a % 10_000 == 0 for a in base(ev)))
    ),
    "A10": lambda ev: (
        len(ev) >= 4
        and chained(ev)
        and shrinking(ev)
        and distinct(ev, "account") == len(ev)
        and max(np.diff([e["event_time"] for e in ev])) <= 24 * HOUR
    ),
    "A11": lambda ev: (
        3 <= len(ev) <= 6 and chained([*ev, ev[0]]) and shrinking(ev) and within(ev, 7 * DAY)
    ),
    "A12": lambda ev: (
        most(ev, "account") >= 5
        and most(ev, "counterparty") >= 5
        and within(ev, 3 * DAY)
        and len(passed_on(ev, 0.9, 1.0)) >= 5
    ),
    "A13": lambda ev: both_ends(ev, 7, 7) and passed_on(ev) != [] and within(ev, 3 * DAY),
    "A14": lambda ev: (
        distinct(ev, "account") >= 3
        and distinct(ev, "counterparty") >= 3
        and len(ev) == distinct(ev, "account") * distinct(ev, "counterparty")
        and within(ev, 3 * DAY)
    ),
    "A15": lambda ev: (
        sum(len(a) >= 1 and len(b) == 1 for a, b in partners(ev).values()) >= 4
        and both_ends(ev, 3, 1)
        and within(ev, 2 * DAY)
    ),
    "A16": lambda ev: (
        within(ev, 30 * DAY)
        and (
            close(base(ev), 0.9, 1.0) >= max(5, len(ev) / 2)
            or (most(ev, "counterparty_customer") >= 20 and max(base(ev)) < CASH_THRESHOLD)
        )
    ),
    "A17": lambda ev: (
        all({"KP", "IR", "MM"} & {e["country"], e["counterparty_country"]} for e in ev)
        and sum(base(ev)) >= 1_000
    ),
    "A18": lambda ev: (
        len(ev) >= 30 and distinct(ev, "account") == 1 and len({local_day(e) for e in ev}) == 1
    ),
    "A19": lambda ev: (
        sum(base(ev)) >= 120_000 - 20 and within(ev, 8 * DAY) and distinct(ev, "customer") == 1
    ),
    "A20": lambda ev: (
        distinct(ev, "counterparty") == 1
        and len(ev) > 5
        and sum(base(ev)[3:]) > 3_000
        and max(base(ev)[:3]) <= 600
    ),
    "A21": lambda ev: (
        close(base(ev), threshold=500_000) == len(ev) >= 3
        and distinct(ev, "counterparty") == 1
        and len({local_day(e) for e in ev}) in {1, len(ev)}
    ),
    "A22": lambda ev: (
        (both_ends(ev, 10, 1) or both_ends(ev, 1, 10))
        and passed_on(ev) != []
        and within(ev, 14 * DAY)
    ),
    "A23": lambda ev: (
        distinct(ev, "counterparty") >= 10
        and {e["customer_kind"] for e in ev} == {"corporate"}
        and all("purpose" in e for e in ev)
        and within(ev, 14 * DAY)
    ),
    "A24": lambda ev: len(passed_on(ev)) >= 3 and sum(base(ev)) >= CASH_THRESHOLD,
    "A25": lambda ev: all(e["cross_border"] for e in ev) and min(base(ev)) > 50_000 * 7.12,
    "A26": lambda ev: distinct(ev, "account") >= 2 and distinct(ev, "customer") == 1,
    "A27": lambda ev: any(13 < years(e) < 18 and e["amount"] >= 1_000 for e in ev),
    "A28": lambda ev: (
        distinct(to_crypto(ev), "counterparty") >= 3
        and passed_on(ev, 0.9) != []
        and within(ev, DAY)
    ),
    "A29": lambda ev: (
        len(to_crypto(ev)) == len(ev) >= 3 and within(ev, DAY) and min(base(ev)) >= 20_000
    ),
    "A30": lambda ev: (
        len(ev) >= 6
        and max(base(ev)[:-1]) < 20_000
        and within(ev, 7 * DAY)
        and ev[-1]["cross_border"]
        and ev[-1]["amount"] >= 0.7 * sum(base(ev)[:-1])
    ),
    "R-CN-1": lambda ev: (
        all(e["cash"] for e in ev) and day_sum(ev, 50_000) and distinct(ev, "direction") == 1
    ),
    "R-CN-2": lambda ev: (
        day_sum(ev, 2_000_000) and {e["customer_kind"] for e in ev} == {"corporate"}
    ),
    "R-CN-3": lambda ev: day_sum(ev, 500_000, "out") and not any(e["cross_border"] for e in ev),
    "R-CN-4": lambda ev: day_sum(ev, 200_000, "out") and all(e["cross_border"] for e in ev),
    "R-CN-5": lambda ev: day_sum(ev, 500_000, "out") and {e["channel"] for e in ev} == {"wallet"},
    "R-US-1": lambda ev: all(e["cash"] for e in ev) and day_sum(ev, 10_000.01 * 7.12, "in"),
    "R-FATF-1": lambda ev: base(ev)[0] >= 15_000 * 7.12 and "customer" not in ev[0],
    "R-FATF-2": lambda ev: (
        min(base(ev)) >= 1_000 * 7.12
        and all(e["cross_border"] and "counterparty_customer" not in e for e in ev)
    ),
    "R-AU-1": lambda ev: ev[0]["currency"] == "AUD" and ev[0]["amount"] >= 10_000 and ev[0]["cash"],
}
