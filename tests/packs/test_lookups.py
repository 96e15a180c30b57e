"""Reference data in packs: joined as of event time, by key, in reasons; and what is refused."""

from dataclasses import replace

import pytest

from config.packs import load_pack
from dataflows.examples import START_MS
from dataflows.offline import Offline
from models.errors import ConfigError, Place
from models.lookups import NEVER, Entry, LookupTable
from models.planning.blueprint import Deployment, draw
from models.records import RawBlock

PLACE = Place("merchants.csv", 2)
MERCHANTS = LookupTable(
    ("segment", "limit"),
    (
        Entry("m1", START_MS - 1000, NEVER, {"segment": "food", "limit": "100"}, PLACE),
        Entry("m1", START_MS + 60_000, NEVER, {"segment": "jewels", "limit": "5000"}, PLACE),
        Entry("m2", START_MS - 1000, START_MS + 60_000, {"segment": "food"}, PLACE),
    ),
)
PACK = """
pack: segments
on: [payment]
lookups:
  segment: {table: merchants, by: merchant, value: segment}
  ceiling: {table: merchants, by: merchant, value: limit, type: number}
  known: {table: merchants, by: merchant}
features:
  spent_in_segment: {sum: amount, by: [account, segment], over: 1h}
rules:
  - id: OVER
    name: {en: a, zh: b}
    when: amount > ceiling OR spent_in_segment > 150 OR NOT known
    subject: account
    severity: low
    because: {en: "{segment} {ceiling} {spent_in_segment}", zh: "{segment}"}
"""


@pytest.fixture
def pack(tmp_path):
    path = tmp_path / "segments.yaml"
    path.write_text(PACK)
    return load_pack(str(path))


def run(pack, events):
    deployment = replace(Deployment(), tables={"merchants": MERCHANTS})
    offline = Offline(draw([pack], deployment))
    lines = [
        b'{"event_id":"%d","event_time":%d,"kind":"payment","account":"a","amount":%d,"currency":'
        b'"CNY","counterparty":"b","merchant":"%s"}' % (n, START_MS + at, amount, merchant.encode())
        for n, (at, amount, merchant) in enumerate(events)
    ]
    first = offline.feed(RawBlock(0, b"\n".join(lines), 0, START_MS + 10_000_000))
    every = [*first.alerts, *offline.finish().alerts]
    return {alert.event_id: alert.content["data"] for alert in every}


def test_each_event_meets_what_held_at_its_time(pack):
    events = [(0, 101, "m1"), (1000, 60, "m2"), (61_000, 101, "m1"), (62_000, 60, "m2")]

    found = run(pack, [*events, (63_000, 1, "m3")])

    reasons = {event: data["reasons"][0]["en"] for event, data in found.items()}
    assert reasons == {
        "0": "food 100 101",
        "1": "food – 161",
        # m1 sells jewels by now: its limit is another; m2 is off the list
        "3": "– – –",
        "4": "– – –",
    }
    assert found["0"]["event"]["segment"] == "food"
    assert found["0"]["event"]["known"] is True
    assert found["4"]["event"]["known"] is False


def test_a_record_cannot_say_what_is_looked_up(pack):
    deployment = replace(Deployment(), tables={"merchants": MERCHANTS})

    schema = draw([pack], deployment).schema

    assert {"segment", "ceiling", "known"} <= {column.name for column in schema.columns}
    assert not {"segment", "ceiling", "known"} & set(schema.names)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({}, "no table is called merchants"),
        ({"merchant": MERCHANTS}, "no table is called merchants"),
        ({"merchants": LookupTable(("limits",), ())}, "the table merchants has no column segment"),
    ],
)
def test_a_table_must_be_there_with_its_column(pack, tables, said):
    with pytest.raises(ConfigError, match=said) as caught:
        draw([pack], replace(Deployment(), tables=tables))
    assert caught.value.place.line in (5, 6, 7)


def test_like_is_refused_where_only_a_hash_is_known(pack, tmp_path):
    path = tmp_path / "like.yaml"
    path.write_text(PACK.replace("NOT known", "segment LIKE 'f%'"))

    with pytest.raises(ConfigError, match="LIKE does not work on segment"):
        draw([load_pack(str(path))], replace(Deployment(), tables={"merchants": MERCHANTS}))


def test_packs_agree_on_what_a_name_joins(pack, tmp_path):
    path = tmp_path / "other.yaml"
    path.write_text(
        PACK.replace("pack: segments", "pack: other").replace("value: segment", "value: limit")
    )

    with pytest.raises(ConfigError, match="another pack joins other data as segment"):
        draw([pack, load_pack(str(path))], replace(Deployment(), tables={"merchants": MERCHANTS}))
