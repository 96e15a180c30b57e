"""Detectors in a pack: what they may read, who learns together, and bursts of edges."""

import orjson
import pytest

from config.packs import load_pack
from dataflows.offline import Offline
from models.errors import ConfigError
from models.planning.blueprint import Deployment, draw
from models.records import RawBlock

PACK = """
pack: odd
on: [payment]
features:
  paid_1h: {{sum: amount_base, by: account, over: 1h}}
  last_device: {{last: device, by: account}}
detectors:
  trees: {{model: half_space_trees, features: [paid_1h, amount], trees: 2, height: 2, window: 5}}
  other: {{{detector}}}
rules:
  - id: R
    name: {{en: a, zh: b}}
    when: other >= 0.5
    subject: account
    severity: low
    because: {{en: "{{other}}", zh: "{{other}}"}}
"""
START_MS = 1_767_585_600_000
MISTAKES = [
    ("model: half_space_trees, features: [paid_1h, paid]", 56, "no column or feature is called"),
    ("model: half_space_trees, features: account", 46, "account is text"),
    ("model: half_space_trees, features: [last_device]", 47, "last_device is text"),
    ("model: half_space_trees, features: [trees_p]", 47, "trees_p is a detector, and detectors do"),
    ("model: midas, features: [account, amount]", 45, "amount names no payer or payee"),
    ("model: midas, features: [account]", 36, "midas takes payer and payee, was 1 columns"),
    ("model: midas, features: [account, counterparty], fade: 2", 66, "was 2"),
    ("model: midas, features: [account, counterparty], by: amount", 64, "amount is a money column"),
    ("model: midas, features: [account, counterparty], by: al", 64, "no column is called al"),
]  # fmt: skip


def pack_of(tmp_path, detector):
    path = tmp_path / "odd.yaml"
    path.write_text(PACK.format(detector=detector))
    return load_pack(str(path))


@pytest.mark.parametrize(("detector", "column", "said"), MISTAKES, ids=[m[2] for m in MISTAKES])
def test_what_a_detector_cannot_take_is_told_before_the_first_event(
    tmp_path, detector, column, said
):
    with pytest.raises(ConfigError) as found:
        draw([pack_of(tmp_path, detector)], Deployment())

    place = found.value.place
    assert place is not None
    assert (place.line, found.value.message[: len(said)]) == (9, said)
    assert place.column == column


def scores(tmp_path, detector, events, *, partitions=1):
    """Event id → the score of `other`, in event-time order whatever the partition."""
    offline = Offline(draw([pack_of(tmp_path, detector)], Deployment(shards=4)))
    lines = [orjson.dumps(e) for e in sorted(events, key=lambda e: e["event_time"])]
    dealt = [lines[n::partitions] for n in range(partitions)]
    # every partition is heard of before any has more to say
    blocks = [RawBlock(n, own[0], 0, 1 << 53) for n, own in enumerate(dealt)]
    blocks += [RawBlock(n, b"\n".join(own[1:]), 1, 1 << 53) for n, own in enumerate(dealt)]
    results = list(offline.run(iter(blocks)))
    assert not any(some.dead_letters for some in results)
    return {
        one.batch.text("event_id", row): score
        for some in results
        for one in some.scored
        if one.batch is not None
        for row, score in enumerate(one.scores["odd.other"].tolist())
    }


def payment(number, second, account, counterparty="x", **columns):
    whole = {
        "event_id": f"e{number:04d}", "kind": "payment", "event_time": START_MS + second * 1000,
        "account": account, "counterparty": counterparty, "amount": 10, "currency": "CNY",
    }  # fmt: skip
    return {name: value for name, value in (whole | columns).items() if value is not None}


EDGES = "model: midas, features: [account, counterparty], tick: 1m, by: "


def test_a_burst_between_two_parties_scores_above_ordinary_traffic(tmp_path):
    events = [payment(n, 7 * n, f"a{n % 9}", f"m{n % 7}") for n in range(1000)]
    events += [payment(2000 + n, 6000 + n // 10, "thief", "mule") for n in range(80)]
    events += [payment(3000 + n, 7000 + 7 * n, f"a{n % 9}", f"m{n % 7}") for n in range(300)]

    found = scores(tmp_path, EDGES + "all", events)

    burst = [found[f"e{2000 + n:04d}"] for n in range(20, 80)]
    ordinary = [found[f"e{n:04d}"] for n in range(200, 1000)]
    assert min(burst) > max(ordinary)


def test_unknown_parties_are_not_scored_and_tenants_share_no_key(tmp_path):
    events = [payment(n, n, "a", tenant=f"t{n % 2}") for n in range(200)]
    events += [payment(500, 200, "a", None), payment(501, 200, "a", tenant="t2")]

    found = scores(tmp_path, EDGES + "all", events)

    assert found["e0500"] != found["e0500"]
    assert found["e0501"] < min(found["e0198"], found["e0199"])


@pytest.mark.parametrize("by", ["account", "all"])
def test_by_a_key_scores_do_not_depend_on_partitions(tmp_path, by):
    events = [payment(n, 5 * n, f"a{n % 11}", f"m{n % 5}") for n in range(600)]

    one, three = (scores(tmp_path, EDGES + by, events, partitions=n) for n in (1, 3))

    assert one == three
    assert max(one.values()) > 0


def test_accounts_of_one_shard_learn_together_and_of_others_apart(tmp_path):
    detector = (
        "model: half_space_trees, features: amount, by: account, trees: 9, height: 6, window: 40,"
        " limits: {amount: [0, 100]}"
    )
    events = [payment(n, n, f"a{n % 40}", amount=10 + n % 3) for n in range(2000)]
    events += [payment(3000 + n, 2000 + n, f"a{n % 40}", amount=90) for n in range(40)]

    found = scores(tmp_path, detector, events)

    early = {f"a{n}": found[f"e{n:04d}"] for n in range(40)}
    assert set(early.values()) == {0.0}
    # every shard has seen enough by then to know that 90 is much
    assert min(found[f"e{3000 + n}"] for n in range(12)) > max(
        found[f"e{n:04d}"] for n in range(1900, 2000)
    )
