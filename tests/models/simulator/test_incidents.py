from collections import defaultdict

import pytest

from models.simulator.incidents.schedule import ROUND, TYPOLOGIES
from tests.models.simulator import thresholds

JUDGES = {
    "F01": ("payment", thresholds.f01),
    "F02": ("payment", thresholds.f02_hour),
    "F03": ("payment", thresholds.f03),
    "F04": ("payment", thresholds.f04),
    "F05": ("payment", thresholds.f05),
    "F15": ("login", thresholds.f15),
    "A04": ("payment", thresholds.a04),
    "A05": ("payment", thresholds.a05),
    "A06": ("payment", thresholds.a06),
    "M12": ("trade", thresholds.m12),
    "M13": ("trade", thresholds.m13),
    "M14": ("trade", thresholds.m14),
}


@pytest.fixture(scope="session")
def crossings(story):
    return {name: judge(story.of(kind)) for name, (kind, judge) in JUDGES.items()}


@pytest.fixture(scope="session")
def involved(story):
    """Every entity that takes part in an incident, as subject, victim or accomplice."""
    members = {name for incident in story.incidents for name in incident.event_ids}
    entities = {incident.subject for incident in story.incidents}
    for event in story.events:
        if event["event_id"] in members:
            entities |= {
                f"{'account' if column == 'counterparty' else column}/{event[column]}"
                for column in ("account", "counterparty", "customer", "card", "device")
                if column in event
            }
    return entities


def test_a_round_holds_every_typology_as_often_as_it_weighs():
    assert [ROUND.count(typology) for typology in TYPOLOGIES] == [t.weight for t in TYPOLOGIES]
    assert {typology.id for typology in TYPOLOGIES} == set(JUDGES)


def test_every_typology_appears_every_day(story):
    by_day = defaultdict(set)
    for incident in story.incidents:
        by_day[(incident.start_ms - story.config.start_ms) // 86_400_000].add(incident.typology)
    assert dict(by_day) == {0: set(JUDGES), 1: set(JUDGES)}
    assert len(story.incidents) == 2 * story.config.incidents_per_day


def test_incidents_are_numbered_once(story):
    ids = sorted(incident.id for incident in story.incidents)
    assert ids == [f"inc-{number:06d}" for number in range(1, len(ids) + 1)]


def test_labels_agree_with_their_events(story):
    by_id = {event["event_id"]: event for event in story.events}
    for incident in story.incidents:
        events = [by_id[name] for name in incident.event_ids]
        times = [event["event_time"] for event in events]
        assert times == sorted(times)
        assert len(set(incident.event_ids)) == len(incident.event_ids) > 0
        assert (incident.start_ms, incident.end_ms) == (times[0], times[-1])
        domain, value = incident.subject.split("/")
        columns = ("account", "counterparty") if domain == "account" else (domain,)
        assert all(value in [event.get(column) for column in columns] for event in events)
        packs = {"F15": "account_security", "A0": "aml", "M1": "trading"}
        starts = (pack for start, pack in packs.items() if incident.typology.startswith(start))
        assert incident.pack == next(starts, "payments")


@pytest.mark.parametrize("typology", JUDGES)
def test_every_incident_crosses_its_threshold_while_it_lasts(story, crossings, typology):
    incidents = [one for one in story.incidents if one.typology == typology]
    assert len(incidents) >= 4
    for incident in incidents:
        times = crossings[typology].get(incident.subject, [])
        assert any(incident.start_ms <= time <= incident.end_ms for time in times), incident


def test_emptied_accounts_also_cross_the_one_minute_sum(story):
    crossed = thresholds.f02_minute(story.of("payment"))
    assert all(one.subject in crossed for one in story.incidents if one.typology == "F02")


@pytest.mark.parametrize(
    ("typology", "bound"),
    # Subjects per 100 000 events of the kind. The default world stays below half of each bound;
    # one subject of this small world is already 1.7.
    [
        *[("F01", 8), ("F02", 1), ("F03", 8), ("F04", 1), ("F05", 8), ("F15", 4)],
        *[("A04", 16), ("A05", 12), ("A06", 40)],
    ],
)
def test_ordinary_people_rarely_cross(story, crossings, involved, typology, bound):
    events = len(story.of(JUDGES[typology][0]))
    false = [subject for subject in crossings[typology] if subject not in involved]
    assert len(false) / events * 100_000 <= bound, false


@pytest.mark.parametrize(("typology", "bound"), [("M12", 0), ("M13", 3), ("M14", 0)])
def test_ordinary_markets_rarely_cross(story, crossings, typology, bound):
    aftermath = 5 * thresholds.HOUR
    calm = {
        (subject, time // (10 * thresholds.MINUTE))
        for subject, times in crossings[typology].items()
        for time in times
        if not any(
            one.subject == subject and one.start_ms <= time <= one.end_ms + aftermath
            for one in story.incidents
        )
    }
    assert len(calm) <= bound, calm
