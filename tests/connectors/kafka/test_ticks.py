"""Ticks: every partition hears what time it is, whoever says it."""

import orjson
import pytest

from connectors.kafka_ticks import KafkaTicks
from models.decoding.decoder import Decoder
from models.errors import ConfigError
from models.planning.blueprint import Deployment, draw
from models.records import RawBlock
from tests.kafka_reading import read_topic

NOW_MS = 1_767_585_600_000


def test_every_partition_is_told(kafka_config, broker, new_topic):
    topic = new_topic(3)
    ticks = KafkaTicks(kafka_config, topic)

    assert [ticks.send(NOW_MS), ticks.send(NOW_MS + 1000)] == [3, 3]

    found = [(m.partition(), orjson.loads(m.value())) for m in read_topic(broker.bootstrap, topic)]
    assert sorted((partition, tick["event_time"]) for partition, tick in found) == [
        (partition, NOW_MS + step) for partition in range(3) for step in (0, 1000)
    ]
    lines = b"\n".join(orjson.dumps(tick) for _partition, tick in found)
    batch, dead = Decoder(draw([], Deployment()).schema).decode(RawBlock(0, lines, 0, NOW_MS))
    assert (len(batch), dead) == (6, [])


def test_a_topic_that_does_not_exist_is_told_before_the_first_tick(kafka_config):
    with pytest.raises(ConfigError, match="no topic"):
        KafkaTicks(kafka_config, "nowhere")


def test_ticks_are_written_in_the_words_of_the_packs_map(kafka_config, broker, new_topic):
    topic = new_topic(1)
    KafkaTicks(kafka_config, topic, {"event_id": "tx_id", "event_time": "created_at"}).send(NOW_MS)

    (message,) = read_topic(broker.bootstrap, topic)
    assert orjson.loads(message.value()) == {
        "tx_id": f"tick-{NOW_MS}",
        "kind": "tick",
        "created_at": NOW_MS,
    }
