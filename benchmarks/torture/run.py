"""Kill, stop, cut off and rescale the engine by the hundred, and compare what comes out.

A run feeds a simulated stream through a real broker while the engine is maltreated; then every
alert in Kafka and in Redis is compared with those of an uninterrupted offline run.
"""

import argparse
import json
import random
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.torture.engine import Engine, wait_until
from benchmarks.torture.outside import Feeder, Redis, make_topics, read_all
from benchmarks.torture.stream import PACK, differing, make_stream, outcome
from config.settings import Settings
from deploy.kafka_broker import KafkaBroker

PROCESSES = (1, 1, 2, 2, 4)
PARTITIONS = (1, 2, 4)
BLOWS = {
    "kill one": 5, "kill all": 3, "kill supervisor": 3, "terminate": 2, "kill at close": 3,
    "kill at base": 1, "kill at start": 2, "broker restart": 1, "broker pause": 1,
    "redis restart": 1, "redis pause": 1,
}  # fmt: skip
"""Ways to maltreat, and how often each is chosen."""


@dataclass
class Tally:
    """What all runs came to."""

    runs: int = 0
    kills: int = 0
    identical: int = 0
    lost: int = 0
    duplicated: int = 0
    alerts: int = 0
    replayed: int = 0
    blows: dict[str, int] = field(default_factory=dict)


@dataclass
class Scene:
    """One run's parts."""

    broker: KafkaBroker
    redis: Redis
    engine: Engine
    chance: random.Random
    kills: int = 0
    blows: dict[str, int] = field(default_factory=dict)


def settings_of(name: str, state: Path, scene_broker: str, redis_url: str, publish: str) -> str:
    topics = ", ".join(
        f"{topic}: {name}-{topic}"
        for topic in ("events", "alerts", "shadow", "late", "dead_letters")
    )
    return (
        f"packs: [{PACK}]\nstate: {state}\nfx: {Settings().fx}\nordering: event_time\n"
        f"idle_after: 1h\ncommit_every: 40ms\npublish: {publish}\n"
        f"kafka:\n  servers: {scene_broker}\n  topics: {{{topics}}}\n"
        f'redis: {{url: "{redis_url}", prefix: {name}}}\n'
    )  # fmt: skip


def blow(scene: Scene) -> None:
    """Maltreat once."""
    chance, engine = scene.chance, scene.engine
    kind = chance.choices(list(BLOWS), list(BLOWS.values()))[0]
    scene.blows[kind] = scene.blows.get(kind, 0) + 1
    if not engine.running:
        engine.start(chance.choice(PROCESSES))
    if kind == "kill at start":
        time.sleep(chance.random() * 2.5)
        scene.kills += engine.kill_workers(chance, every=True) > 0
        return
    working = engine.files("log")
    wait_until(lambda: engine.files("log") != working or not engine.running, 30)
    time.sleep(chance.random() * 1.2)
    if kind in {"kill at close", "kill at base"}:
        what = "log" if kind == "kill at close" else "base"
        before = engine.files(what)
        wait_until(lambda: bool(engine.files(what) - before), 12)
        scene.kills += engine.kill_workers(chance, every=chance.random() < 0.5) > 0
    elif kind in {"kill one", "kill all"}:
        scene.kills += engine.kill_workers(chance, every=kind == "kill all") > 0
    elif kind == "kill supervisor":
        engine.kill_supervisor()
        scene.kills += 1
    elif kind == "terminate":
        engine.terminate()
    elif kind == "broker restart":
        scene.broker.kill()
        scene.broker.start()
    elif kind == "redis restart":
        scene.redis.kill()
        time.sleep(chance.random())
        scene.redis.start()
    else:
        pause(scene, kind)


def pause(scene: Scene, kind: str) -> None:
    """Cut one of the others off for a while, as a broken network would."""
    seconds = 0.5 + 2 * scene.chance.random()
    if kind == "broker pause":
        scene.broker.pause()
        time.sleep(seconds)
        scene.broker.resume()
    else:
        scene.redis.signal(signal.SIGSTOP)
        time.sleep(seconds)
        scene.redis.signal(signal.SIGCONT)


def one_run(
    broker: KafkaBroker, redis: Redis, seed: int, events: int, kills: int
) -> tuple[Tally, str]:
    """One stream from its first event to the comparison."""
    chance = random.Random(seed)
    name, partitions = f"t{seed}", chance.choice(PARTITIONS)
    publish = chance.choice(["at_once", "at_once", "committed"])
    stream = make_stream(events, partitions, seed, ordered=chance.random() < 0.3)
    make_topics(broker.bootstrap, name, partitions)
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    text = settings_of(name, folder / "state", broker.bootstrap, redis.url, publish)
    scene = Scene(broker, redis, Engine(folder, text), chance)
    feeder = Feeder(broker.bootstrap, f"{name}-events", stream, events / (3.0 * kills + 2))
    scene.engine.start(chance.choice(PROCESSES))
    # also when all is fed: what waits for its watermark must survive
    while scene.kills < kills:
        blow(scene)
    feeder.join()
    if scene.engine.running:
        scene.engine.terminate()
    scene.engine.start(chance.choice(PROCESSES), until_end=True)
    assert scene.engine.process
    code = scene.engine.process.wait(300)
    log = (folder / "engine.log").read_text()
    assert code == 0, log[-3000:]

    contents, repeats = redis.alerts(name)
    in_redis = outcome(contents, repeats, stream.names)
    records = list(read_all(broker.bootstrap, f"{name}-alerts"))
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
                  len(alerts) - len(in_kafka), scene.blows)  # fmt: skip
    return tally, f"{partitions} partitions, publish {publish}, {len(wrong)} differ" + (
        f": {sorted(wrong)[:3]} log {folder}" if wrong else ""
    )


def main() -> None:
    """Run until there were enough kills; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kills-per-run", type=int, default=20)
    parser.add_argument("--events", type=int, default=20_000, help="per run")
    arguments = parser.parse_args()
    total = Tally()
    with KafkaBroker() as broker:
        redis = Redis()
        while total.kills < arguments.kills:
            left = min(arguments.kills_per_run, arguments.kills - total.kills)
            seed = arguments.seed * 1000 + total.runs
            found, said = one_run(broker, redis, seed, arguments.events, left)
            for name in ("runs", "kills", "identical", "lost", "duplicated", "alerts", "replayed"):
                setattr(total, name, getattr(total, name) + getattr(found, name))
            for name, count in found.blows.items():
                total.blows[name] = total.blows.get(name, 0) + count
            print(f"run {total.runs}: {found.kills} kills, {found.alerts} alerts, {said}")
            print(json.dumps(total.__dict__), flush=True)
        redis.kill()


if __name__ == "__main__":
    main()
