"""A broker, a Redis, and what `riverguard run` needs to meet them."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from confluent_kafka import Producer

from config.settings import Settings
from connectors.embedded_redis import EmbeddedRedis
from tests.brokers import broker, new_topic
from tests.kafka_reading import read_topic

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "benchmarks" / "torture" / "pack.yaml"

__all__ = ["broker", "new_topic"]


class Deployment:
    """Topics, settings and state of one test."""

    def __init__(self, broker, new_topic, folder: Path, redis_url: str, partitions: int) -> None:
        self.broker, self.folder = broker, folder
        self.topics = {"events": new_topic(partitions)}
        self.topics |= {n: new_topic() for n in ("alerts", "shadow", "late", "dead_letters")}
        self.state = folder / "state"
        self.redis_url = redis_url
        self.prefix = self.topics["events"]

    def settings(self, **keys) -> Path:
        topics = ", ".join(f"{name}: {topic}" for name, topic in self.topics.items())
        text = {
            "packs": f"[{PACK}]", "state": self.state, "fx": Settings().fx,
            "commit_every": "50ms", "ordering": "event_time", "idle_after": "1h", **keys,
        }  # fmt: skip
        path = self.folder / "riverguard.yaml"
        lines = [f"{key}: {value}" for key, value in text.items()]
        lines += [f'kafka: {{servers: "{self.broker.bootstrap}", topics: {{{topics}}}}}']
        lines += [f'redis: {{url: "{self.redis_url}", prefix: {self.prefix}}}']
        path.write_text("\n".join(lines) + "\n")
        return path

    def feed(self, partitions: Sequence[Sequence[bytes]]) -> None:
        producer = Producer(
            {"bootstrap.servers": self.broker.bootstrap, "enable.idempotence": True}
        )
        for number, lines in enumerate(partitions):
            for line in lines:
                headers = [("traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")]
                producer.produce(self.topics["events"], line.strip(), partition=number,
                                 headers=headers)  # fmt: skip
                producer.poll(0)
        producer.flush()

    def start(self, *words: str, **environment: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "cli", "run", "-c", str(self.folder / "riverguard.yaml")]
        return subprocess.Popen(
            [*command, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip

    def finish(self, process: subprocess.Popen) -> tuple[int, dict, str]:
        out, err = process.communicate(timeout=180)
        lines = out.splitlines()
        return process.returncode, json.loads(lines[-1]) if lines else {}, err.decode()

    def run(self, *words: str, **environment: str) -> tuple[int, dict, str]:
        return self.finish(self.start("--until-end", *words, **environment))

    def records(self, name: str) -> list:
        return read_topic(self.broker.bootstrap, self.topics[name])


@pytest.fixture(scope="session")
def redis_server():
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
def deployment(broker, new_topic, tmp_path, redis_server):
    def make(partitions: int = 1) -> Deployment:
        return Deployment(broker, new_topic, tmp_path, redis_server.url, partitions)

    return make
