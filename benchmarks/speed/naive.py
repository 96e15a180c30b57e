"""The naive peer of the speed job: what one writes first with Bytewax and River.

``python -m benchmarks.speed.naive EVENTS OUT [--trees] [--cpu N]``

One dataflow: `orjson.loads` per event, `stateful_map` by account with a deque per window, sums
and sets computed anew at every event, Python conditions for the rules, one River model on the
feature dict. Its recovery is off, which is in its favour: it commits no state, ours does. It
takes events in time order (a late one would sit at the wrong end of its deques).

Bytewax hands a batch to a stateful step account by account, so the one model sees the events of
a batch of 1 000 in the order of (account, arrival), not in arrival order.
"""

import argparse
import json
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import bytewax.operators as op
import orjson
from bytewax.connectors.files import FileSink, FileSource
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main
from river.anomaly import HalfSpaceTrees

from benchmarks.speed.machine import peak_mb, pin

MINUTE_MS: Final = 60_000
WINDOWS: Final = (
    (10 * MINUTE_MS, "c_0", "s_0", "m_0", "d_0"),
    (60 * MINUTE_MS, "c_1", "s_1", "m_1", "d_1"),
    (1_440 * MINUTE_MS, "c_2", "s_2", "m_2", "d_2"),
    (10_080 * MINUTE_MS, "c_3", "s_3", "m_3", "d_3"),
)
HITS_MORE_THAN: Final = 2

Event: TypeAlias = dict[str, Any]
Features: TypeAlias = dict[str, float]
State: TypeAlias = list[deque[tuple[int, float, str]]]


def update(state: State | None, event: Event) -> tuple[State, tuple[Event, Features]]:
    """Enter an event into its account's windows, and read the sixteen features."""
    if state is None:
        state = [deque() for _ in WINDOWS]
    now = event["event_time"]
    entry = (now, event["amount"], event["counterparty"])
    features: Features = {}
    for window, (span_ms, count, total, largest, distinct) in zip(state, WINDOWS, strict=True):
        window.append(entry)
        while window[0][0] <= now - span_ms:
            window.popleft()
        features[count] = len(window)
        features[total] = sum(amount for _, amount, _ in window)
        features[largest] = max(amount for _, amount, _ in window)
        features[distinct] = len({counterparty for _, _, counterparty in window})
    return state, (event, features)


def hits(amount: float, f: Features) -> int:
    """How many of the thirty rules hold."""
    c0, c1, c2, c3 = f["c_0"], f["c_1"], f["c_2"], f["c_3"]
    s0, s1, s2, s3 = f["s_0"], f["s_1"], f["s_2"], f["s_3"]
    d0, d1, d2, d3 = f["d_0"], f["d_1"], f["d_2"], f["d_3"]
    return sum(
        (
            amount > 400 and c0 > 3 and s1 > 1000 and d2 > 0,
            amount > 410 and c1 > 4 and s2 > 1001 and d3 > 1,
            amount > 420 and c2 > 5 and s3 > 1002 and d0 > 2,
            amount > 430 and c3 > 6 and s0 > 1003 and d1 > 3,
            amount > 440 and c0 > 7 and s1 > 1004 and d2 > 4,
            amount > 450 and c1 > 8 and s2 > 1005 and d3 > 0,
            amount > 460 and c2 > 9 and s3 > 1006 and d0 > 1,
            amount > 470 and c3 > 3 and s0 > 1007 and d1 > 2,
            amount > 480 and c0 > 4 and s1 > 1008 and d2 > 3,
            amount > 490 and c1 > 5 and s2 > 1009 and d3 > 4,
            amount > 500 and c2 > 6 and s3 > 1010 and d0 > 0,
            amount > 510 and c3 > 7 and s0 > 1011 and d1 > 1,
            amount > 520 and c0 > 8 and s1 > 1012 and d2 > 2,
            amount > 530 and c1 > 9 and s2 > 1013 and d3 > 3,
            amount > 540 and c2 > 3 and s3 > 1014 and d0 > 4,
            amount > 550 and c3 > 4 and s0 > 1015 and d1 > 0,
            amount > 560 and c0 > 5 and s1 > 1016 and d2 > 1,
            amount > 570 and c1 > 6 and s2 > 1017 and d3 > 2,
            amount > 580 and c2 > 7 and s3 > 1018 and d0 > 3,
            amount > 590 and c3 > 8 and s0 > 1019 and d1 > 4,
            amount > 600 and c0 > 9 and s1 > 1020 and d2 > 0,
            amount > 610 and c1 > 3 and s2 > 1021 and d3 > 1,
            amount > 620 and c2 > 4 and s3 > 1022 and d0 > 2,
            amount > 630 and c3 > 5 and s0 > 1023 and d1 > 3,
            amount > 640 and c0 > 6 and s1 > 1024 and d2 > 4,
            amount > 650 and c1 > 7 and s2 > 1025 and d3 > 0,
            amount > 660 and c2 > 8 and s3 > 1026 and d0 > 1,
            amount > 670 and c3 > 9 and s0 > 1027 and d1 > 2,
            amount > 680 and c0 > 3 and s1 > 1028 and d2 > 3,
            amount > 690 and c1 > 4 and s2 > 1029 and d3 > 4,
        )
    )


def model() -> HalfSpaceTrees:
    """The one detector."""
    return HalfSpaceTrees(n_trees=25, height=8, window_size=250, seed=1)


def score_with(trees: HalfSpaceTrees) -> Callable[[tuple[Event, Features]], tuple[Event, Features]]:
    """A step that scores every event, then learns it."""

    def step(item: tuple[Event, Features]) -> tuple[Event, Features]:
        event, features = item
        event["isolation"] = trees.score_one(features)
        trees.learn_one(features)
        return item

    return step


def judge(item: tuple[Event, Features]) -> str | None:
    """An event with enough hits as JSON."""
    event, features = item
    found = hits(event["amount"], features)
    if found <= HITS_MORE_THAN:
        return None
    kept = {name: event[name] for name in ("event_id", "account", "amount")}
    return orjson.dumps({**kept, "hits": found}).decode()


def build(events: Path, out: Path, trees: HalfSpaceTrees | None) -> Dataflow:
    """Wire the dataflow."""
    flow = Dataflow("naive")
    lines = op.input("lines", flow, FileSource(events))
    decoded = op.map("decode", lines, orjson.loads)
    keyed = op.key_on("account", decoded, lambda event: event["account"])
    features = op.stateful_map("features", keyed, update)
    if trees is not None:
        features = op.map_value("trees", features, score_with(trees))
    outputs = op.filter_map_value("rules", features, judge)
    op.output("outputs", outputs, FileSink(out))
    return flow


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("events", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trees", action="store_true")
    parser.add_argument("--cpu", type=int)
    given = parser.parse_args()
    pin(given.cpu)
    given.out.write_bytes(b"")  # the sink opens it only for an output
    flow = build(given.events, given.out, model() if given.trees else None)
    began, cpu_began = time.perf_counter(), time.process_time()
    run_main(flow)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
