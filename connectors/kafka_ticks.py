"""Ticks for a topic of events: what time it is, told to every partition.

Time that the events themselves do not tell, as where a partition is quiet for long, must come
from somebody who knows that nothing older is on its way; here that is everything older than a
delay that the operator chooses.
"""

from collections.abc import Mapping

import orjson

from connectors.kafka_client import KafkaConfig
from connectors.kafka_records import KafkaRecord
from connectors.kafka_sink import KafkaOutput
from connectors.kafka_topics import check_topics


class KafkaTicks:
    """Writes ticks.

    Parameters
    ----------
    config
        The cluster.
    topic
        Of the events; must exist.
    keys
        Column → its key in records, where that is another.
    patience_s
        How long a tick may take to be acknowledged, seconds.

    Raises
    ------
    ConfigError
        The topic does not exist, or we may not write to it.
    DeliveryError
        The cluster does not answer.
    """

    def __init__(
        self,
        config: KafkaConfig,
        topic: str,
        keys: Mapping[str, str] | None = None,
        patience_s: float = 60.0,
    ) -> None:
        check_topics(config, writes=[topic])
        self._output, self._topic = KafkaOutput(config, patience_s), topic
        self._keys = keys or {}

    def send(self, time_ms: int) -> int:
        """Tell every partition what time it is, epoch ms; how many there are.

        Two writers that tell the same time write duplicates, which are dropped.

        Raises
        ------
        DeliveryError
            A tick was not acknowledged.
        """
        tick = {"event_id": f"tick-{time_ms}", "kind": "tick", "event_time": time_ms}
        value = orjson.dumps({self._keys.get(name, name): v for name, v in tick.items()})
        partitions = self._output.partitions(self._topic)
        for partition in partitions:
            self._output.produce(self._topic, KafkaRecord(None, value), partition)
        self._output.flush()
        return len(partitions)
