"""What waits for an event that stays away, against the definition, on hostile streams."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.absence import Absence, live, tried
from models.alerts import Details, Facts, Hit, RuleHit
from models.errors import Place
from models.expressions.tree import TRUE
from models.pack import AbsentSpec, RuleSpec
from models.planning.rules import Rule, Sentence
from models.reference.absence import stayed_away
from models.waits import Arrivals, Heard, Wait

WITHIN = 10
LATENESS = 6


def waiting_rule(name="R", status="live", within_ms=WITHIN):
    spec = RuleSpec(
        name, ("payment",), {"en": name, "zh": name}, "TRUE", "account", (("low", "TRUE"),),
        {"en": "x", "zh": "x"}, Place("p", 1), status=status,
        absent=AbsentSpec(within_ms, ("payment",), ("account",), ""),
    )  # fmt: skip
    sentence = Sentence((("seen", "", ""),))
    return Rule(
        "p", spec, 0, 1, TRUE, (), ("low",), (), {"en": sentence, "zh": sentence}, {}, frozenset(),
        reads_detectors=False, domain="account", expected=TRUE,
    )  # fmt: skip


def wait(key, since_ms, *, partition=0, number=0, rule=None, within_ms=WITHIN):
    rule = rule or waiting_rule()
    facts = Facts({}, {}, {}, truncated=False, warming={})
    hit = Hit(
        "p", "", "account", f"a{key}", "payment", f"e{number}", since_ms + within_ms, late=False,
        hits=(RuleHit(rule, "low"),), details=Details(lambda: (facts, {"event_id": "e"})),
        scores={}, since_ms=since_ms,
    )  # fmt: skip
    return Wait.of(hit, key, partition)


def told(clocks_ms, waits=(), came=(), rule="R"):
    """`came` holds (key, time, partition)."""
    arrivals = []
    for partition in sorted({partition for _key, _time, partition in came}):
        own = [(key, time_ms) for key, time_ms, where in came if where == partition]
        keys, times_ms = (np.array(column, np.int64) for column in zip(*own, strict=True))
        arrivals.append(Arrivals("p", rule, partition, keys, times_ms))
    return Heard(0, 0, None, clocks_ms, waits, arrivals)


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


def test_a_wait_becomes_the_alert_of_its_own_event_at_its_end():
    absence = Absence([waiting_rule()], LATENESS, by_time=True)
    assert absence.hear([told({0: 0}, [wait(7, 0)])]) == []
    assert absence.hear([told({0: WITHIN})]) == []

    (hit,) = absence.hear([told({0: WITHIN + 1})])

    assert (hit.subject, hit.event_id, hit.time_ms, hit.since_ms) == ("a7", "e0", WITHIN, 0)
    assert len(absence) == 0


def test_its_id_is_not_that_of_an_alert_which_its_event_raised_at_once():
    absence = Absence([waiting_rule()], LATENESS, by_time=True)
    absence.hear([told({0: 0}, [wait(7, 0)])])

    (hit,) = absence.hear([told({0: 99})])

    at_once = replace(hit, since_ms=None)
    other = replace(hit, hits=(RuleHit(waiting_rule("S"), "low"),))
    assert len({hit.id, at_once.id, other.id}) == 3
    assert hit.written is not None
    assert hit.written["id"] == hit.id


def test_what_others_are_waited_for_changes_nothing():
    absence = Absence([waiting_rule()], LATENESS, by_time=True)
    absence.hear([told({0: 0}, [wait(7, 0)])])
    absence.hear([told({0: 5}, came=[(8, 5, 0)])])
    absence.hear([told({0: 6}, came=[(7, 6, 0)], rule="another")])

    assert [hit.subject for hit in absence.hear([told({0: 99})])] == ["a7"]


def test_what_waits_for_a_rule_that_is_gone_is_forgotten():
    before = Absence([waiting_rule()], LATENESS, by_time=True)
    before.hear([told({0: 0}, [wait(7, 0)], came=[(3, 0, 0)])])
    log, base = before.take_log(), before.save()

    for take_over in (lambda new: new.load(base), lambda new: new.replay(log)):
        after = Absence([waiting_rule("S")], LATENESS, by_time=True)
        take_over(after)
        assert len(after) == 0
        assert after.hear([told({0: 99})]) == []


def test_memory_of_what_came_is_bounded_by_the_allowed_lateness():
    absence = Absence([waiting_rule()], LATENESS, by_time=False)
    for at in range(0, 20_000, 100):
        came = [(at * 100 + n, at + n, 0) for n in range(100)]
        absence.hear([told({0: at + 99}, came=came)])
        absence.take_log()

    assert len(absence.save()["state"]) < 200_000


def test_what_came_within_the_allowed_lateness_is_remembered_however_much_comes():
    absence = Absence([waiting_rule()], LATENESS, by_time=False)
    absence.hear([told({0: 105}, came=[(-1, 105, 0)])])
    absence.hear([told({0: 105}, came=[(key, 100, 0) for key in range(10_000)])])

    absence.hear([told({0: 106}, [wait(-1, 100), wait(5, 100, number=1)])])

    assert [hit.event_id for hit in absence.hear([told({0: 999})])] == ["e1"]


def test_a_stray_behind_what_was_released_waits_for_nothing():
    absence = Absence([waiting_rule()], LATENESS, by_time=True)
    absence.hear([told({0: 50}, came=[(7, 45, 0)])])

    absence.hear([told({1: 50}, [wait(7, 44, partition=1), wait(7, 50, partition=1, number=1)])])

    assert [hit.event_id for hit in absence.hear([told({0: 99})])] == ["e1"]


def test_waits_that_ended_are_not_kept_until_their_time_would_have_been_over():
    absence = Absence([waiting_rule(within_ms=10**9)], LATENESS, by_time=True)
    for at in range(20_000):
        begun = [wait(7, 2 * at, number=at, within_ms=10**9)]
        absence.hear([told({0: 2 * at}, begun), told({}, came=[(7, 2 * at + 1, 0)])])
        absence.take_log()

    assert len(absence) == 0
    assert sum(map(len, absence._due.values())) < 5000


def test_a_rule_that_waits_briefly_remembers_every_event_within_the_lateness_and_no_more():
    absence = Absence([waiting_rule(within_ms=2)], 1000, by_time=False)
    for at in range(30_000):
        absence.hear([told({0: at}, came=[(7, at, 0)])])
        absence.take_log()
    assert len(absence.save()["state"]) < 200_000

    absence.hear([told({}, [wait(7, 29_500, within_ms=2)])])

    assert absence.hear([told({0: 99_999})]) == []


@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_comes_behind_does_not_hide_what_is_newer(is_restarted):
    absence = Absence([waiting_rule()], LATENESS, by_time=False)
    absence.hear([told({0: 105}, came=[(7, 105, 0)])])
    if is_restarted:
        base, absence = absence.save(), Absence([waiting_rule()], LATENESS, by_time=False)
        absence.load(base)
    absence.hear([told({0: 105}, came=[(7, 101, 0)])])

    absence.hear([told({0: 106}, [wait(7, 102)])])

    assert absence.hear([told({0: 999})]) == []


def test_the_oldest_event_that_may_still_be_asked_for_is_kept():
    absence = Absence([waiting_rule()], LATENESS, by_time=False)
    came = [(key, 101, 0) for key in range(10_000)]
    absence.hear([told({0: 100 + LATENESS}, came=[(-1, 100, 0), *came])])

    # as late as it may be, at the same time and a moment before
    absence.hear([told({}, [wait(-1, 100), wait(-1, 99, number=1)])])

    assert [hit.event_id for hit in absence.hear([told({0: 999})])] == ["e0"]


def test_only_live_rules_tell_the_alerting():
    rules = [waiting_rule("R"), waiting_rule("T", status="shadow")]
    absence = Absence(rules, LATENESS, by_time=True)
    absence.hear([told({0: 0}, [wait(1, 0, rule=rules[0]), wait(1, 0, rule=rules[1])])])

    over = absence.hear([told({0: 99})])

    assert [hit.hits[0].rule.spec.id for hit in live(over)] == ["R"]
    assert [hit.hits[0].rule.spec.id for hit in tried(over)] == ["T"]
