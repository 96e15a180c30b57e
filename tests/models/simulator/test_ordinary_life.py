from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.models.simulator import thresholds

HOUR = 3_600_000


def local_hours(events):
    return Counter((event["event_time"] // HOUR + 8) % 24 for event in events)


def share(events, holds):
    return sum(map(holds, events)) / len(events)


def test_people_sleep_at_night(story):
    hours = local_hours(story.of("payment"))
    assert sum(hours[hour] for hour in (2, 3, 4)) * 8 < sum(hours[hour] for hour in (12, 18, 19))


def test_activity_differs_between_people(story):
    counts = Counter(e["account"] for e in story.of("payment") if e["customer_kind"] == "natural")
    per_day = np.sort(np.array(list(counts.values()))) / 2
    assert 3 <= np.median(per_day) <= 6
    assert per_day[int(0.95 * len(per_day))] > 2 * np.median(per_day)


def test_rates_are_the_configured_ones(story):
    payments, logins = story.of("payment"), story.of("login")
    assert share(payments, lambda e: e["status"] == "declined") == pytest.approx(0.024, abs=0.006)
    assert share(logins, lambda e: e["outcome"] == "fail") == pytest.approx(0.035, abs=0.01)
    assert share(payments, lambda e: e["currency"] != "CNY") == pytest.approx(0.055, abs=0.025)
    assert len(payments) / (2 * story.config.accounts) == pytest.approx(5, abs=0.5)


def test_declines_carry_a_code_and_approvals_none(story):
    for event in story.of("payment"):
        assert (event["status"] == "declined") == ("decline_code" in event)


def test_cross_border_means_two_countries(story):
    for event in story.of("payment"):
        abroad = event["country"] != event.get("counterparty_country", event["country"])
        assert event["cross_border"] is abroad


def test_cards_pay_corporate_merchants(story):
    for event in story.of("payment"):
        if event["channel"] in {"card", "cnp"}:
            assert event["merchant"]
            assert event["mcc"]
            assert event["card"]
            assert event["counterparty_kind"] == "corporate"
        if event["channel"] == "atm":
            assert event["cash"] is True


def test_people_keep_their_habits(story):
    payees, devices = defaultdict(Counter), defaultdict(Counter)
    for event in story.of("payment"):
        if event["customer_kind"] == "natural":
            if event["channel"] == "transfer":
                payees[event["account"]][event["counterparty"]] += 1
            if "device" in event:
                devices[event["account"]][event["device"]] += 1
    main = sum(max(counts.values()) for counts in devices.values())
    assert main / sum(sum(counts.values()) for counts in devices.values()) > 0.8
    regular = [counts for counts in payees.values() if sum(counts.values()) >= 5]
    assert sum(map(len, regular)) / sum(sum(counts.values()) for counts in regular) < 0.65


def test_people_return_to_their_shops(story):
    shops = defaultdict(Counter)
    for event in story.of("payment"):
        if event["channel"] == "card":
            shops[event["account"]][event["merchant"]] += 1
    regular = [counts for counts in shops.values() if sum(counts.values()) >= 8]
    assert len(regular) > 100
    assert np.mean([max(c.values()) / sum(c.values()) for c in regular]) > 0.35


def test_employers_pay_many_people_on_payday_and_are_corporate(story):
    salaries = [e for e in story.of("payment") if e["account"].startswith("acct-e")]
    to_people = [e for e in salaries if e["counterparty_kind"] == "natural"]
    assert {e["customer_kind"] for e in salaries} == {"corporate"}
    assert {e["direction"] for e in to_people} == {"in"}
    assert max(Counter(e["account"] for e in to_people).values()) >= 20
    zone = timedelta(hours=8)
    days = {(datetime.fromtimestamp(e["event_time"] / 1_000, UTC) + zone).day for e in to_people}
    assert days == {5}


def test_there_are_near_misses(story):
    natural = [e for e in story.of("payment") if e["customer_kind"] == "natural"]
    groups = thresholds.group(natural, "account", lambda event: event["account"])
    three = thresholds.crossing(groups, thresholds.MINUTE, lambda window: len(window) == 3)
    failed = [e for e in story.of("login") if e["outcome"] == "fail"]
    customers = thresholds.group(failed, "customer", lambda event: event["customer"])
    two = thresholds.crossing(customers, 5 * thresholds.MINUTE, lambda window: len(window) == 2)
    # Often enough to tempt a rule, rarely enough to stay the exception.
    assert 10 <= len(three) <= 120
    assert len(two) >= 20


def test_markets_are_busy_at_the_open_and_move_in_clusters(story):
    trades = story.of("trade")
    moved = {one.subject for one in story.incidents if one.pack == "trading"}
    hours = local_hours([t for t in trades if f"symbol/{t['symbol']}" not in moved])
    assert hours[9] + hours[16] > 1.4 * (hours[3] + hours[13])
    correlations = []
    for subject, rows in thresholds.by_symbol(trades).items():
        if subject not in moved:
            grid = np.arange(rows[0, 0], rows[-1, 0], 300_000)
            prices = rows[np.searchsorted(rows[:, 0], grid), 1]
            size = np.abs(np.diff(np.log(prices)))
            # Ranks, so that a single piece of news does not decide.
            size = np.argsort(np.argsort(size))
            correlations.append(np.corrcoef(size[1:], size[:-1])[0, 1])
    assert correlations
    assert np.mean(correlations) > 0.09
