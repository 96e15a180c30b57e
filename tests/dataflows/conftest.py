"""A small pack, a small world and sinks that remember."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from config.packs import load_pack
from connectors.file import FileSource
from dataflows.edges import Outlets
from dataflows.execute import execute, opened
from dataflows.offline import Offline
from models.planning.blueprint import Blueprint, Deployment, draw
from models.records import Alert, RawBlock, Repeat
from models.simulator.world import World, WorldConfig
from tests.dataflows.changing import changed_text

PACK = """
pack: small
on: [payment, login]
undone_by: "status = 'reversed'"
features:
  payments_10m: {count: "*", by: account, over: 10m, on: [payment]}
  paid_1h: {sum: amount_base, by: account, over: 1h, on: [payment]}
  spread_1h: {std: amount_base, by: account, over: 1h, on: [payment]}
  payees_1d: {distinct: counterparty, by: account, over: 1d, on: [payment]}
  received_1d: {sum: amount_base, by: counterparty, of: account, over: 1d, on: [payment]}
  today: {sum: amount_base, by: customer, over: "day(Asia/Shanghai)", on: [payment]}
  usual: {mean: amount_base, by: account, over: 12h, delay: 1h, min_history: 2, on: [payment]}
  failures_5m: {count: "*", by: customer, over: 5m, on: [login], where: "outcome = 'fail'"}
  device_before: {last: device, by: account, exclude_current: true, on: [payment]}
  way_3d: {chain: [account, counterparty], amount: amount_base, tolerance: 50%, over: 3d,
           on: [payment]}
  visit: {count: "*", by: account, over: "session(20m) max 6h", on: [payment]}
  since_login: {sum: amount_base, by: customer, over: "since(kind = 'login') max 12h"}
  alike_6h: {match: {amount_base: within 10%}, by: account, over: 6h, on: [payment]}
  top_1d: {top_share: counterparty, weight: amount_base, by: account, over: 1d, on: [payment]}
  faded: {ewm: amount_base, half_life: 1h, by: account, over: 6h, min_history: 2, on: [payment]}
detectors:
  isolation: {model: half_space_trees, features: [paid_1h, payees_1d, amount_base], trees: 5,
              height: 5, window: 100, limits: {paid_1h: [0, 5000], payees_1d: [0, 10],
              amount_base: [0, 3000]}}
  own: {model: half_space_trees, by: account, features: [paid_1h, payees_1d], trees: 5, height: 5,
        window: 100, limits: {paid_1h: [0, 5000], payees_1d: [0, 10]}}
  market: {model: half_space_trees, by: all, features: [paid_1h, amount_base], trees: 5, height: 5,
           window: 100, limits: {paid_1h: [0, 5000], amount_base: [0, 3000]}, on: [payment]}
rules:
  - id: MANY
    on: [payment]
    name: {en: Many payments, zh: 多笔支付}
    when: payments_10m >= 3
    subject: account
    severity: {high: payments_10m >= 6, medium: TRUE}
    cooldown: 30m
    because: {en: "{payments_10m} payments in ten minutes", zh: "十分钟内 {payments_10m} 笔支付"}
  - id: LARGE
    on: [payment]
    name: {en: Larger than usual, zh: 金额异常}
    when: amount_base > 4 * usual AND amount_base > 500
    subject: account
    severity: medium
    because: {en: "{amount_base} against a usual {usual}", zh: "{amount_base}，平时 {usual}"}
  - id: FAILED
    on: [login]
    name: {en: Failed logins, zh: 登录失败}
    when: failures_5m >= 3
    subject: customer
    severity: low
    cooldown: 10m
    because: {en: "{failures_5m} failed logins", zh: "{failures_5m} 次登录失败"}
  - id: UNANSWERED
    on: [login]
    name: {en: Failed and gone, zh: 失败后未再登录}
    when: failures_5m >= 1
    absent: {within: 20m, where: "outcome = 'success'", on: login}
    subject: customer
    severity: low
    cooldown: 1h
    because: {en: "{failures_5m} failed logins, no good one", zh: "{failures_5m} 次失败，未成功"}
  - id: STUCK
    on: [payment]
    name: {en: Money stays, zh: 资金停留}
    when: received_1d > 500 AND amount_base > 300
    absent: {within: 30m, on: payment, by: account, where: "amount_base > 100"}
    subject: counterparty
    severity: {medium: amount_base > 1000, low: TRUE}
    because: {en: "{amount_base} came and stays", zh: "{amount_base} 停留"}
  - id: MOVED
    on: [payment]
    name: {en: New device and money through, zh: 新设备过账}
    when: device <> device_before AND received_1d > 1000 AND today > 2000 AND spread_1h > 1
    subject: account
    severity: high
    because: {en: "{received_1d} in, {today} out today", zh: "今日转入 {received_1d}，转出 {today}"}
  - id: LOOKS
    on: [payment]
    name: {en: Looks through, zh: 逐笔比对}
    when: way_3d >= 3 OR alike_6h >= 2 OR visit >= 4 AND top_1d > 0.5 OR since_login > 5000
    subject: account
    severity: {high: way_3d >= 3, medium: alike_6h >= 2, low: TRUE}
    cooldown: 30m
    because: {en: "{way_3d} {alike_6h} {visit} {top_1d} {since_login} {faded}", zh: "{way_3d}"}
  - id: FADED
    on: [payment]
    name: {en: More than lately, zh: 高于近期}
    when: amount_base > 2 * faded
    subject: account
    severity: low
    cooldown: 30m
    because: {en: "{amount_base} against {faded}", zh: "{amount_base}"}
  - id: KEYED
    on: [payment]
    name: {en: Unusual for its shard or for all, zh: 异常}
    when: own_p <= 0.004 OR market_p <= 0.002
    subject: account
    severity: {medium: own_p <= 0.004, low: TRUE}
    because: {en: "own {own} all {market}", zh: "{own} {market}"}
  - id: ODD
    on: [payment]
    name: {en: Unusual, zh: 异常}
    when: isolation_p <= 0.002
    subject: account
    severity: low
    because: {en: "isolation {isolation}", zh: "孤立度 {isolation}"}
"""


class Remembering:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.flushed = 0

    def write(self, items: Sequence[Any]) -> None:
        self.items.extend(items)

    def flush(self) -> None:
        self.flushed += 1

    def close(self) -> None:
        pass


@pytest.fixture
def remembering() -> type[Remembering]:
    return Remembering


@pytest.fixture(scope="session")
def pack_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pack") / "small.yaml"
    path.write_text(PACK)
    return path


@pytest.fixture(scope="session")
def blueprint(pack_file) -> Blueprint:
    return draw([load_pack(str(pack_file))], Deployment())


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Blueprint:
    """The same without the detector whose scores depend on how the topic is partitioned."""
    at, after = PACK.index("  isolation:"), PACK.index("  own:")
    path = tmp_path_factory.mktemp("pack") / "plain.yaml"
    path.write_text(PACK[:at] + PACK[after : PACK.index("  - id: ODD")])
    return draw([load_pack(str(path))], Deployment())


@pytest.fixture(scope="session")
def lines() -> bytes:
    """About 20,000 simulated events with a few bad ones."""
    world = World(WorldConfig(seed=3, accounts=3000, incidents_per_day=300))
    parts = [batch.lines for batch in itertools.islice(world.batches(skip=60), 60)]
    parts.insert(5, b"{broken\n")
    parts.insert(9, b'{"event_id":"x","event_time":1767542400000,"kind":"payment"}\n')
    return b"".join(parts)


@pytest.fixture
def changed(tmp_path):
    path = tmp_path / "changed.yaml"
    path.write_text(changed_text(PACK))
    return draw([load_pack(str(path))], Deployment())


@pytest.fixture
def halves(tmp_path, lines):
    """A file with the first half of a stream, and a function that adds the second."""
    rows = lines.splitlines(keepends=True)
    events = tmp_path / "events.ndjson"
    events.write_bytes(b"".join(rows[: len(rows) // 2]))

    def complete() -> None:
        events.write_bytes(b"".join(rows))

    return events, complete


@pytest.fixture
def flow(tmp_path):
    """Run lines through the dataflow; returns (alerts and repeats, dead letters, counters)."""

    def run(blueprint: Blueprint, data: bytes, *, block_bytes: int = 1 << 20):
        path = tmp_path / "events.ndjson"
        path.write_bytes(data)
        alerts, dead, late = Remembering(), Remembering(), Remembering()
        with opened(None, blueprint) as place:
            source = FileSource((str(path),), block_bytes=block_bytes)
            execute(source, Outlets(alerts, dead, late), place)
            return alerts.items, dead.items, place[1].shared.counters

    return run


def offline_alerts(
    blueprint: Blueprint, data: bytes, *, block_bytes: int = 1 << 20, ordered: bool = False
) -> list[Alert | Repeat]:
    """Alerts of the engine-free runner; blocks are cut at line ends."""
    offline, out, at, record = Offline(blueprint, ordered=ordered), [], 0, 0
    while at < len(data):
        end = data.find(b"\n", min(at + block_bytes, len(data)) - 1) + 1 or len(data)
        block = data[at:end]
        out += offline.feed(RawBlock(0, block, record, 1_800_000_000_000)).alerts
        at, record = end, record + block.count(b"\n")
    return out + offline.finish().alerts


@pytest.fixture(scope="session")
def offline():
    return offline_alerts
