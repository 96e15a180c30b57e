"""The dataflow: decode → intake → windows → score → alerting, one item per micro-batch.

A batch stays where it was decoded; only entity keys and numbers travel to the windows, and
answers come back. Every stateful step is keyed by shard.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from dataflows.counters import Counters
from dataflows.edges import BytewaxSink, BytewaxSource, Sink, Source
from dataflows.logics import AlertLogic, IntakeLogic, ScoreLogic, WindowsLogic
from dataflows.shards import shard_key
from dataflows.state import StateStore
from dataflows.subjects import by_subject
from models.alerting import to_alert
from models.batch import Batch
from models.decoding.decoder import Decoder
from models.features.messages import Answer
from models.planning.blueprint import Blueprint
from models.records import DeadLetter, RawBlock
from models.scattering import Scattered

Keyed: TypeAlias = tuple[str, Any]


@dataclass(frozen=True)
class Outlets:
    """Where the flow's results go; an absent sink drops them (and counts)."""

    alerts: Sink
    dead_letters: Sink
    late: Sink
    shadow: Sink | None = None
    scores: Sink | None = None


@dataclass(frozen=True)
class Run:
    """What one execution shares: state, counters, and the wish to stop."""

    store: StateStore
    counters: Counters = field(default_factory=Counters)
    stopping: threading.Event = field(default_factory=threading.Event)


def build(blueprint: Blueprint, source: Source, outlets: Outlets, run: Run) -> Dataflow:
    """Wire the flow; nothing runs yet."""
    shards, counters = blueprint.deployment.shards, run.counters
    decoder = Decoder(blueprint.schema)

    def decode(item: RawBlock | DeadLetter) -> Iterable[Keyed]:
        if isinstance(item, DeadLetter):
            counters.reject([item])
            return [(shard_key(item.partition % shards), [item])]
        batch, dead = decoder.decode(item)
        counters.decoded(batch, dead)
        home = shard_key(item.partition % shards)
        return [(home, out) for out in (batch, dead) if len(out)]

    def ask(keyed: Keyed) -> Iterable[Keyed]:
        _home, out = keyed
        if not isinstance(out, Scattered):
            return []
        return [(shard_key(shard), message) for shard, message in out.messages.items()]

    def home_of(keyed: Keyed) -> Keyed:
        answer: Answer = keyed[1]
        return shard_key(answer.partition % shards), answer

    def split_hits(keyed: Keyed) -> Iterable[Keyed]:
        grouped = by_subject(keyed[1].hits, blueprint)
        return [(shard_key(shard), (shard, hits)) for shard, hits in grouped]

    def shadow_alerts(keyed: Keyed) -> Iterable[Keyed]:
        found = [to_alert(hit) for hit in keyed[1].shadow]
        counters.shadow += len(found)
        return [(keyed[0], found)] if found else []

    flow = Dataflow("score")
    raw = op.input("source", flow, BytewaxSource(source, run.stopping))
    decoded = op.flat_map("decode", raw, decode)
    split = op.branch("good", decoded, lambda keyed: isinstance(keyed[1], Batch))
    op.output("dead_letters", split.falses, BytewaxSink(outlets.dead_letters))
    judged = op.stateful_batch("intake", split.trues, _logic(IntakeLogic, blueprint, run))
    late = op.filter("is_late", judged, lambda keyed: isinstance(keyed[1], list))
    op.output("late", late, BytewaxSink(outlets.late))
    home = op.filter("is_batch", judged, lambda keyed: isinstance(keyed[1], Scattered))
    messages = op.flat_map("scatter", judged, ask)
    answers = op.stateful_batch("windows", messages, _logic(WindowsLogic, blueprint, run))
    gathered = op.merge("gather", home, op.map("home", answers, home_of))
    scored = op.stateful_batch("score", gathered, _logic(ScoreLogic, blueprint, run))
    if outlets.scores:
        op.output("scores", op.map("row", scored, _listed), BytewaxSink(outlets.scores))
    if outlets.shadow:
        shadow = op.flat_map("shadow_hits", scored, shadow_alerts)
        op.output("shadow", shadow, BytewaxSink(outlets.shadow))
    hits = op.flat_map("subject", scored, split_hits)
    alerts = op.stateful_batch("alerting", hits, _logic(AlertLogic, blueprint, run))
    op.output("alerts", alerts, BytewaxSink(outlets.alerts))
    return flow


def _listed(keyed: Keyed) -> Keyed:
    return keyed[0], [keyed[1]]


def _logic(kind: Any, blueprint: Blueprint, run: Run) -> Any:
    return lambda manifest: kind(blueprint, run.store, run.counters, manifest)
