"""What the Kafka sinks write, read back from a real broker."""

import json
from contextlib import closing

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from connectors.kafka_client import KafkaConfig
from connectors.kafka_records import (
    KafkaRecord,
    record_of_alert,
    record_of_dead_letter,
    record_of_decision,
    record_of_late_event,
)
from connectors.kafka_sink import KEPT_BYTES, KafkaOutput
from deploy.kafka_broker import PASSWORD, USERNAME
from models.errors import ConfigError, DeliveryError
from models.records import Alert, DeadLetter, Decision, LateEvent, Repeat
from tests.kafka_reading import read_topic

KAFKAS_DEFAULT = 1_048_588  # our test broker takes more
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def config_of(broker, **options: str) -> KafkaConfig:
    return KafkaConfig(servers=broker.bootstrap, options=options)


def written(broker, topic, items, encode=None, *, cut=False, **options):
    """Write, flush and read back: (key, value, headers) of each message."""
    output = KafkaOutput(config_of(broker, **options))
    with closing(output.sink(topic, encode, cut=cut)) as sink:
        sink.write(items)
        sink.flush()
        found = read_topic(broker.bootstrap, topic)
    return [(m.key(), m.value(), m.headers() or []) for m in found]


def make_alert(number: int, subject: str, trace: str = "") -> Alert:
    alert_id = f"{number:032x}"
    content = {
        "specversion": "1.0",
        "type": "riverguard.alert.v1",
        "source": "riverguard/payments",
        "id": alert_id,
        "time": "2026-11-21T08:00:00.123Z",
        "subject": subject,
        **({"traceparent": trace} if trace else {}),
        "data": {"reasons": ["一分钟"], "number": number},
    }
    return Alert(
        alert_id, "payments", "t1", subject, "high", 0.9, 1_795_248_000_123, "tx", ("F",), content
    )


def test_an_alert_is_a_cloud_event(broker, new_topic) -> None:
    alert = make_alert(7, "account/acct-1", TRACE)
    plain = make_alert(8, "account/acct-1")
    first, second = written(broker, new_topic(), [alert, plain], record_of_alert)
    key, value, headers = first
    assert key == b"account/acct-1"
    assert json.loads(value) == alert.content
    attributes = [
        ("content-type", b"application/cloudevents+json; charset=UTF-8"),
        ("ce_id", alert.id.encode()),
        ("ce_type", b"riverguard.alert.v1"),
        ("ce_source", b"riverguard/payments"),
        ("ce_time", b"2026-11-21T08:00:00.123Z"),
    ]
    assert headers == [*attributes, ("traceparent", TRACE.encode())]
    assert second[2] == [
        attributes[0],
        ("ce_id", plain.id.encode()),
        *attributes[2:],
    ]


def test_a_repeat_is_a_cloud_event_of_its_own(broker, new_topic) -> None:
    repeat = Repeat(f"{7:032x}", 12, 1_795_248_000_123)
    ((key, value, headers),) = written(broker, new_topic(), [repeat], record_of_alert)
    assert key == repeat.id.encode()
    time = "2026-11-21T08:00:00.123Z"
    assert json.loads(value) == {
        "specversion": "1.0",
        "type": "riverguard.repeat.v1",
        "source": "riverguard",
        "id": f"{repeat.id}.12",
        "time": time,
        "data": {"alert": repeat.id, "repeats": 12, "last": time},
    }
    assert headers == [
        ("content-type", b"application/cloudevents+json; charset=UTF-8"),
        ("ce_id", f"{repeat.id}.12".encode()),
        ("ce_type", b"riverguard.repeat.v1"),
        ("ce_source", b"riverguard"),
        ("ce_time", time.encode()),
    ]


def test_a_decision_is_plain_json(broker, new_topic) -> None:
    scores = {"habit": 0.25, "broken": float("nan")}
    decision = Decision("t1", "payment", "tx-1", 1_795_248_000_123, 0.5, "review", scores)
    ((key, value, headers),) = written(broker, new_topic(), [decision], record_of_decision)
    assert (key, headers) == (b"tx-1", [])
    assert json.loads(value) == {
        "tenant": "t1",
        "kind": "payment",
        "event_id": "tx-1",
        "event_time": "2026-11-21T08:00:00.123Z",
        "risk": 0.5,
        "action": "review",
        "scores": {"habit": 0.25, "broken": None},
    }


def test_a_dead_letter_is_the_bytes_as_they_came(broker, new_topic) -> None:
    raw = b"\x00\xff not \n json"
    original = (("trace", b"1"), ("trace", b"\xff2"), ("riverguard-code", b"forged"))
    letter = DeadLetter(2, 41, "bad_json", "no {, 缺", raw, len(raw), "ab12", original)
    ((key, value, headers),) = written(broker, new_topic(), [letter], record_of_dead_letter)
    assert (key, value) == (b"2:41", raw)
    assert headers == [
        *original,
        ("riverguard-code", b"bad_json"),
        ("riverguard-reason", "no {, 缺".encode()),
        ("riverguard-partition", b"2"),
        ("riverguard-offset", b"41"),
        ("riverguard-length", b"13"),
        ("riverguard-sha256", b"ab12"),
    ]


def test_a_late_event_is_the_bytes_as_they_came(broker, new_topic) -> None:
    event = LateEvent(2, 42, 61_000, b'{"a":1}', (("trace", b"1"),))
    ((key, value, headers),) = written(broker, new_topic(), [event], record_of_late_event)
    assert (key, value) == (b"2:42", b'{"a":1}')
    assert headers == [
        ("trace", b"1"),
        ("riverguard-late-by-ms", b"61000"),
        ("riverguard-partition", b"2"),
        ("riverguard-offset", b"42"),
    ]


def test_more_records_than_the_queue_holds(broker, new_topic) -> None:
    topic = new_topic(partitions=3)
    records = [KafkaRecord(b"%d" % (n % 50), b"%d" % n) for n in range(100_000)]
    found = written(broker, topic, records, **{"queue.buffering.max.messages": "1000"})
    of_key: dict[bytes, list[int]] = {}
    for key, value, _ in found:
        of_key.setdefault(key, []).append(int(value))
    assert of_key == {b"%d" % k: list(range(k, 100_000, 50)) for k in range(50)}


def test_sinks_share_one_producer_and_one_flush(broker, new_topic, monkeypatch) -> None:
    output = KafkaOutput(config_of(broker))
    topics = [new_topic() for _ in range(3)]
    sinks = [output.sink(topic) for topic in topics]
    for sink in sinks:
        sink.write([KafkaRecord(None, b"x")])
    sinks[0].flush()
    assert len(output._producer) == 0
    assert [len(read_topic(broker.bootstrap, topic)) for topic in topics] == [1, 1, 1]
    monkeypatch.setattr(output, "_producer", Untouched(output._producer))
    for sink in sinks:
        sink.flush()
    monkeypatch.undo()
    sinks[0].close()
    sinks[0].close()
    sinks[1].write([KafkaRecord(None, b"y")])
    sinks[1].flush()
    assert len(read_topic(broker.bootstrap, topics[1])) == 2


class Untouched:
    """A producer whose flush must not be called: it would cost a round trip."""

    def __init__(self, producer) -> None:
        self.poll, self.purge = producer.poll, producer.purge

    def __len__(self) -> int:
        return 0


def test_a_login_over_tls(broker, new_topic) -> None:
    config = KafkaConfig(
        servers=broker.sasl_ssl_bootstrap,
        username=USERNAME,
        password=PASSWORD,
        tls=True,
        ca_file=str(broker.ca_path),
    )
    topic = new_topic()
    with closing(KafkaOutput(config).sink(topic)) as sink:
        sink.write([KafkaRecord(b"k", b"v", [("h", b"1")])])
        sink.flush()
    assert [m.value() for m in read_topic(broker.bootstrap, topic)] == [b"v"]

    binding = AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{USERNAME}",
        "*",
        AclOperation.WRITE,
        AclPermissionType.DENY,
    )
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_acls([binding])[binding].result(30)
    with pytest.raises(ConfigError, match=topic) as raised:
        KafkaOutput(config).sink(topic)
    assert "ACL" in raised.value.hint
    assert PASSWORD not in str(raised.value)


def test_an_unknown_topic_is_told_at_the_start(broker) -> None:
    with pytest.raises(ConfigError, match="nowhere-1") as raised:
        KafkaOutput(config_of(broker)).sink("nowhere-1")
    assert "create" in raised.value.hint


def letter_of(size: int, headers=()) -> DeadLetter:
    raw = bytes(range(256)) * (size // 256)
    return DeadLetter(0, 5, "bad_json", "no", raw, len(raw), "ab12", headers)


def test_a_dead_letter_too_large_for_its_topic_is_cut(broker, new_topic) -> None:
    letters = [
        letter_of(1 << 20),
        letter_of(1 << 10),
        letter_of(512, (("junk", b"x" * 1_100_000),)),
    ]
    topic = new_topic(max_message_bytes=KAFKAS_DEFAULT)
    found = written(broker, topic, letters, record_of_dead_letter, cut=True)
    (_, large, large_headers), (_, small, small_headers), (_, junk, junk_headers) = found
    assert large == letters[0].raw[:KEPT_BYTES]
    assert large_headers[-1] == ("riverguard-truncated", b"1048576")
    assert ("riverguard-length", b"1048576") in large_headers
    assert small == letters[1].raw
    assert "riverguard-truncated" not in dict(small_headers)
    assert junk == letters[2].raw
    names = [name for name, _ in junk_headers]
    assert names[-1] == "riverguard-truncated"
    assert "junk" not in names
    assert "riverguard-code" in names


def test_a_topic_that_takes_more_gets_the_whole_letter(broker, new_topic) -> None:
    letter = letter_of(4 << 20)
    topic = new_topic(max_message_bytes=8 << 20)
    ((_, value, _),) = written(broker, topic, [letter], record_of_dead_letter, cut=True)
    assert value == letter.raw


def test_another_record_that_is_too_large_is_an_error(broker, new_topic) -> None:
    topic = new_topic(max_message_bytes=KAFKAS_DEFAULT)
    with closing(KafkaOutput(config_of(broker)).sink(topic)) as sink:
        sink.write([KafkaRecord(b"k", b"fine")])
        with pytest.raises(DeliveryError, match=rf"1100001 bytes.*{topic}") as raised:
            sink.write([KafkaRecord(b"k", b"x" * 1_100_000)])
        assert "max.message.bytes" in raised.value.hint
        sink.flush()
    assert [m.value() for m in read_topic(broker.bootstrap, topic)] == [b"fine"]


def test_the_largest_record_that_is_not_too_large_is_taken(broker, new_topic) -> None:
    topic = new_topic(max_message_bytes=KAFKAS_DEFAULT)
    output = KafkaOutput(config_of(broker, **{"compression.type": "none"}))
    with closing(output.sink(topic)) as sink:
        headers = [(f"name-{n}", b"v") for n in range(200)]
        room = sink._record_bytes_max - 3 - sum(len(name) + 1 + 10 for name, _ in headers)
        sink.write([KafkaRecord(b"key", b"x" * room, headers)])
        sink.flush()
        with pytest.raises(DeliveryError, match="too large"):
            sink.write([KafkaRecord(b"key", b"x" * (room + 1), headers)])
    assert [len(m.value()) for m in read_topic(broker.bootstrap, topic)] == [room]


def test_a_topic_smaller_than_our_batches_is_refused(broker, new_topic) -> None:
    topic = new_topic(max_message_bytes=50_000)
    with pytest.raises(ConfigError, match=rf"{topic} takes 50000 bytes") as raised:
        KafkaOutput(config_of(broker)).sink(topic)
    assert "batch.size" in raised.value.hint
    records = [KafkaRecord(None, b"%9d" % n * 100) for n in range(1000)]
    options = {"batch.size": "50000", "compression.type": "none"}
    assert len(written(broker, topic, records, **options)) == 1000
