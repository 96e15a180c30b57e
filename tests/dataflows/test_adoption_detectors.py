"""Detectors over a change of the packs: what means the same keeps what it has learnt."""

from dataclasses import replace

from dataflows.recovery import snapshots
from models.planning.blueprint import Deployment, draw
from models.records import Alert
from tests.dataflows.changing import run

DETECTORS = ("isolation", "own", "market")


def scores(items):
    return {
        i.id: [i.content["data"]["scores"].get(name) for name in DETECTORS]
        for i in items
        if isinstance(i, Alert)
    }


def test_a_detector_keeps_what_it_has_learnt_behind_new_ones(
    blueprint, changed, halves, tmp_path, remembering
):
    events, complete = halves
    run(blueprint, tmp_path / "state", events, remembering)
    run(blueprint, tmp_path / "same", events, remembering)
    assert [d.name for d in changed.packs[0].detectors] == ["first", "second", *DETECTORS]
    without = replace(changed.packs[0], detectors=changed.packs[0].detectors[2:])
    complete()

    after, _told = run(changed, tmp_path / "state", events, remembering)
    other, _told = run(draw([without], Deployment()), tmp_path / "same", events, remembering)

    found, expected = scores(after), scores(other)
    shared = found.keys() & expected.keys()
    for place in range(len(DETECTORS)):
        assert any((found[key][place] or {}).get("score") for key in shared)
    assert {key: found[key] for key in shared} == {key: expected[key] for key in shared}


def test_detectors_of_a_key_that_are_gone_leave_nothing_that_a_start_would_take_up(
    blueprint, halves, tmp_path, remembering
):
    events, complete = halves
    pack, kinds = blueprint.packs[0], ("ODD", "KEYED")
    plain = draw(
        [replace(pack, detectors=(), rules=tuple(r for r in pack.rules if r.id not in kinds))],
        Deployment(),
    )
    state = tmp_path / "state"
    run(blueprint, state, events, remembering)
    assert any(s.step == "score.detect" for s in snapshots(state / "recovery"))
    rows = events.read_bytes()
    complete()
    whole = events.read_bytes()

    events.write_bytes(whole[: (len(rows) + len(whole)) // 2])
    run(plain, state, events, remembering)
    assert not any(s.step == "score.detect" for s in snapshots(state / "recovery"))
    events.write_bytes(whole)
    after, (taken,) = run(blueprint, state, events, remembering)

    assert taken.changed
    assert any(marks[1] for marks in scores(after).values())
