"""The dataflow: decode → intake → hold → windows → score → alerting, an item per micro-batch.

A batch stays where it was decoded; only entity keys and numbers travel to the windows, and
answers come back. Every stateful step is keyed by shard.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from dataflows.edges import Outlets, Source
from dataflows.guarding import Guard, GuardedLogic
from dataflows.items import Decoded
from dataflows.lanes import LanedSource
from dataflows.logics import AlertLogic, HoldLogic, IntakeLogic, ScoreLogic, Shared, WindowsLogic
from dataflows.outlets import PublisherSink, ShardedSink
from dataflows.shards import shard_key
from dataflows.subjects import to_subjects
from models.alerting import to_alert
from models.decoding.decoder import Decoder
from models.records import DeadLetter, RawBlock
from models.rounds import Announcement, Pulse
from models.scattering import Scattered

Keyed: TypeAlias = tuple[str, Any]


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
    committed
        Called at every commit.
    """

    shared: Shared
    idle_after_s: float = 10.0
    stopping: threading.Event = field(default_factory=threading.Event)
    guard: Guard = field(default_factory=Guard)
    committed: Callable[[], None] = lambda: None


def build(source: Source, outlets: Outlets, run: Run) -> tuple[Dataflow, PublisherSink | None]:
    """Wire the flow; nothing runs yet. The second is asked to publish the rest at the end."""
    shared, guard = run.shared, run.guard
    blueprint, counters = shared.blueprint, shared.counters
    shards = blueprint.deployment.shards
    keys = [shard_key(shard) for shard in range(shards)]
    decoder = Decoder(blueprint.schema)

    def decode(item: RawBlock | DeadLetter | Pulse) -> Keyed:
        if isinstance(item, Pulse):
            return keys[item.lane], item
        home = keys[item.partition % shards]
        if isinstance(item, DeadLetter):
            return home, Decoded(item.partition, item.offset + 1, None, [item])
        return home, Decoded.of(item, *decoder.decode(item))

    def to_holds(keyed: Keyed) -> Iterable[Keyed]:
        home, passed = keyed
        if isinstance(passed, Announcement):
            return [(key, (number, passed)) for number, key in enumerate(keys)]
        return [(home, (passed.partition % shards, passed))]

    def ask(keyed: Keyed) -> Iterable[Keyed]:
        scattered: Scattered = keyed[1]
        return [(keys[shard], message) for shard, message in scattered.messages.items()]

    def to_alerting(keyed: Keyed) -> Iterable[Keyed]:
        return [(keys[hits.shard], hits) for hits in to_subjects(keyed[1], blueprint)]

    def shadow_alerts(keyed: Keyed) -> Iterable[Keyed]:
        found = [to_alert(hit) for hit in keyed[1].shadow]
        counters.shadow += len(found)
        return [(keyed[0], found)] if found else []

    def out(name: str, stream: Any, sink: Any) -> None:
        if sink:
            op.output(name, stream, ShardedSink(sink, shards, guard))

    def stateful(name: str, stream: Any, logic: Any) -> Any:
        def make(manifest: Any) -> GuardedLogic:
            return GuardedLogic(guard, lambda: logic(shared, manifest))

        return op.stateful_batch(name, stream, make)

    flow, call = Dataflow("score"), guard.call
    raw = op.input("source", flow, _laned(source, shards, run))
    judged = stateful("intake", op.map("decode", raw, call(decode)), IntakeLogic)
    asides = op.branch("asides", judged, lambda keyed: isinstance(keyed[1], list))
    kinds = op.branch("dead", asides.trues, lambda keyed: isinstance(keyed[1][0], DeadLetter))
    out("dead_letters", kinds.trues, outlets.dead_letters)
    out("late", kinds.falses, outlets.late)
    held = op.flat_map("to_holds", asides.falses, to_holds)
    home = stateful("hold", held, HoldLogic)
    messages = op.flat_map("scatter", home, ask)
    answers = stateful("windows", messages, WindowsLogic)
    returned = op.map("home", answers, lambda keyed: (keys[keyed[1].home], keyed[1]))
    scored = stateful("score", op.merge("gather", home, returned), ScoreLogic)
    if outlets.decisions:
        decided = op.map("decide", scored, call(lambda kv: (kv[0], kv[1].decisions())))
        out("decisions", decided, outlets.decisions)
    if outlets.shadow:
        out("shadow", op.flat_map("try", scored, call(shadow_alerts)), outlets.shadow)
    hits = op.flat_map("subject", scored, call(to_alerting))
    alerts = stateful("alerting", hits, AlertLogic)
    out("alerts", alerts, outlets.alerts)
    if not outlets.publisher:
        return flow, None
    # every pulse asks whether something has become durable
    asks = op.filter("pulses", raw, lambda item: isinstance(item, Pulse))
    ticks = op.map("tick", asks, lambda item: (keys[cast("Pulse", item).lane], ()))
    rest = PublisherSink(outlets.publisher, shards, guard)
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
        committed=run.committed,
    )
