"""Hits on a journey between processes: what arrives makes the same alerts."""

import pickle

import pytest

from dataflows.offline import Offline
from dataflows.subjects import SubjectHits, by_subject, to_subjects
from models.alerting import to_alert
from models.records import RawBlock
from models.rounds import Turn


@pytest.fixture(scope="module")
def scored(blueprint, lines):
    """Batches with hits, detectors' too."""
    offline = Offline(blueprint)
    data = b"".join(lines.splitlines(keepends=True)[:8000])
    found = offline.feed(RawBlock(0, data, 0, 1_800_000_000_000)).scored
    found += offline.finish().scored
    found = [one for one in found if one.hits]
    assert sum(len(one.hits) for one in found) > 50
    return found


def content(hits):
    return [(hit.id, hit.order_ms, hit.trace, to_alert(hit)) for hit in hits]


def travelled(sent):
    return pickle.loads(pickle.dumps(sent))  # noqa: S301 - our own


def test_a_journey_changes_nothing(scored, blueprint):
    for one in scored:
        for sent in to_subjects(one, blueprint):
            expected = content(sent.hits)

            there = travelled(sent)
            again = travelled(there)

            assert not there.hits
            assert content(there.bound(blueprint)) == expected
            assert content(again.bound(blueprint)) == expected
            assert content(sent.bound(blueprint)) == expected
            assert (again.home, again.shard, again.turn) == (one.home, sent.shard, sent.turn)


def test_no_rule_travels(scored, blueprint):
    rule = blueprint.rules[0]
    raw = pickle.dumps(to_subjects(scored[0], blueprint)[0])

    assert rule.spec.name["en"].encode() not in raw


def test_nothing_to_tell_is_told_in_a_round(blueprint):
    sent = SubjectHits(1, 3, Turn(5, 2, last=True), ())

    there = travelled(sent)

    assert (there.home, there.shard, there.turn) == (1, 3, sent.turn)
    assert list(there.bound(blueprint)) == []


def test_every_hit_goes_to_one_shard_in_order(scored, blueprint):
    for one in scored:
        grouped = by_subject(one.hits, blueprint)

        assert sum(map(len, grouped.values())) == len(one.hits)
        for hits in grouped.values():
            places = [one.hits.index(hit) for hit in hits]
            assert places == sorted(places)
        for subject in {(hit.tenant, hit.domain, hit.subject) for hit in one.hits}:
            homes = {
                shard
                for shard, hits in grouped.items()
                if any((hit.tenant, hit.domain, hit.subject) == subject for hit in hits)
            }
            assert len(homes) == 1


def test_only_in_a_round_every_shard_is_told(scored, blueprint):
    from dataclasses import replace

    one = scored[0]
    turn = Turn(0, 2, last=True)

    alone = to_subjects(one, blueprint)
    together = to_subjects(replace(one, turn=turn), blueprint)

    assert {some.shard for some in alone} == set(by_subject(one.hits, blueprint))
    assert [some.shard for some in together] == list(range(blueprint.deployment.shards))
    assert all(some.turn == turn for some in together)
