"""Publishing in transactions: every number once, whoever dies in between."""

import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from connectors.kafka_client import KafkaConfig
from connectors.kafka_records import KafkaRecord
from connectors.kafka_transactions import NOTHING, CommittedOutput
from models.errors import ConfigError, DeliveryError
from tests.kafka_reading import read_topic

ROOT = Path(__file__).resolve().parents[3]

CHILD = """
import os, signal, sys
from connectors.kafka_client import KafkaConfig
from connectors.kafka_records import KafkaRecord
from connectors.kafka_transactions import CommittedOutput

servers, topic, sequence, moment = sys.argv[1:]
output = CommittedOutput(KafkaConfig(servers), topic, None, topic)

def items(number):
    return [KafkaRecord(None, b"%d.%d" % (number, i)) for i in range(200)]

def die(*arguments):
    output._producer.flush(30)  # the records are in the topic, and not committed
    os.kill(os.getpid(), signal.SIGKILL)

class Dying:
    def __init__(self, producer):
        self._producer = producer

    def __getattr__(self, name):
        return getattr(self._producer, name)

for number in range(int(sequence)):
    output.publish(number, items(number))
if moment == "before offsets":
    Dying.send_offsets_to_transaction = die
elif moment == "before commit":
    Dying.commit_transaction = die
elif moment == "after commit":
    def commit_and_die(self, limit):
        self._producer.commit_transaction(limit)
        die()
    Dying.commit_transaction = commit_and_die
output._producer = Dying(output._producer)
output.publish(int(sequence), items(int(sequence)))
"""


def items(number: int) -> list[KafkaRecord]:
    return [KafkaRecord(None, b"%d.%d" % (number, i)) for i in range(200)]


def all_of(numbers: int) -> list[bytes]:
    return [record.value for number in range(numbers) for record in items(number)]


def opened(broker, topic: str, **options) -> CommittedOutput:
    return CommittedOutput(KafkaConfig(broker.bootstrap), topic, None, topic, **options)


def values(broker, topic: str, isolation: str = "read_committed") -> list[bytes]:
    return [message.value() for message in read_topic(broker.bootstrap, topic, isolation)]


@pytest.mark.parametrize(
    ("moment", "stored"), [("before offsets", 1), ("before commit", 1), ("after commit", 2)]
)
def test_a_kill_in_the_middle_of_a_transaction(broker, new_topic, moment, stored) -> None:
    topic = new_topic()
    child = subprocess.run(
        [sys.executable, "-c", CHILD, broker.bootstrap, topic, "2", moment],
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    assert len(values(broker, topic, "read_uncommitted")) == 600

    with closing(opened(broker, topic)) as output:
        assert output.sequence == stored
        published = [output.publish(number, items(number)) for number in range(4)]
    assert published == [False] * (stored + 1) + [True] * (3 - stored)
    assert values(broker, topic) == all_of(4)


def test_a_number_is_published_once(broker, new_topic) -> None:
    topic = new_topic()
    with closing(opened(broker, topic)) as output:
        assert output.sequence == NOTHING
        assert output.publish(0, items(0))
        assert not output.publish(0, items(0))
        assert output.publish(1, [])
        assert output.publish(7, items(1))
        assert not output.publish(3, items(3))
        assert output.sequence == 7
    with closing(opened(broker, topic)) as output:
        assert output.sequence == 7
        assert not output.publish(7, items(7))
    assert values(broker, topic) == all_of(2)


def test_items_are_encoded_with_key_and_headers(broker, new_topic) -> None:
    topic = new_topic()

    def encode(number: int) -> KafkaRecord:
        return KafkaRecord(b"k%d" % number, b"v", [("h", b"%d" % number)])

    config = KafkaConfig(broker.bootstrap)
    with closing(CommittedOutput(config, topic, encode, topic)) as output:
        output.publish(0, [1, 2])
    found = [(m.key(), m.headers()) for m in read_topic(broker.bootstrap, topic)]
    assert found == [(b"k1", [("h", b"1")]), (b"k2", [("h", b"2")])]


def test_an_older_process_is_fenced(broker, new_topic) -> None:
    topic = new_topic()
    with closing(opened(broker, topic)) as old:
        old.publish(0, items(0))
        with closing(opened(broker, topic)) as new:
            with pytest.raises(DeliveryError, match="another process has taken over"):
                old.publish(1, items(1))
            assert new.sequence == 0
            new.publish(1, items(1))
    assert values(broker, topic) == all_of(2)


def test_an_abortable_error_publishes_the_same_number_again(broker, new_topic) -> None:
    """Records given up in their transaction: it is aborted, and all of it published again."""
    topic = new_topic()
    purged = []
    with closing(opened(broker, topic)) as output:
        producer = output._producer

        class Purging:
            def __getattr__(self, name):
                return getattr(producer, name)

            def send_offsets_to_transaction(self, *arguments):
                if not purged:
                    producer.flush(30)
                    producer.produce(topic, b"purged")
                    producer.purge()
                    purged.append(producer.poll(0))
                producer.send_offsets_to_transaction(*arguments)

        output._producer = Purging()
        assert output.publish(0, items(0))
        assert output.publish(1, items(1))
    assert purged
    assert values(broker, topic) == all_of(2)
    assert len(values(broker, topic, "read_uncommitted")) == 600


def test_a_broker_killed_in_the_middle(broker, new_topic) -> None:
    topic = new_topic()
    under_way = threading.Event()

    def kill_and_start() -> None:
        under_way.wait()
        broker.kill()
        broker.start()

    thread = threading.Thread(target=kill_and_start)
    thread.start()
    number, failures = 0, 0
    while number < 60:
        # As the run does: it dies of what it cannot confirm, and replays.
        with closing(opened(broker, topic)) as output:
            output._patience_s = 10.0
            number = max(0, number - 5)
            try:
                while number < 60:
                    if number == 20:
                        under_way.set()
                    output.publish(number, items(number))
                    number += 1
            except DeliveryError:
                failures += 1
                assert failures < 5
    thread.join()
    assert values(broker, topic) == all_of(60)


def test_patience_ends(broker, new_topic) -> None:
    topic = new_topic()
    output = opened(broker, topic, patience_s=3.0)
    output.publish(0, items(0))
    broker.pause()
    try:
        with pytest.raises(DeliveryError, match="replays from its last commit"):
            output.publish(1, items(1))
        output.close()
    finally:
        broker.resume()
    with closing(opened(broker, topic)) as again:
        for number in range(3):
            again.publish(number, items(number))
    assert values(broker, topic) == all_of(3)


def test_a_record_that_is_too_large_leaves_nothing_behind(broker, new_topic) -> None:
    topic = new_topic()
    with closing(opened(broker, topic)) as output:
        with pytest.raises(DeliveryError, match=rf"17000000 bytes.*{topic}"):
            output.publish(0, [*items(0), KafkaRecord(None, b"x" * 17_000_000)])
        assert output.sequence == NOTHING
        assert output.publish(0, items(0))
    assert values(broker, topic) == all_of(1)


def test_more_records_than_the_queue_holds(broker, new_topic) -> None:
    topic = new_topic()
    config = KafkaConfig(broker.bootstrap, options={"queue.buffering.max.messages": "100"})
    with closing(CommittedOutput(config, topic, None, topic)) as output:
        output.publish(0, [KafkaRecord(None, b"%d" % n) for n in range(20_000)])
    assert values(broker, topic) == [b"%d" % n for n in range(20_000)]


def test_what_cannot_work_is_told_at_the_start(broker, new_topic) -> None:
    with pytest.raises(ConfigError, match="nowhere-2"):
        opened(broker, "nowhere-2")
    with pytest.raises(ConfigError, match="transactional id is empty"):
        CommittedOutput(KafkaConfig(broker.bootstrap), new_topic(), None, "")
    options = {"isolation.level": "read_uncommitted", "acks": "1"}
    with pytest.raises(ConfigError, match="acks"):
        CommittedOutput(KafkaConfig(broker.bootstrap, options=options), new_topic(), None, "x")
