"""What an incident of each fraud typology shows.

Each promise takes the events of one incident in order of time and tells whether they keep it.
Several scripts of a typology are several ways to keep it.
"""

from collections import Counter

import numpy as np

from tests.models.simulator.reading import (
    DAY,
    HOUR,
    MINUTE,
    base,
    declined,
    distinct,
    first_digits,
    jumps,
    local_hour,
    most,
    order,
    paid,
    peak,
    reversals,
    within,
    years,
)

FRAUD = {
    "F03": lambda ev: (
        declined(ev) >= 10 and within(ev, HOUR) and all("customer" not in e for e in ev)
    ),
    "F04": lambda ev: (
        distinct(ev, "card") > 10 and within(ev, HOUR) and declined(ev) / len(ev) > 0.4
    ),
    "F06": lambda ev: (
        declined(ev) == len(ev)
        and distinct(ev, "merchant") == 1
        and (peak(ev, DAY) >= 10 or (len(ev) >= 15 and within(ev, 30 * DAY)))
    ),
    "F07": lambda ev: (
        len(ev) >= 8 and within(ev, 5 * MINUTE) and {e["channel"] for e in ev} == {"cnp"}
    ),
    "F08": lambda ev: (
        distinct(ev, "merchant") >= 5 and within(ev, HOUR) and distinct(ev, "card") == 1
    ),
    "F09": lambda ev: len(ev) >= 5 and within(ev, 7 * DAY) and distinct(ev, "merchant") == 1,
    "F10": lambda ev: jumps(ev) >= 1,
    "F11": lambda ev: len(ev) >= 3 and distinct(ev, "card") == 1 and all("lat" in e for e in ev),
    "F12": lambda ev: all(
        e["ip_country"] not in {e["country"], e["counterparty_country"]} for e in ev
    ),
    "F13": lambda ev: (
        order(ev, "success", "payment")
        and max(base(ev)) > 3_500
        and all(not e["device"].startswith("dev-0") for e in ev)
    ),
    "F14": lambda ev: (
        distinct(ev, "customer") >= 3 and distinct(ev, "device") == 1 and within(ev, DAY)
    ),
    "F15": lambda ev: (
        distinct(ev, "ip") == 1
        and distinct(ev, "customer") >= 5
        and within(ev, 10 * MINUTE)
        and {e["outcome"] for e in ev} == {"fail"}
    ),
    "F16": lambda ev: (
        (
            order(ev, "fail", "fail", "fail", "success", "payment")
            or order(ev, "profile", "success", "payment")
        )
        and within(ev, DAY)
        and max(base(ev)) >= 3_500
    ),
    "F17": lambda ev: len(paid(ev)) == 1 and base(ev)[0] >= 20_000,
    "F18": lambda ev: (
        order(ev, "profile", "payment")
        and within(ev, DAY)
        and sum(base(ev)) >= 0.8 * paid(ev)[0]["balance_before"]
    ),
    "F19": lambda ev: base(ev)[0] >= 30_000,
    "F20": lambda ev: all(local_hour(e) < 6 for e in ev) and min(base(ev)) >= 2_000,
    "F21": lambda ev: (
        all(e["cash"] for e in ev if e["channel"] == "atm")
        and (
            (peak(ev, 15 * MINUTE) >= 3 and sum(base(ev)) >= 10_000 and distinct(ev, "card") == 1)
            or (most(ev, "device") >= 10 and within(ev, 15 * MINUTE))
            or (ev[0]["counterparty"] == ev[1]["account"] and len(ev) >= 3 and within(ev, 4 * HOUR))
        )
    ),
    "F22": lambda ev: (
        jumps(ev) >= 1
        and ev[-1]["channel"] == "atm"
        and ev[-1]["amount"] >= 1_000
        and ev[-1]["event_time"] - ev[-2]["event_time"] < 15 * MINUTE
    ),
    "F23": lambda ev: (
        ev[0]["amount"] >= 5_000
        and ev[0]["counterparty"] == ev[1]["account"]
        and ev[1]["channel"] == "crypto"
        and within(ev, 10 * MINUTE)
    ),
    "F24": lambda ev: (
        (reversals(ev) >= 14 or reversals(ev) >= 0.33 * len(ev)) and within(ev, 21 * DAY)
    ),
    "F25": lambda ev: (
        distinct(ev, "merchant") == 1
        and (
            peak(ev, MINUTE) >= 100 or peak(ev, 3 * DAY) > 2 * 3 * (len(ev) - peak(ev, 3 * DAY)) / 7
        )
    ),
    "F26": lambda ev: max(base(ev)) <= 1.1 * min(base(ev)) and len(ev) >= 4,
    "F27": lambda ev: max(np.diff([e["event_time"] for e in ev])) < 5 * MINUTE,
    "F28": lambda ev: (
        distinct(ev, "merchant") == 1
        and within(ev, 30 * DAY)
        and (
            reversals(ev) == sum(e["kind"] == "complaint" for e in ev) >= 100
            or declined(ev) >= max(300, 0.2 * len(ev))
        )
    ),
    "F29": lambda ev: (
        len(ev) >= 50 and first_digits(ev) <= set("56789") and distinct(ev, "account") == 1
    ),
    "F30": lambda ev: (
        within(ev, HOUR)
        and (
            (len(ev) - reversals(ev) > 5 and reversals(ev) > 3)
            or Counter(e["action"] for e in ev)["new"] > 5
        )
    ),
    "F31": lambda ev: (
        len(paid(ev)) >= 2
        and distinct(ev, "counterparty") == 1
        and within(ev, DAY)
        and (
            years(ev[0]) >= 65
            if ev[0]["kind"] == "payment"
            else order(ev, "fail", "success", "payment")
        )
    ),
}
