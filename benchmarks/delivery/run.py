"""Kafka in, alert out: rate, latency and endurance through a real broker and a real Redis.

python -m benchmarks.delivery.run latency --seconds 60 --rate 5000
python -m benchmarks.delivery.run soak --seconds 1800 --rate 2000
python -m benchmarks.delivery.run rate --events 1000000 --partitions 4 --processes 2
"""

import argparse
import json
import multiprocessing
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from benchmarks.delivery.feeding import SteadyFeed, watch
from benchmarks.torture.outside import Redis, make_topics, read_all
from config.settings import Settings
from deploy.kafka_broker import KafkaBroker
from models.simulator.world import World, WorldConfig

PROBE = Path(__file__).with_name("probe.yaml")
WARM_UP = 1_000_000_000
"""Numbers of the probes before the measurement."""
_TIME = re.compile(rb'"event_time": ?\d+')
_ID = re.compile(rb'"event_id": ?"')


def live_lines(seed: int = 5, count: int = 200_000) -> Iterator[bytes]:
    """Simulated events that happen now, again and again under new ids; made before the first."""
    every = (
        ln for b in World(WorldConfig(seed=seed)).batches(skip=60) for ln in b.lines.splitlines()
    )
    lines = [
        _TIME.sub(b'"event_time":%d', line.replace(b"%", b"")) for line in islice(every, count)
    ]
    lines = [_ID.sub(b'"event_id":"%d-', line) for line in lines]

    def live() -> Iterator[bytes]:
        for number in count_from(0):
            for line in lines:
                yield fill(line, number, int(time.time() * 1000))

    return live()


def fill(line: bytes, number: int, now_ms: int) -> bytes:
    """The line with its two places filled, in whichever order they stand."""
    if line.index(b'"event_id"') < line.index(b'"event_time"'):
        return line % (number, now_ms)
    return line % (now_ms, number)


def settings(folder: Path, servers: str, redis_url: str, arguments: argparse.Namespace) -> Path:
    path = folder / "riverguard.yaml"
    path.write_text(
        f"packs: [payments, {PROBE}]\nstate: {folder / 'state'}\nfx: {Settings().fx}\n"
        f"processes: {arguments.processes}\nkafka:\n  servers: {servers}\n"
        "  topics: {events: d-events, alerts: d-alerts, shadow: d-shadow, late: d-late,"
        " dead_letters: d-dead_letters}\n"
        f'redis: {{url: "{redis_url}", prefix: d}}\n'
    )
    return path


def start(config: Path, *words: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "cli", "run", "--config", str(config), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def summary(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    out, _err = process.communicate(timeout=300)
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])


def quantile(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3)


def memory_mb(supervisor: int) -> float:
    """Resident memory of all processes of a supervisor, in MB."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    total = 0
    for pid in children:
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        total += int(found[1]) if found else 0
    return round(total / 1024, 1)


def disk_mb(folder: Path) -> float:
    sizes = []
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size if path.is_file() else 0)
        except FileNotFoundError:
            continue
    return round(sum(sizes) / 1e6, 2)


def steady(broker: KafkaBroker, redis: Redis, folder: Path, arguments: argparse.Namespace) -> None:
    """Latency, and with it memory and disk, at a steady rate."""
    make_topics(broker.bootstrap, "d", arguments.partitions)
    engine = start(settings(folder, broker.bootstrap, redis.url, arguments))
    context = multiprocessing.get_context("spawn")
    stopping, seen = context.Event(), context.Queue()
    watcher = context.Process(target=watch, args=(broker.bootstrap, "d-alerts", stopping, seen))
    watcher.start()
    warm = SteadyFeed(
        broker.bootstrap, "d-events", arguments.partitions, 500, 10, live_lines(4, 5000), WARM_UP
    )
    warm.run()
    seen.get(timeout=60)
    time.sleep(2)
    feed = SteadyFeed(
        broker.bootstrap, "d-events", arguments.partitions, arguments.rate, arguments.seconds,
        live_lines(),
    )  # fmt: skip
    feed.start()
    samples = []
    while feed.is_alive():
        feed.join(min(arguments.seconds / 10, 60))
        samples.append((memory_mb(engine.pid), disk_mb(folder / "state")))
        print(f"fed {feed.fed} memory {samples[-1][0]} MB state {samples[-1][1]} MB", flush=True)
    time.sleep(3)
    engine.send_signal(signal.SIGTERM)
    done = summary(engine)
    stopping.set()
    found = next(item for item in iter(seen.get, None) if isinstance(item, dict))
    watcher.join()
    waits = sorted(1000 * (found[n] - due) for n, due in feed.due.items() if n in found)
    print(json.dumps({
        "what": arguments.what, "rate": arguments.rate, "events": feed.fed,
        "probes": len(feed.due), "answered": len(waits),
        "ms_p50": quantile(waits, 0.5), "ms_p90": quantile(waits, 0.9),
        "ms_p99": quantile(waits, 0.99), "ms_p999": quantile(waits, 0.999),
        "ms_max": round(waits[-1], 3), "producer_behind_ms": round(1000 * feed.behind_s, 1),
        "close_ms_p50": done["close_ms_p50"], "close_ms_p99": done["close_ms_p99"],
        "cpu_share": round(done["cpu_seconds"] / done["seconds"], 3),
        "memory_mb": [m for m, _d in samples], "state_mb": [d for _m, d in samples],
        "restarts": done["restarts"],
    }))  # fmt: skip


def rate(broker: KafkaBroker, redis: Redis, folder: Path, arguments: argparse.Namespace) -> None:
    """How fast a topic that is already full is worked off; counts in and out."""
    make_topics(broker.bootstrap, "d", arguments.partitions)
    producer = Producer({
        "bootstrap.servers": broker.bootstrap, "compression.type": "lz4", "linger.ms": 20,
        "queue.buffering.max.messages": 2_000_000, "queue.buffering.max.kbytes": 1 << 20,
    })  # fmt: skip
    every = (ln for b in World(WorldConfig(seed=11)).batches() for ln in b.lines.splitlines())
    accounts: dict[bytes, int] = {}
    for line in islice(every, arguments.events):
        found = re.search(rb'"account": ?"([^"]*)"', line)
        key = found[1] if found else b""
        number = accounts.setdefault(key, hash(key) % arguments.partitions)
        producer.produce("d-events", line, partition=number)
        producer.poll(0)
    producer.flush()
    config = settings(folder, broker.bootstrap, redis.url, arguments)
    config.write_text(config.read_text().replace(f", {PROBE}", ""))
    began = time.monotonic()
    done = summary(start(config, "--until-end"))
    wall = time.monotonic() - began
    alerts = {r["id"] for r in read_all(broker.bootstrap, "d-alerts") if "alert" in r["type"]}
    in_redis = {content["id"] for content in redis.alerts("d")[0]}
    print(json.dumps({
        "what": "rate", "partitions": arguments.partitions, "processes": arguments.processes,
        "events_in": arguments.events, "events_scored": done["events"],
        "alerts": done["alerts"], "in_kafka": len(alerts), "in_redis": len(in_redis),
        "same": alerts == in_redis, "seconds": done["seconds"], "wall_seconds": round(wall, 2),
        "events_per_s": round(done["events"] / done["seconds"]),
        "cpu_us_per_event": round(1e6 * done["cpu_seconds"] / done["events"], 2),
    }))  # fmt: skip


def main() -> None:
    """Measure one thing; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("latency", "soak", "rate"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=5000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    with KafkaBroker() as broker, tempfile.TemporaryDirectory() as folder:
        redis = Redis()
        measure = rate if arguments.what == "rate" else steady
        measure(broker, redis, Path(folder), arguments)
        redis.kill()


if __name__ == "__main__":
    main()
