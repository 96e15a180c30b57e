"""Events at a steady rate, each due at its own time, and the alerts that come back."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

PROBE_EVERY = 50


def probe(number: int, time_ms: int) -> bytes:
    """An event that raises an alert, and tells which it is."""
    return orjson.dumps({
        "event_id": f"probe-{number}", "event_time": time_ms, "kind": "payment",
        "account": f"probe-{number}", "counterparty": "probe", "amount": "1.00", "currency": "CNY",
    })  # fmt: skip


class SteadyFeed(threading.Thread):
    """Feeds events at a rate; every fiftieth is a probe.

    Event times are moved to now: the engine sees a live stream.

    Attributes
    ----------
    due
        Probe's number → when it was due, wall clock, s. A producer that falls behind does not move
        that: what waited for its turn counts as latency.
    """

    def __init__(self, servers: str, topic: str, partitions: int, per_s: float,
                 seconds: float, lines: Iterator[bytes], first: int = 0) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self._producer = Producer({
            "bootstrap.servers": servers, "linger.ms": 0, "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        })  # fmt: skip
        self._topic, self._partitions, self._per_s = topic, partitions, per_s
        self._seconds, self._lines, self._first = seconds, lines, first
        self.due: dict[int, float] = {}
        self.fed = 0
        self.behind_s = 0.0

    def run(self) -> None:
        began, total = time.time(), int(self._per_s * self._seconds)
        for number in range(total):
            due = began + number / self._per_s
            wait = due - time.time()
            if wait > 0.0005:
                self._producer.poll(0)
                time.sleep(wait)
            self.behind_s = max(self.behind_s, -wait)
            if number % PROBE_EVERY == 0:
                self.due[self._first + number] = due
                line = probe(self._first + number, int(due * 1000))
            else:
                line = next(self._lines)
            self._producer.produce(self._topic, line, partition=number % self._partitions)
            self.fed += 1
        self._producer.flush()


def watch(servers: str, topic: str, stopping: Any, seen: Any) -> None:
    """In a process of its own: note when the alert of each probe could be read."""
    consumer = Consumer({
        "bootstrap.servers": servers, "group.id": "watch", "fetch.wait.max.ms": 5,
        "enable.auto.commit": False,
    })  # fmt: skip
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: dict[int, float] = {}
    while not stopping.is_set():
        # one at a time: `consume` would wait for company and add that to every latency
        message = consumer.poll(0.05)
        now = time.time()
        if message is None or message.error() or b"probe-" not in (message.value() or b""):
            continue
        event = orjson.loads(message.value() or b"{}")["data"].get("event", {})
        name = event.get("event_id", "")
        if name.startswith("probe-"):
            found.setdefault(int(name[6:]), now)
        if found and seen.empty():
            seen.put(len(found))  # somebody waits for the first
    consumer.close()
    seen.put(found)
