"""One wait at a time: what begins it, what ends it, what is kept of it."""

from dataclasses import replace

import pytest

from models.absence import Absence, live, tried
from models.alerts import RuleHit
from tests.models.waiting import LATENESS, WITHIN, told, wait, waiting_rule


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
