"""What waits for an event that stays away, against the definition, on hostile streams."""

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.absence import Absence
from models.reference.absence import stayed_away
from tests.models.waiting import LATENESS, WITHIN, told, wait, waiting_rule


@dataclass(frozen=True)
class Event:
    """One event: it may begin a wait, and be what is waited for."""

    number: int
    time_ms: int
    key: int
    partition: int
    waits: bool
    expected: bool


def heard_of(events, within_ms=WITHIN):
    """What one batch of events tells."""
    clocks: dict[int, int] = {}
    for event in events:
        clocks[event.partition] = max(clocks.get(event.partition, 0), event.time_ms)
    return told(
        clocks,
        [
            wait(e.key, e.time_ms, partition=e.partition, number=e.number, within_ms=within_ms)
            for e in events
            if e.waits
        ],
        [(e.key, e.time_ms, e.partition) for e in events if e.expected],
    )


@st.composite
def streams(draw, *, by_time):
    """Events as they come: in order, or each up to the allowed lateness behind its partition."""
    events, clocks = [], [0, 0]
    for number in range(draw(st.integers(1, 60))):
        key = draw(st.integers(1, 4))
        partition = key % 2
        if by_time:
            time_ms = max(clocks) + draw(st.sampled_from([0, 0, 1, 2, 5, 12]))
        else:
            time_ms = clocks[partition] + draw(st.integers(-LATENESS, 8))
        clocks[partition] = max(clocks[partition], time_ms)
        events.append(
            Event(number, time_ms, key, partition, draw(st.booleans()), draw(st.booleans()))
        )
    cuts = sorted(draw(st.sets(st.integers(1, 60), max_size=8)))
    restarts = draw(st.sets(st.integers(0, 9), max_size=4))
    return events, cuts, restarts


def groups(events, cuts):
    bounds = [0, *(cut for cut in cuts if cut < len(events)), len(events)]
    return [events[a:b] for a, b in itertools.pairwise(bounds)]


def defined(events, within_ms, *, by_time):
    """(event, until) of those that the definition says have stayed away by the end."""
    found = set()
    for event in (e for e in events if e.waits):
        came = [e.time_ms for e in events if e.expected and e.key == event.key]
        own = [e.time_ms for e in events if by_time or e.partition == event.partition]
        now_ms = max(own) - (0 if by_time else LATENESS)
        if stayed_away(event.time_ms, within_ms, came, now_ms):
            found.add((f"e{event.number}", event.time_ms + within_ms))
    return found


def restarted(absence, rule, by_time, logs, base):
    """What a resume makes of a base and the logs since."""
    fresh = Absence([rule], LATENESS, by_time=by_time)
    if base is not None:
        fresh.load(base)
    for log in logs:
        fresh.replay(log)
    assert len(fresh) == len(absence)
    return fresh


def run(events, cuts, restarts, within_ms=WITHIN, *, by_time):
    rule = waiting_rule(within_ms=within_ms)
    absence = Absence([rule], LATENESS, by_time=by_time)
    over, logs, base = [], [], None
    for number, group in enumerate(groups(events, cuts)):
        over += absence.hear([heard_of(group, within_ms)])
        logs.append(absence.take_log())
        if number in restarts:
            absence = restarted(absence, rule, by_time, logs, base)
            if number % 2:
                base, logs = absence.save(), []
    return over


@pytest.mark.parametrize("within_ms", [WITHIN, LATENESS - 2, 1])
@pytest.mark.parametrize("by_time", [True, False])
@given(data=st.data())
def test_what_is_over_is_what_the_definition_says(by_time, within_ms, data):
    events, cuts, restarts = data.draw(streams(by_time=by_time))

    over = run(events, cuts, restarts, within_ms, by_time=by_time)

    got = [(hit.event_id, hit.time_ms) for hit in over]
    assert len(got) == len(set(got))
    assert set(got) == defined(events, within_ms, by_time=by_time)


@given(data=st.data())
def test_in_event_time_any_cut_gives_the_same_order(data):
    events, cuts, restarts = data.draw(streams(by_time=True))

    whole = run(events, [], set(), by_time=True)

    assert [hit.id for hit in run(events, cuts, restarts, by_time=True)] == [h.id for h in whole]


@given(data=st.data())
def test_the_parts_of_a_round_may_come_from_any_home(data):
    events, cuts, _restarts = data.draw(streams(by_time=True))
    absence = Absence([waiting_rule()], LATENESS, by_time=True)

    over = []
    for group in groups(events, cuts):
        parts = [heard_of([e for e in group if e.partition == n]) for n in (1, 0)]
        over += absence.hear([part for part in parts if part.clocks_ms])

    assert [h.id for h in over] == [h.id for h in run(events, [], set(), by_time=True)]
