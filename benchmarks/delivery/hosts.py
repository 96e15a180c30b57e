"""One process, two processes, two hosts: the same full topic, events/s and CPU per event.

The hosts are network namespaces on this machine, joined by a bridge: needs root, iproute2, socat.

    python -m benchmarks.delivery.hosts --events 1000000 --partitions 4
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from benchmarks.torture.outside import Redis, make_topics, read_all
from config.settings import Settings
from deploy.kafka_broker import KafkaBroker
from models.simulator.world import World, WorldConfig

BRIDGE, GATEWAY, PORT = "riverguard0", "10.77.0.254", 29_092
HOSTS = ("10.77.0.1", "10.77.0.2")
_ACCOUNT = re.compile(rb'"account": ?"([^"]*)"')


def ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=not check)


@contextmanager
def network(proxied_port: int) -> Iterator[None]:
    """Two namespaces on a bridge, from which the broker can be reached."""
    clear()
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("addr", "add", f"{GATEWAY}/24", "dev", BRIDGE)
    ip("link", "set", BRIDGE, "up")
    for number, address in enumerate(HOSTS, 1):
        ip("netns", "add", f"rg{number}")
        ip(
            "link",
            "add",
            f"rgv{number}",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            f"rg{number}",
        )
        ip("link", "set", f"rgv{number}", "master", BRIDGE, "up")
        ip("-n", f"rg{number}", "addr", "add", f"{address}/24", "dev", "eth0")
        ip("-n", f"rg{number}", "link", "set", "eth0", "up")
        ip("-n", f"rg{number}", "link", "set", "lo", "up")
    listen = f"TCP-LISTEN:{PORT},bind={GATEWAY},fork,reuseaddr"
    proxy = subprocess.Popen(["socat", listen, f"TCP:127.0.0.1:{proxied_port}"])
    try:
        yield
    finally:
        proxy.kill()
        clear()


def clear() -> None:
    for number in (1, 2):
        ip("netns", "del", f"rg{number}", check=False)
    ip("link", "del", BRIDGE, check=False)


def fill(bootstrap: str, events: int, partitions: int) -> None:
    """Put a stream into the topic, an account always in the same partition."""
    producer = Producer({
        "bootstrap.servers": bootstrap, "compression.type": "lz4", "linger.ms": 20,
        "queue.buffering.max.messages": 2_000_000, "queue.buffering.max.kbytes": 1 << 20,
    })  # fmt: skip
    every = (ln for b in World(WorldConfig(seed=11)).batches() for ln in b.lines.splitlines())
    for line in islice(every, events):
        found = _ACCOUNT.search(line)
        number = zlib.crc32(found[1]) % partitions if found else 0
        producer.produce("h-events", line, partition=number)
        producer.poll(0)
    producer.flush()


def settings(folder: Path, name: str, redis_url: str, more: str) -> Path:
    path = folder / f"{name}.yaml"
    outputs = ", ".join(f"{n}: {name}-{n}" for n in ("alerts", "shadow", "late", "dead_letters"))
    path.write_text(
        f"packs: [payments]\nstate: {folder / name}\nfx: {Settings().fx}\n{more}"
        f"kafka:\n  servers: {GATEWAY}:{PORT}\n  topics: {{events: h-events, {outputs}}}\n"
        f'redis: {{url: "{redis_url}", prefix: {name}}}\n'
    )
    return path


def measure(commands: list[list[str]]) -> dict[str, Any]:
    """Run the same deployment's commands side by side; their summaries added up."""
    began = time.monotonic()
    running = [subprocess.Popen(words, stdout=subprocess.PIPE) for words in commands]
    found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    events = sum(one["events"] for one in found)
    seconds = max(one["seconds"] for one in found)
    return {
        "events": events, "alerts": sum(one["alerts"] for one in found), "seconds": seconds,
        "wall_seconds": round(time.monotonic() - began, 2), "events_per_s": round(events / seconds),
        "cpu_us_per_event": round(1e6 * sum(one["cpu_seconds"] for one in found) / events, 2),
    }  # fmt: skip


def main() -> None:
    """Measure the three; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=4)
    arguments = parser.parse_args()
    run = [sys.executable, "-m", "cli", "run", "--until-end", "--config"]
    results: dict[str, Any] = {}
    with (
        KafkaBroker(advertised=f"{GATEWAY}:{PORT}") as broker,
        network(broker.proxied_port),
        tempfile.TemporaryDirectory() as name,
    ):
        redis, folder = Redis(), Path(name)
        make_topics(broker.bootstrap, "h", arguments.partitions)
        fill(broker.bootstrap, arguments.events, arguments.partitions)
        hosts = f"hosts: [{', '.join(HOSTS)}]\n"
        cases = {"one": "", "processes": "processes: 2\n", "hosts": hosts}
        ids = {}
        for case, more in cases.items():
            make_topics(broker.bootstrap, case, 1)
            config = str(settings(folder, case, redis.url, more))
            commands = [[*run, config]]
            if case == "hosts":
                commands = [
                    ["ip", "netns", "exec", f"rg{n}", *run, config, "--host", host]
                    for n, host in enumerate(HOSTS, 1)
                ]
            results[case] = measure(commands)
            records = read_all(broker.bootstrap, f"{case}-alerts")
            ids[case] = {r["id"] for r in records if r["type"] == "riverguard.alert.v1"}
            print(case, results[case], flush=True)
        redis.kill()
    same = ids["one"] == ids["processes"] == ids["hosts"]
    print(json.dumps({"partitions": arguments.partitions, "same_alerts": same, **results}))


if __name__ == "__main__":
    main()
