"""Kill, stop, cut off and rescale the engine by the hundred, and compare what comes out.

A run feeds a simulated stream through a real broker while the engine is maltreated; then every
alert in Kafka and in Redis is compared with those of an uninterrupted offline run.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.torture.blows import (
    BLOWS,
    PATIENCE_S,
    PROCESSES,
    SPECIAL,
    Scene,
    blow,
    dealt,
    in_turn,
)
from benchmarks.torture.clock import Clock, build
from benchmarks.torture.disk import SmallDisk, mounts_of_our_own
from benchmarks.torture.engine import Engine
from benchmarks.torture.outside import Feeder, Redis, make_topics, read_all
from benchmarks.torture.proxy import Proxy
from benchmarks.torture.stream import PACK, Stream, differing, make_stream, outcome
from config.settings import Settings
from deploy.kafka_broker import KafkaBroker

PARTITIONS: Final = (1, 2, 4)
DISK_MEBIBYTES: Final = 64
"""The state of a run takes up to 10."""


@dataclass
class Tally:
    """What one run came to, or all.

    Attributes
    ----------
    ended
        Blow → how often the processes ended by themselves during it.
    """

    runs: int = 0
    kills: int = 0
    identical: int = 0
    lost: int = 0
    duplicated: int = 0
    alerts: int = 0
    replayed: int = 0
    blows: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Tally") -> "Tally":
        ours, theirs = vars(self), vars(other)
        return Tally(**{name: ours[name] + theirs[name] for name in ours})


@dataclass(frozen=True)
class Place:
    """What all runs share: the servers, the ways to them, and what is not possible here.

    Attributes
    ----------
    library
        For the engine's clock, where it can be built.
    left_out
        Blow that is not possible here → why.
    """

    broker: KafkaBroker
    redis: Redis
    to_broker: Proxy
    to_redis: Proxy
    library: Path | None
    left_out: dict[str, str]


def settings_of(name: str, state: Path, place: Place, publish: str, special: Sequence[str]) -> str:
    topics = ", ".join(
        f"{topic}: {name}-{topic}"
        for topic in ("events", "alerts", "shadow", "late", "dead_letters")
    )
    patience = f", patience: {PATIENCE_S:g}s" if "redis down" in special else ""
    return (
        f"packs: [{PACK}]\nstate: {state}\nfx: {Settings().fx}\nordering: event_time\n"
        f"idle_after: 1h\ncommit_every: 40ms\npublish: {publish}\n"
        f"kafka:\n  servers: {place.to_broker.address}\n  topics: {{{topics}}}\n"
        f'redis: {{url: "redis://{place.to_redis.address}/0", prefix: {name}{patience}}}\n'
    )


def one_run(
    place: Place, seed: int, events: int, kills: int, only: Sequence[str]
) -> tuple[Tally, str]:
    """One stream from its first event to the comparison.

    Parameters
    ----------
    place
        Where.
    seed
        Of everything.
    events
        About how many.
    kills
        When to stop; with `only` how many blows.
    only
        Blows, dealt in turn; none for all by their weights.
    """
    chance = random.Random(seed)
    name, partitions = f"t{seed}", chance.choice(PARTITIONS)
    publish = chance.choice(["at_once", "at_once", "committed"])
    stream = make_stream(events, partitions, seed, ordered=chance.random() < 0.3)
    special = only or [kind for kind in SPECIAL if chance.random() < 0.5]
    make_topics(place.broker.bootstrap, name, partitions)
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    engine = Engine(folder, settings_of(name, folder / "state", place, publish, special))
    scene = Scene(
        place.broker, place.redis, place.to_broker, place.to_redis, engine, place.left_out
    )
    with ExitStack() as undo:
        if "full disk" in special and "full disk" not in place.left_out:
            scene.disk = undo.enter_context(SmallDisk(engine.state, DISK_MEBIBYTES))
        if "clock jump" in special and place.library:
            engine.clock = Clock(place.library, folder / "clock")
        undo.callback(engine.close)
        pace = events / (5.0 * kills + 2)
        feeder = Feeder(place.broker.bootstrap, f"{name}-events", stream, pace)
        engine.start(chance.choice(PROCESSES))
        blows = islice(in_turn(seed, only), kills) if only else dealt(seed, special)
        # also when all is fed: what waits for its watermark must survive
        for kind, draw in blows:
            blow(scene, kind, draw)
            if scene.kills >= kills and not only:
                break
        feeder.join()
        if engine.running:
            engine.terminate()
        engine.start(chance.choice(PROCESSES), until_end=True)
        assert engine.process
        code = engine.process.wait(300)
        assert code == 0, (folder / "engine.log").read_text()[-3000:]
        tally, wrong = compared(scene, name, stream, publish)
        if wrong and scene.disk:
            shutil.copytree(engine.state, folder / "state-after")
    said = f"{partitions} partitions, publish {publish}, {', '.join(special) or 'nothing special'}"
    differ = f"{len(wrong)} differ" + (f": {wrong[:3]} log {folder}" if wrong else "")
    return tally, f"{said}, {differ}"


def compared(scene: Scene, name: str, stream: Stream, publish: str) -> tuple[Tally, list[str]]:
    """What came out, and the ids of the alerts that are wrong."""
    contents, repeats = scene.redis.alerts(name)
    in_redis = outcome(contents, repeats, stream.names)
    records = list(read_all(scene.broker.bootstrap, f"{name}-alerts"))
    alerts = [record for record in records if record["type"] == "riverguard.alert.v1"]
    counts = [(r["data"]["alert"], r["data"]["repeats"]) for r in records if r not in alerts]
    in_kafka = outcome(alerts, counts, stream.names)
    twice = (
        len(contents)
        - len(in_redis)
        + (len(records) - len({r["id"] for r in records})) * (publish == "committed")
    )
    wrong = {*differing(in_redis, stream.expected), *differing(in_kafka, stream.expected)}
    lost = len(set(stream.expected) - set(in_redis)) + len(set(stream.expected) - set(in_kafka))
    tally = Tally(1, scene.kills, not wrong and not twice, lost, twice, len(stream.expected),
                  len(alerts) - len(in_kafka), scene.blows, scene.ended)  # fmt: skip
    return tally, sorted(wrong)


def left_out(folder: Path) -> tuple[Path | None, dict[str, str]]:
    """The library for the clock, and the blows that are not possible here, with the reason."""
    found, no_clock = build(folder)
    reasons = {"full disk": mounts_of_our_own(), "clock jump": no_clock}
    return found, {kind: why for kind, why in reasons.items() if why}


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kills-per-run", type=int, default=20)
    parser.add_argument("--events", type=int, default=20_000, help="per run")
    parser.add_argument(
        "--only", default="", metavar="BLOW,…",
        help=f"these, in turn; kills then are blows. There are: {', '.join(BLOWS)}",
    )  # fmt: skip
    found = parser.parse_args()
    found.only = [kind.strip() for kind in found.only.split(",") if kind.strip()]
    unknown = [kind for kind in found.only if kind not in BLOWS]
    if unknown:
        parser.error(f"no such blow: {', '.join(unknown)}; there are {', '.join(BLOWS)}")
    return found


def main() -> None:
    """Run until there were enough kills; the last line is JSON."""
    arguments = options()
    # what was mounted and started must go, however this ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    with ExitStack() as undo:
        folder = undo.enter_context(tempfile.TemporaryDirectory())
        found, missing = left_out(Path(folder))
        for kind, why in missing.items():
            print(f"left out: {kind}: {why}", flush=True)
        redis = Redis()
        undo.callback(redis.kill)
        to_broker, to_redis = Proxy(), Proxy(redis.socket)
        broker = undo.enter_context(KafkaBroker(advertised=to_broker.address))
        to_broker.target = broker.proxied_port
        place = Place(broker, redis, to_broker, to_redis, found, missing)
        total, done = Tally(), 0
        while done < arguments.kills:
            left = min(arguments.kills_per_run, arguments.kills - done)
            seed = arguments.seed * 1000 + total.runs
            tally, said = one_run(place, seed, arguments.events, left, arguments.only)
            total += tally
            done = done + left if arguments.only else total.kills
            print(f"run {total.runs}: {tally.kills} kills, {tally.alerts} alerts, {said}")
            print(json.dumps({**vars(total), "left_out": missing}), flush=True)


if __name__ == "__main__":
    main()
