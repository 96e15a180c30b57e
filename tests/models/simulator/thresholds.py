"""The catalogue's thresholds, recomputed naively from parsed events: the simulator's judge.

Each function returns the times at which a subject crosses, keyed as the labels name subjects.
A window of an event at t is all events with t − W < time ≤ t.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

Event = dict[str, Any]
Crossings = dict[str, list[int]]

MINUTE = 60_000
HOUR = 60 * MINUTE
CNY_PER_UNIT = {"CNY": 1.0, "HKD": 0.91, "USD": 7.1, "JPY": 0.047, "EUR": 7.8}


def group(events: Iterable[Event], domain: str, key: Callable[[Event], Any]) -> dict[str, list]:
    groups = defaultdict(list)
    for event in events:
        value = key(event)
        if value is not None:
            groups[f"{domain}/{value}"].append(event)
    return groups


def windows(events: list[Event], width: int) -> Iterator[tuple[int, deque[Event]]]:
    window: deque[Event] = deque()
    for event in events:
        now = event["event_time"]
        window.append(event)
        while window[0]["event_time"] <= now - width:
            window.popleft()
        yield now, window


def crossing(
    groups: dict[str, list[Event]], width: int, holds: Callable[[deque[Event]], bool]
) -> Crossings:
    found = {
        subject: [now for now, window in windows(events, width) if holds(window)]
        for subject, events in groups.items()
    }
    return {subject: times for subject, times in found.items() if times}


def union(*parts: Crossings) -> Crossings:
    merged: dict[str, list[int]] = defaultdict(list)
    for part in parts:
        for subject, times in part.items():
            merged[subject] += times
    return dict(merged)


def base(event: Event) -> float:
    return event["amount"] * CNY_PER_UNIT[event["currency"]]


def approved(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event["status"] == "approved"]


def distinct(window: Iterable[Event], column: str) -> int:
    return len({event[column] for event in window})


def natural_payer(event: Event) -> str | None:
    return event["account"] if event["customer_kind"] == "natural" else None


def natural_payee(event: Event) -> str | None:
    natural = event.get("counterparty_kind") == event["customer_kind"] == "natural"
    return event["counterparty"] if natural else None


def f01(paid: list[Event]) -> Crossings:
    groups = group(paid, "account", natural_payer)
    return union(
        crossing(groups, MINUTE, lambda window: len(window) >= 5),
        crossing(groups, HOUR, lambda window: len(window) >= 10),
        crossing(groups, 24 * HOUR, lambda window: len(window) >= 50),
    )


def f02_minute(paid: list[Event]) -> Crossings:
    groups = group(approved(paid), "account", natural_payer)
    return crossing(groups, MINUTE, lambda w: len(w) >= 2 and sum(map(base, w)) >= 5_000)


def f02_hour(paid: list[Event]) -> Crossings:
    groups = group(approved(paid), "account", natural_payer)
    return crossing(groups, HOUR, lambda w: len(w) >= 2 and sum(map(base, w)) >= 1_000_000)


def f03(paid: list[Event]) -> Crossings:
    declined = [event for event in paid if event["status"] == "declined" and "card" in event]
    by_place = group(declined, "card", lambda event: (event["card"], event.get("ip")))
    crossed = crossing(by_place, HOUR, lambda window: len(window) >= 3)
    return union(
        *(
            {f"card/{events[0]['card']}": crossed[key]}
            for key, events in by_place.items()
            if key in crossed
        )
    )


def _tested(window: deque[Event]) -> bool:
    declined = sum(event["status"] == "declined" for event in window)
    many_cards = len(window) > 5 and distinct(window, "card") > 5
    return many_cards or (len(window) >= 10 and declined / len(window) > 0.5)


def f04(paid: list[Event]) -> Crossings:
    carded = [event for event in paid if "card" in event]
    return crossing(group(carded, "device", lambda event: event.get("device")), HOUR, _tested)


def f04_ip(paid: list[Event]) -> Crossings:
    carded = [event for event in paid if "card" in event]
    groups = group(carded, "ip", lambda event: event.get("ip"))
    return crossing(groups, HOUR, lambda w: len(w) > 10 and distinct(w, "card") > 10)


def _hit(window: deque[Event]) -> bool:
    last = window[-1]
    return base(last) >= 500 and any(
        base(event) < 5 and event.get("merchant") != last.get("merchant") for event in window
    )


def f05(paid: list[Event]) -> Crossings:
    groups = group(approved(paid), "card", lambda event: event.get("card"))
    return crossing(groups, 24 * HOUR, _hit)


def f15(logged: list[Event]) -> Crossings:
    failed = [event for event in logged if event["outcome"] == "fail"]
    groups = group(failed, "customer", lambda event: event["customer"])
    return crossing(groups, 5 * MINUTE, lambda window: len(window) >= 5)


def f15_minute(logged: list[Event]) -> Crossings:
    failed = [event for event in logged if event["outcome"] == "fail"]
    groups = group(failed, "customer", lambda event: event["customer"])
    return crossing(groups, MINUTE, lambda window: len(window) >= 3)


def a04(paid: list[Event]) -> Crossings:
    groups = group(approved(paid), "account", natural_payee)
    return crossing(groups, 24 * HOUR, lambda w: len(w) >= 5 and distinct(w, "account") >= 5)


def a05(paid: list[Event]) -> Crossings:
    between = [event for event in approved(paid) if natural_payee(event)]
    groups = group(between, "account", natural_payer)
    return crossing(groups, 8 * HOUR, lambda w: len(w) >= 5 and distinct(w, "counterparty") >= 5)


def a05_any_payee(paid: list[Event]) -> Crossings:
    groups = group([e for e in approved(paid) if "counterparty" in e], "account", natural_payer)
    return crossing(groups, 8 * HOUR, lambda w: len(w) >= 5 and distinct(w, "counterparty") >= 5)


def pass_through(
    paid: list[Event], incoming_min: float, ratio_max: float, channel: str | None
) -> Crossings:
    flows: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for event in approved(paid):
        if channel and event["channel"] != channel:
            continue
        if event.get("counterparty_kind") == "natural":
            flows[event["counterparty"]].append((event["event_time"], base(event), 0.0))
        if event["customer_kind"] == "natural":
            flows[event["account"]].append((event["event_time"], 0.0, base(event)))
    found: Crossings = {}
    for account, moves in flows.items():
        window: deque[tuple[int, float, float]] = deque()
        for move in moves:
            window.append(move)
            while window[0][0] <= move[0] - 48 * HOUR:
                window.popleft()
            arrived = sum(part[1] for part in window)
            left = sum(part[2] for part in window)
            if arrived >= incoming_min and 0.8 * arrived <= left <= ratio_max * arrived:
                found.setdefault(f"account/{account}", []).append(move[0])
    return found


def a06_naive(paid: list[Event]) -> Crossings:
    return pass_through(paid, 1_000, float("inf"), None)


def a06(paid: list[Event]) -> Crossings:
    return pass_through(paid, 5_000, 1.1, "transfer")


def by_symbol(traded: list[Event]) -> dict[str, np.ndarray]:
    """Rows of (time, price, quantity) per symbol."""
    groups = group(traded, "symbol", lambda event: event["symbol"])
    return {
        subject: np.array([(e["event_time"], e["price"], e["quantity"]) for e in events])
        for subject, events in groups.items()
    }


def m12(traded: list[Event]) -> Crossings:
    found: Crossings = {}
    for subject, rows in by_symbol(traded).items():
        times, prices = rows[:, 0], rows[:, 1]
        first = np.searchsorted(times, times - 5 * MINUTE, side="right")
        crossed = np.abs(prices / prices[first] - 1) >= 0.10
        if crossed.any():
            found[subject] = times[crossed].astype(int).tolist()
    return found


def m13(traded: list[Event]) -> Crossings:
    """Volume of five minutes above five times its mean over up to 12 hours, after one hour."""
    found: Crossings = {}
    start = min(event["event_time"] for event in traded)
    for subject, rows in by_symbol(traded).items():
        times = rows[:, 0]
        volume = np.concatenate([[0.0], np.cumsum(rows[:, 2])])
        here = np.arange(1, len(times) + 1)
        recent = volume[here] - volume[np.searchsorted(times, times - 5 * MINUTE, side="right")]
        half_day = volume[here] - volume[np.searchsorted(times, times - 12 * HOUR, side="right")]
        span = np.minimum(times - start, 12 * HOUR)
        crossed = (span >= HOUR) & (recent > 5 * half_day * 5 * MINUTE / np.maximum(span, 1))
        if crossed.any():
            found[subject] = times[crossed].astype(int).tolist()
    return found


def m14(traded: list[Event]) -> Crossings:
    """Price above 1.9 times its mean over up to 12 hours, while volume is above five times its."""
    busy = m13(traded)
    found: Crossings = {}
    for subject, rows in by_symbol(traded).items():
        times, prices = rows[:, 0], rows[:, 1]
        minute = ((times - times[0]) // MINUTE).astype(int)
        opens, first = np.unique(minute, return_index=True)
        total = np.concatenate([[0.0], np.cumsum(prices[first])])
        last = np.searchsorted(opens, minute, side="right")
        oldest = np.searchsorted(opens, minute - 720, side="right")
        mean = (total[last] - total[oldest]) / (last - oldest)
        crossed = set(times[prices > 1.9 * mean].astype(int).tolist())
        both = [time for time in busy.get(subject, []) if time in crossed]
        if both:
            found[subject] = both
    return found
