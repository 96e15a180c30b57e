"""Packs that change over a restart: what means the same goes on, the rest says since when."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from config.packs import load_pack
from dataflows import adoption
from dataflows.adoption import adopted, take_up, warming_in
from dataflows.sealing import Sealer
from models.errors import StateError
from models.planning.blueprint import Deployment, draw
from models.planning.outline import warming
from models.planning.outline_json import digest_of
from models.records import Alert
from models.wording import rfc3339
from tests.dataflows.changing import lives, run


def reasons(items, rules):
    """(alert id, rule) → the reason as text, without the mark of warming."""
    return {
        (item.id, reason["rule"]): json.dumps(
            {k: v for k, v in reason.items() if k != "warming"}, default=dict
        )
        for item in items
        if isinstance(item, Alert)
        for reason in item.content["data"]["reasons"]
        if reason["rule"] in rules
    }


def waited(item):
    """Between when an alert's rule waited; None for the others."""
    return item.content["data"]["reasons"][0].get("absent")


def marked(items):
    """Rule → features that its alerts said were warming."""
    found = {}
    for item in items:
        if isinstance(item, Alert):
            for reason in item.content["data"]["reasons"]:
                found.setdefault(reason["rule"], set()).update(reason.get("warming", {}))
    return found


def test_what_means_the_same_goes_on_and_the_rest_says_since_when(
    blueprint, changed, halves, tmp_path, remembering
):
    events, complete = halves
    run(blueprint, tmp_path / "state", events, remembering)
    complete()
    whole, _told = run(changed, tmp_path / "whole", events, remembering)

    after, told = run(changed, tmp_path / "state", events, remembering)

    # everything that these rules ask was kept: windows of up to 12 hours over the same values
    full = {"MANY", "FAILED", "MOVED", "SPREAD", "UNANSWERED"}
    got, expected = reasons(after, full), reasons(whole, full)
    assert got.items() <= expected.items()
    assert {rule for _alert, rule in got} >= {"MANY", "FAILED", "SPREAD"}
    # a rule without cooldown hits whatever the others do
    first = min(i.time_ms for i in after if isinstance(i, Alert) and waited(i) is None)
    later = {item.id for item in whole if isinstance(item, Alert) and item.time_ms >= first}
    spread = {key for key in expected if key[1] == "SPREAD" and key[0] in later}
    assert len(spread) > 30
    assert spread == {key for key in got if key[1] == "SPREAD"}
    # what waited when the packs changed went on waiting
    late = [i for i in whole if isinstance(i, Alert) and "UNANSWERED" in i.rules]
    across = {i.id for i in late if waited(i)[0] < rfc3339(first) < waited(i)[1]}
    assert len(across) > 3
    assert across <= {alert for alert, _rule in got}
    (taken,) = told
    since_ms = taken.blueprint.since_ms["small.channels_1d"]
    assert [(one.feature, one.since_ms, one.until_ms) for one in taken.warming] == [
        ("small.by_device_1d", since_ms, since_ms + 86_400_000),
        ("small.channels_1d", since_ms, since_ms + 86_400_000),
    ]
    assert warming_in(tmp_path / "state", None) == taken.warming
    warm = marked(after)
    assert warm["MANY"] == set()
    assert warm["CHANNELS"] == {"channels_1d"}
    assert warm["DEVICE"] == {"by_device_1d"}
    reason = next(
        reason
        for item in after
        if isinstance(item, Alert)
        for reason in item.content["data"]["reasons"]
        if reason["rule"] == "CHANNELS"
    )
    assert reason["warming"] == {"channels_1d": rfc3339(since_ms)}


def test_lifetimes_go_on_and_a_new_one_says_since_when(halves, tmp_path, remembering):
    events, complete = halves
    plans = []
    for summed in (False, True):
        path = tmp_path / "lives.yaml"
        path.write_text(lives(summed=summed))
        plans.append(draw([load_pack(str(path))], Deployment()))
    run(plans[0], tmp_path / "state", events, remembering)
    complete()
    whole, _told = run(plans[1], tmp_path / "whole", events, remembering)

    after, (taken,) = run(plans[1], tmp_path / "state", events, remembering)

    got, expected = reasons(after, {"COUNTED"}), reasons(whole, {"COUNTED"})
    assert len(got) > 30
    assert got.items() <= expected.items()
    assert [(one.feature, one.until_ms) for one in taken.warming] == [("lives.paid", None)]
    summed = reasons(after, {"SUMMED"})
    assert 0 < len(summed) < len(reasons(whole, {"SUMMED"}))
    assert marked(after) == {"COUNTED": set(), "SUMMED": {"paid"}}


def test_a_crash_in_the_change_changes_nothing(
    blueprint, changed, halves, tmp_path, remembering, monkeypatch
):
    events, complete = halves
    for name in ("state", "other"):
        run(blueprint, tmp_path / name, events, remembering)
    complete()
    expected, _told = run(changed, tmp_path / "other", events, remembering)
    before = (tmp_path / "state" / "plan").read_bytes()

    def crash(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(adoption, "_write", crash)
        with pytest.raises(KeyboardInterrupt):
            take_up(tmp_path / "state", changed, "arrival", None)
    assert (tmp_path / "state" / "plan").read_bytes() == before
    with monkeypatch.context() as patch:
        # all is converted, but the processes' copy is not written
        patch.setattr(adoption, "write_whole", crash)
        with pytest.raises(KeyboardInterrupt):
            take_up(tmp_path / "state", changed, "arrival", None)
    after, told = run(changed, tmp_path / "state", events, remembering)

    assert not told
    every = set(marked(expected))
    assert reasons(after, every) == reasons(expected, every)
    assert marked(after) == marked(expected)


def test_there_and_back_again(blueprint, changed, halves, tmp_path, remembering):
    events, complete = halves
    whole = tmp_path / "whole"
    run(blueprint, tmp_path / "state", events, remembering)
    take_up(tmp_path / "state", changed, "arrival", None)
    complete()

    after, (taken,) = run(blueprint, tmp_path / "state", events, remembering)

    expected, _told = run(blueprint, whole, events, remembering)
    # what only the first plan kept is gone: 13 hours of events for `usual`, but not yet the rest
    assert {one.feature for one in taken.warming} <= {"small.usual", "small.device_before"}
    got = reasons(after, {"MANY", "FAILED"})
    assert got
    assert got.items() <= reasons(expected, {"MANY", "FAILED"}).items()


def test_sealed_state_is_converted_and_stays_sealed(
    blueprint, changed, halves, tmp_path, remembering
):
    events, complete = halves
    sealer = Sealer(bytes(range(32)))
    run(blueprint, tmp_path / "state", events, remembering, sealer)
    complete()

    after, _told = run(changed, tmp_path / "state", events, remembering, sealer)

    assert any(isinstance(item, Alert) for item in after)
    pieces = list((tmp_path / "state" / "state").glob("*.base"))
    assert pieces
    assert all(path.read_bytes().startswith(b"RGSEAL01") for path in pieces)


def test_rules_alone_and_new_names_rewrite_no_state(
    blueprint, halves, tmp_path, remembering, pack_file
):
    events, _complete = halves
    run(blueprint, tmp_path / "state", events, remembering)
    segments = sorted(path.name for path in (tmp_path / "state" / "state").iterdir())
    path = tmp_path / "renamed.yaml"
    path.write_text(pack_file.read_text().replace("payments_10m", "payments_in_10m"))
    renamed = draw([load_pack(str(path))], Deployment())

    taken = take_up(tmp_path / "state", renamed, "arrival", None)

    assert taken.changed
    assert not taken.warming
    assert sorted(p.name for p in (tmp_path / "state" / "state").iterdir()) == segments


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shards": 4}, "shards 8, now it is 4"),
        ({"lateness_ms": 1000}, "allowed_lateness_ms 60000, now it is 1000"),
    ],
)
def test_what_may_never_change_is_refused_by_name(
    blueprint, halves, tmp_path, remembering, change, said
):
    events, _complete = halves
    run(blueprint, tmp_path / "state", events, remembering)
    other = draw(blueprint.packs, replace(blueprint.deployment, **change))

    with pytest.raises(StateError, match=said):
        take_up(tmp_path / "state", other, "arrival", None)


def test_a_process_goes_on_only_with_the_plan_that_was_taken_up(blueprint, changed, tmp_path):
    take_up(tmp_path, blueprint, "arrival", None)

    assert adopted(tmp_path, blueprint, "arrival").since_ms == {}
    with pytest.raises(StateError, match="other packs or settings"):
        adopted(tmp_path, changed, "arrival")
    with pytest.raises(StateError, match="other packs or settings"):
        adopted(tmp_path / "nowhere", blueprint, "arrival")


def test_a_directory_of_an_earlier_version_is_taken_up_unchanged_only(blueprint, changed, tmp_path):
    (tmp_path / "plan").write_text(blueprint.fingerprint)

    with pytest.raises(StateError, match="earlier version"):
        take_up(tmp_path, changed, "arrival", None)
    assert not take_up(tmp_path, blueprint, "arrival", None).changed
    assert take_up(tmp_path, changed, "arrival", None).changed


def test_the_engine_leaves_the_plan_in_its_store_alone(blueprint, halves, tmp_path, remembering):
    events, _complete = halves
    run(blueprint, tmp_path / "state", events, remembering)

    (path,) = (tmp_path / "state" / "recovery").glob("*.sqlite3")
    with closing(sqlite3.connect(path)) as store:
        found = adoption._read(store)
    assert found is not None
    assert digest_of(found) == digest_of(adoption.describe(blueprint, "arrival"))
    assert warming(found, 0) == {}
