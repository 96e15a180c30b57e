"""The dataflow: decode → intake → hold → windows → score → alerting, an item per micro-batch.

A batch stays where it was decoded; only entity keys and numbers travel to the windows, and
answers come back. Every stateful step is keyed by shard.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from dataflows.deciding import AbsenceLogic, AlertLogic
from dataflows.edges import Outlets, Source
from dataflows.guarding import Guard, GuardedLogic
from dataflows.lanes import LanedSource
from dataflows.logics import (
    ConcludeLogic,
    DetectLogic,
    HoldLogic,
    IntakeLogic,
    ScoreLogic,
    WindowsLogic,
)
from dataflows.outlets import PublisherSink, ShardedSink
from dataflows.shared import Shared
from dataflows.steps import Steps
from models.records import DeadLetter


@dataclass(frozen=True)
class Run:
    """One execution: what its steps share, and the wish to stop.

    Attributes
    ----------
    shared
        Of the steps.
    idle_after_s
        How long a partition without records is waited for.
    stopping
        Set it to end the flow; its input goes on at the next start.
    guard
        Is told of errors.
    """

    shared: Shared
    idle_after_s: float = 10.0
    stopping: threading.Event = field(default_factory=threading.Event)
    guard: Guard = field(default_factory=Guard)


def build(source: Source, outlets: Outlets, run: Run) -> tuple[Dataflow, PublisherSink | None]:
    """Wire the flow; nothing runs yet. The second is asked to publish the rest at the end."""
    shared, guard = run.shared, run.guard
    shards, steps = shared.blueprint.deployment.shards, Steps(shared)

    def out(name: str, stream: Any, sink: Any) -> None:
        if sink:
            op.output(name, stream, ShardedSink(sink, shards, guard))

    def stateful(name: str, stream: Any, logic: Any) -> Any:
        def make(manifest: Any) -> GuardedLogic:
            return GuardedLogic(guard, lambda: logic(shared, manifest))

        return op.stateful_batch(name, stream, make)

    flow, call = Dataflow("score"), guard.call
    raw = op.input("source", flow, _laned(source, shards, run))
    judged = stateful("intake", op.map("decode", raw, call(steps.decode)), IntakeLogic)
    asides = op.branch("asides", judged, lambda keyed: isinstance(keyed[1], list))
    kinds = op.branch("dead", asides.trues, lambda keyed: isinstance(keyed[1][0], DeadLetter))
    out("dead_letters", kinds.trues, outlets.dead_letters)
    out("late", kinds.falses, outlets.late)
    home = stateful("hold", op.flat_map("to_holds", asides.falses, steps.to_holds), HoldLogic)
    answers = stateful("windows", op.flat_map("scatter", home, steps.ask), WindowsLogic)
    gathered = op.merge("gather", home, op.map("home", answers, steps.home))
    scored = stateful("score", gathered, ScoreLogic)
    if shared.blueprint.sharded:
        verdicts = stateful("detect", op.flat_map("ask", scored, steps.to_detectors), DetectLogic)
        found = op.merge("found", scored, op.map("back", verdicts, steps.home))
        scored = stateful("conclude", found, ConcludeLogic)
    if outlets.decisions:
        out("decisions", op.map("decide", scored, call(steps.decide)), outlets.decisions)
    told = op.flat_map("to_absence", scored, call(steps.to_absence))
    over = stateful("absence", told, AbsenceLogic)
    if outlets.shadow:
        now = op.flat_map("try_out", scored, call(steps.try_out))
        then = op.flat_map("try_out_over", over, call(steps.try_out_over))
        out("shadow", op.merge("tried", now, then), outlets.shadow)
    hits = op.flat_map("subject", scored, call(steps.to_alerting))
    waited = op.flat_map("over", over, call(steps.over))
    alerts = stateful("alerting", op.merge("hits", hits, waited), AlertLogic)
    out("alerts", alerts, outlets.alerts)
    if not outlets.publisher:
        return flow, None
    rest = PublisherSink(outlets.publisher, shards, guard)
    ticks = op.flat_map("ticks", raw, steps.tick)
    op.output("publish", op.merge("or_tick", alerts, ticks), rest)
    return flow, rest


def _laned(source: Source, lanes: int, run: Run) -> LanedSource:
    return LanedSource(
        source,
        lanes,
        by_time=run.shared.ordering == "event_time",
        idle_after_s=run.idle_after_s,
        stopping=run.stopping,
        progress=run.shared.progress,
        guard=run.guard,
    )
