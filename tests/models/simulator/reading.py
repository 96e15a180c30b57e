"""How to read what an incident shows naively from its own events, in order of time."""

from collections import Counter, defaultdict
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt

import numpy as np

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
CNY = {"CNY": 1.0, "USD": 7.12, "AUD": 4.66}
CASH_THRESHOLD = 50_000


def paid(events):
    return [e for e in events if e["kind"] == "payment"]


def base(events):
    return [e["amount"] * CNY[e["currency"]] for e in paid(events)]


def within(events, width):
    return events[-1]["event_time"] - events[0]["event_time"] < width


def most(events, column):
    return max(Counter(e.get(column) for e in events).values())


def distinct(events, column):
    return len({e[column] for e in events if column in e})


def local_day(event):
    return (event["event_time"] + 8 * HOUR) // DAY


def local_hour(event):
    return (event["event_time"] + 8 * HOUR) % DAY / HOUR


def declined(events):
    return sum(e.get("status") == "declined" for e in events)


def reversals(events):
    known = {e["event_id"]: e for e in events}
    undone = [e for e in events if e.get("status") == "reversed"]
    assert all(known[e["reverses"]]["event_time"] < e["event_time"] for e in undone)
    return len(undone)


def km(one, other):
    lat, lon, lat2, lon2 = (radians(e[c]) for e in (one, other) for c in ("lat", "lon"))
    half = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return 12_742 * asin(sqrt(half))


def jumps(events):
    """Consecutive card payments too far apart for the time between."""
    placed = [e for e in paid(events) if "lat" in e]
    return sum(
        km(a, b) >= 500 and km(a, b) / ((b["event_time"] - a["event_time"]) / HOUR) >= 1_000
        for a, b in pairwise(placed)
    )


def flows(events):
    """Account → (received, sent)."""
    moved = defaultdict(lambda: [0.0, 0.0])
    for e in paid(events):
        moved[e["account"]][1] += e["amount"]
        if "counterparty" in e:
            moved[e["counterparty"]][0] += e["amount"]
    return moved


def passed_on(events, low=0.8, high=1.1):
    return [
        a for a, (got, sent) in flows(events).items() if got and low * got <= sent <= high * got
    ]


def partners(events):
    """Account → (payers, payees)."""
    found = defaultdict(lambda: (set(), set()))
    for e in paid(events):
        found[e["account"]][1].add(e["counterparty"])
        found[e["counterparty"]][0].add(e["account"])
    return found


def close(amounts, low=0.8, high=0.99, threshold=CASH_THRESHOLD):
    return sum(low * threshold <= a <= high * threshold for a in amounts)


def order(events, *wanted):
    """Whether events of these kinds and outcomes come in this order, others between them."""
    left = list(wanted)
    for e in events:
        if left and left[0] in (e["kind"], e.get("outcome")):
            left.pop(0)
    return not left


def chained(events):
    return all(a["counterparty"] == b["account"] for a, b in pairwise(events))


def shrinking(events):
    amounts = base(events)
    return all(0.8 * a <= b <= a for a, b in pairwise(amounts))


def years(event):
    return (event["event_time"] - event["birth_date"]) / (365.2425 * DAY)


def first_digits(events):
    return {str(e["amount"]).lstrip("0.")[0] for e in events}


def to_crypto(events):
    return [e for e in paid(events) if e["channel"] == "crypto"]


def peak(events, width):
    times = np.array([e["event_time"] for e in events])
    return int(
        (np.arange(1, len(times) + 1) - np.searchsorted(times, times - width, "right")).max()
    )


def both_ends(events, inward, outward):
    return any(len(a) >= inward and len(b) >= outward for a, b in partners(events).values())


def day_sum(events, least, direction=None):
    wanted = [e for e in paid(events) if direction in (None, e["direction"])]
    return sum(base(wanted)) >= least and len({local_day(e) for e in wanted}) == 1
