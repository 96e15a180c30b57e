from collections import Counter, defaultdict
from dataclasses import replace
from itertools import islice

import orjson
import pytest

from models.errors import ConfigError
from models.events import COLUMNS, REQUIRED, REQUIRED_ALWAYS, ColumnType
from models.simulator.incidents.repertoire import LOOKALIKES, SCRIPTS
from models.simulator.settings import DAY_MS
from models.simulator.world import Catalogue, World, WorldConfig
from tests.models.simulator.fraud_promises import FRAUD
from tests.models.simulator.laundering_promises import LAUNDERING
from tests.models.simulator.reading import km

PROMISES = {**FRAUD, **LAUNDERING}

EACH = 6
MONTH = WorldConfig(
    accounts=2_000,
    incidents_per_day=0,
    payments_per_account=0.6,
    logins_per_account=0.2,
    trades_per_instrument=0,
    batch_minutes=240,
    catalogue=Catalogue(each=EACH),
)
SLICES = 30 * 6
PAYEE = {"account": "counterparty", "customer": "counterparty_customer"}
ADDED = {"segment": ColumnType.TEXT}
PYTHON_TYPE = {
    ColumnType.TEXT: str,
    ColumnType.TIME: int,
    ColumnType.MONEY: (int, float),
    ColumnType.NUMBER: (int, float),
    ColumnType.FLAG: bool,
}


def lived(config, count=SLICES, skip=0):
    return list(islice(World(config).batches(skip=skip), count))


@pytest.fixture(scope="module")
def month():
    return lived(MONTH)


@pytest.fixture(scope="module")
def events(month):
    return [orjson.loads(line) for batch in month for line in batch.lines.splitlines()]


@pytest.fixture(scope="module")
def incidents(month):
    return [incident for batch in month for incident in batch.incidents]


@pytest.fixture(scope="module")
def scenes(events, incidents):
    """Typology → subject and own events of each incident."""
    by_id = {event["event_id"]: event for event in events}
    found = defaultdict(list)
    for incident in incidents:
        own = [by_id[name] for name in incident.event_ids]
        found[incident.typology].append((incident, own))
    return found


def test_every_typology_comes_as_often_as_asked(incidents):
    counted = Counter(incident.typology for incident in incidents)
    assert counted == dict.fromkeys({script.typology for script in SCRIPTS}, EACH)
    assert set(counted) == set(PROMISES)


@pytest.mark.parametrize("typology", PROMISES)
def test_every_incident_shows_what_its_typology_promises(scenes, typology):
    for incident, own in scenes[typology]:
        assert PROMISES[typology](own), (incident.id, own)


@pytest.mark.parametrize("typology", PROMISES)
def test_promises_are_not_kept_by_everybody(scenes, typology):
    """A promise that any incident keeps says nothing."""
    others = [own for other, pairs in scenes.items() if other != typology for _, own in pairs]
    kept = 0
    for own in others:
        try:
            kept += bool(PROMISES[typology](own))
        except (KeyError, IndexError, ValueError, AssertionError):
            continue
    assert kept < 0.35 * len(others)


def test_labels_agree_with_their_events(scenes):
    for typology, pairs in scenes.items():
        for incident, own in pairs:
            times = [event["event_time"] for event in own]
            assert times == sorted(times)
            assert (incident.start_ms, incident.end_ms) == (times[0], times[-1])
            assert incident.id.startswith(f"inc-{typology}-")
            assert all(event["event_id"].startswith(f"x-{typology}-") for event in own)
            domain, value = incident.subject.split("/")
            columns = (
                domain,
                {"account": "counterparty", "customer": "counterparty_customer"}.get(domain),
            )
            assert any(value == event.get(column) for event in own for column in columns), incident


def test_nothing_scripted_is_lost_or_labelled_twice(events, incidents):
    labelled = [name for incident in incidents for name in incident.event_ids]
    scripted = [e["event_id"] for e in events if e["event_id"].startswith("x-")]
    assert sorted(labelled) == sorted(scripted)
    assert len(set(labelled)) == len(labelled)


def test_events_are_canonical_unique_and_in_order(events):
    keys = [(event["event_time"], event["event_id"]) for event in events]
    assert keys == sorted(keys)
    assert len({name for _, name in keys}) == len(keys)
    for event in events:
        wanted = (*REQUIRED_ALWAYS, *REQUIRED[event["kind"]])
        assert all(event.get(name) is not None for name in wanted)
        for name, value in event.items():
            column = COLUMNS.get(name)
            kind = column.type if column else ADDED[name]
            assert isinstance(value, PYTHON_TYPE[kind]), (name, value)


def test_the_seed_decides_everything(month):
    assert lived(MONTH, 3, skip=40) == month[40:43]
    other = lived(replace(MONTH, seed=8), 6)
    assert other[0].lines != month[0].lines
    assert [i for b in other for i in b.incidents] != [i for b in month[:6] for i in b.incidents]


def test_the_next_period_brings_new_incidents_under_new_names(month, incidents):
    catalogue = Catalogue(each=2, period_days=2)
    config = replace(MONTH, catalogue=catalogue)
    two = [one for batch in lived(config, 24) for one in batch.incidents]
    names = [one.id for one in two]
    assert len(set(names)) == len(names)
    counted = Counter(one.typology for one in two)
    # Weeks do not fit into two days; what needs a history has one from the second period on.
    assert set(counted.values()) == {2, 4}
    assert [counted[typology] for typology in ("F07", "A01", "R-CN-1", "F13", "F19")] == [
        4,
        4,
        4,
        2,
        2,
    ]
    assert not {"A16", "F28", "A22"} & set(counted)


def test_only_the_typologies_asked_for_occur():
    config = replace(MONTH, catalogue=Catalogue(each=3, typologies=("A11", "F21")))
    found = [one.typology for batch in lived(config) for one in batch.incidents]
    assert Counter(found) == {"A11": 3, "F21": 3}


def test_everybody_has_a_past_and_dormant_accounts_have_a_distant_one(scenes, events):
    world = World(MONTH)
    past = world.past()
    before = [orjson.loads(line) for line in past.lines.splitlines()]
    persons = {f"acct-{number:06d}" for number in range(MONTH.accounts)}
    assert persons < {event["account"] for event in before}
    usual = {(e["account"], e["counterparty"]) for e in before}
    paid = [e for e in events if e["event_id"].startswith("p-") and e["account"] in persons]
    known = sum((e["account"], e.get("counterparty")) in usual for e in paid)
    assert 0.6 < known / len(paid) < 0.95
    assert len(before) == past.events
    assert [e["event_time"] for e in before] == sorted(e["event_time"] for e in before)
    assert past.last_ms < MONTH.start_ms
    last = {event["account"]: event["event_time"] for event in before}
    for _, own in scenes["A08"]:
        assert own[0]["event_time"] - last[own[0]["account"]] >= 90 * DAY_MS


def test_a_world_without_catalogue_has_nothing_scripted_and_no_detail():
    plain = replace(MONTH, catalogue=None)
    lines = b"".join(batch.lines for batch in lived(plain, 6))
    assert b'"lat"' not in lines
    assert b'"event_id":"x-' not in lines
    assert b'"event_id":"w-' not in lines
    assert World(plain).past().events == 0


def test_lookalikes_are_ordinary(events, incidents):
    lookalike = {e["event_id"] for e in events if e["event_id"].startswith("w-")}
    played = {name.rsplit("-", 1)[0] for name in lookalike}
    expected = MONTH.accounts / 1_000 * MONTH.catalogue.lookalikes_per_1000 * 30
    assert 0.9 * expected <= len(played) <= expected
    assert not lookalike & {name for incident in incidents for name in incident.event_ids}
    assert len(LOOKALIKES) > 15


def test_refunds_refer_to_what_was_paid(events):
    by_id = {event["event_id"]: event for event in events}
    undone = [e for e in events if e.get("status") == "reversed" and e["event_id"].startswith("w-")]
    assert len(undone) > 10
    for event in undone:
        original = by_id[event["reverses"]]
        assert original["status"] == "approved"
        assert all(original[name] == event[name] for name in ("account", "merchant", "amount"))


def ordinary(events):
    return [e for e in events if e["event_id"][0] in "pl"]


def test_households_share_a_device(events):
    users = defaultdict(set)
    for event in ordinary(events):
        if event.get("device", "").startswith("dev-"):
            users[event["device"]].add(event["customer"])
    shared = [len(who) for who in users.values() if len(who) > 1]
    assert 100 < len(shared) < 0.2 * len(users)
    assert max(shared) <= 4


def test_people_travel_but_mostly_stay(events):
    home = defaultdict(list)
    for event in ordinary(events):
        if "lat" in event and not event.get("ip_proxy"):
            home[event["account"]].append(event)
    pairs = [(placed[0], one) for placed in home.values() for one in placed[1:]]
    far = sum(km(a, b) > 150 for a, b in pairs) / len(pairs)
    assert 0.01 < far < 0.1


def test_records_are_plausible(events):
    paid = [e for e in ordinary(events) if e["kind"] == "payment"]
    persons = [e for e in paid if e["customer_kind"] == "natural"]
    assert all(e["account_opened"] < e["event_time"] for e in paid)
    assert all(e["birth_date"] < e["account_opened"] for e in persons)
    assert all(e["balance_before"] >= e["amount"] for e in paid if e["currency"] == "CNY")
    minors = {
        e["account"] for e in persons if e["event_time"] - e["birth_date"] < 18 * 365 * DAY_MS
    }
    assert 0 < len(minors) / len({e["account"] for e in persons}) < 0.03
    assert all(e["device"].startswith("atm-") for e in paid if e["channel"] == "atm")
    proxied = [e for e in persons if e.get("ip_proxy")]
    assert 0 < len(proxied) / len(persons) < 0.01


@pytest.mark.parametrize(
    "broken", [{"each": -1}, {"period_days": 0}, {"lookalikes_per_1000": -1.0}]
)
def test_impossible_catalogues_are_refused(broken):
    with pytest.raises(ConfigError):
        Catalogue(**broken)


def test_unknown_typologies_are_refused():
    with pytest.raises(ConfigError, match="F99"):
        World(replace(MONTH, catalogue=Catalogue(typologies=("F99",))))
