"""What must hold at the boundaries of every rule, on streams made from its own examples."""

from decimal import Decimal
from random import Random

import pytest

from dataflows.examples import START_MS
from models.pack import SEVERITIES
from models.reference.calendar import period_start
from tests.packs.streams import amounts_in, cases, first_moved, later, with_last, without

CASES = list(cases())
SEVERAL = [case for case in CASES if len(case.events) > 1]
CENT = Decimal("0.01")


def each(chosen):
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in chosen])


def hits_last(play, case, events, **how):
    found = play(case.pack, events, rule=case.rule.id, **how)
    return len(events) - 1 in found.events_of(case.rule.id)


@each([case for case in SEVERAL if case.is_growing])
def test_one_less_is_too_little(case, play):
    events = case.events
    for place in case.groups:
        if place < len(events) - 1:
            assert not hits_last(play, case, without(events, place)), events[place]


@each(SEVERAL)
def test_the_last_event_alone_is_too_little(case, play):
    assert not hits_last(play, case, case.events[-1:])


@each([case for case in CASES if case.is_growing])
def test_one_more_is_no_less(case, play):
    events = case.events
    more = [*events, {**events[-1], "at": events[-1]["at"] + 1}]
    assert hits_last(play, case, events)
    assert hits_last(play, case, more)


@each([case for case in SEVERAL if case.windows_ms])
def test_an_event_leaves_after_exactly_its_window(case, play):
    # just inside is as good as where it was, just outside as if it had not been; a condition reads
    # several windows, and the example is about one of them
    wanted = (True, hits_last(play, case, without(case.events, 0)))
    ends = [
        tuple(
            hits_last(play, case, first_moved(case.events, window + step_ms)) for step_ms in (-1, 0)
        )
        for window in case.windows_ms
    ]
    assert wanted in ends


@each(SEVERAL)
def test_tenants_share_nothing(case, play):
    events = case.events
    apart = with_last([{**event, "tenant": "a"} for event in events], tenant="b")
    assert not hits_last(play, case, apart)
    both = [{**event, "tenant": tenant} for event in events for tenant in "ab"]
    found = play(case.pack, both, rule=case.rule.id)
    assert {len(both) - 2, len(both) - 1} <= set(found.events_of(case.rule.id))
    alerts = [(one.tenant, one.id) for one in found.alerts]
    assert {tenant for tenant, _ in alerts} == {"a", "b"}
    assert len({name for _, name in alerts}) == len(alerts)


@each(SEVERAL)
def test_the_order_of_arrival_does_not_matter(case, play):
    # nobody is overtaken by what happened half a minute later, which is within the lateness
    events = case.events
    random = Random(len(events))
    order = sorted(range(len(events)), key=lambda i: events[i]["at"] + random.uniform(0, 30_000))
    found = play(case.pack, events, rule=case.rule.id, order=order)
    in_order = play(case.pack, events, rule=case.rule.id)
    assert (found.hits, found.severities) == (in_order.hits, in_order.severities)
    assert [one.id for one in found.raised] == [one.id for one in in_order.raised]


def openings(played, events, rule):
    """The events that open alerts, by the definitions of a cooldown and of an incident."""
    found, until_ms, strength = [], {}, {}
    for (_, subject, event), severity in zip(played.hits, played.severities, strict=True):
        at, rank = events[int(event)]["at"], SEVERITIES.index(severity)
        about = (subject, rule.incident and period_start(rule.incident, START_MS + at))
        if at >= until_ms.get(about, 0) or rank > strength[about]:
            found.append(event)
            until_ms[about], strength[about] = at + rule.cooldown_ms, rank
    return found


# what waits is an alert later, and the same stream once more may be what it waits for
@each([case for case in CASES if not case.rule.absent])
@pytest.mark.parametrize("short_ms", [1, 0], ids=["within", "after"])
def test_hits_within_a_cooldown_are_repeats(case, short_ms, play):
    events, cooldown_ms = case.events, case.rule.cooldown_ms
    once = play(case.pack, events, rule=case.rule.id)
    begin = events[int(once.alerts[-1].event_id)]["at"] + cooldown_ms - short_ms
    again = later(events, begin - events[-1]["at"])
    both = sorted([*events, *again], key=lambda event: event["at"])
    played = play(case.pack, both, rule=case.rule.id)
    assert [one.event_id for one in played.alerts] == openings(played, both, case.rule)


def limit_of(case, play):
    """What the last event's amount must reach, or exceed where the second is true; else None."""
    events = case.events
    amount = Decimal(str(events[-1].get("amount", 0)))
    less, more = (
        amount > CENT and hits_last(play, case, with_last(events, amount=str(amount + step)))
        for step in (-CENT, CENT)
    )
    if less or not more:
        return None
    exceeded = amount % 1 == CENT
    return (amount - CENT if exceeded else amount, exceeded)


@pytest.fixture(scope="module")
def limits(play):
    found = [(case, limit_of(case, play)) for case in CASES if not case.names_a_currency]
    return [(case, *limit) for case, limit in found if limit]


@pytest.mark.parametrize(("currency", "decimals"), [("CNY", 2), ("USD", 2), ("JPY", 0), ("KWD", 3)])
def test_limits_are_exact_in_every_base_currency(currency, decimals, limits, play):
    step = Decimal(1).scaleb(-decimals)
    tried = set()
    for case, limit, exceeded in limits:
        events = amounts_in(with_last(case.events, amount=str(limit)), currency, decimals)
        if events is None:
            continue
        for amount, fires in ((limit - step, False), (limit, not exceeded), (limit + step, True)):
            changed = with_last(events, amount=str(amount))
            assert hits_last(play, case, changed, base=currency) == fires, (case.id, amount)
        tried.add(case.rule.id)
    assert {"F02", "F13", "F16", "A06"} <= tried
