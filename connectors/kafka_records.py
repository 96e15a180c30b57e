"""Our records as Kafka records: pure functions that give a key, a value and headers.

Keys keep in order what belongs together: a partition holds all alerts of a subject.

>>> record_of_late_event(LateEvent(3, 17, 250, b"{}")).key
b'3:17'
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from models.records import Alert, DeadLetter, Decision, LateEvent, Repeat
from models.wording import rfc3339

CLOUDEVENTS_JSON: Final = b"application/cloudevents+json; charset=UTF-8"
REPEAT_TYPE: Final = "riverguard.repeat.v1"
REPEAT_SOURCE: Final = "riverguard"
OURS: Final = "riverguard-"
"""How the names of our headers begin; the others are those of the original record."""
_ATTRIBUTES: Final = ("id", "type", "source", "time")


class KafkaRecord(NamedTuple):
    """What a producer sends.

    Attributes
    ----------
    key
        Decides the partition; None for any.
    value
        The message.
    headers
        In order; names may repeat.
    """

    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


def record_of_alert(item: Alert | Repeat) -> KafkaRecord:
    """Encode an alert, or a new count of its repeats, as a CloudEvents 1.0 object in JSON.

    Key: the alert's subject, so that alerts and repeats about one subject keep their order. Readers
    drop what has a ``ce_id`` that they have seen, and of several counts keep the highest.

    Headers: content-type, ce_id, ce_type, ce_source, ce_time, and traceparent where there is one.
    """
    if isinstance(item, Alert):
        return _cloud_event(item.subject.encode(), item.content)
    last = rfc3339(item.last_ms)
    content = {
        "specversion": "1.0",
        "type": REPEAT_TYPE,
        "source": REPEAT_SOURCE,
        "id": f"{item.id}.{item.repeats}",
        "time": last,
        "data": {"alert": item.id, "repeats": item.repeats, "last": last},
    }
    return _cloud_event((item.subject or item.id).encode(), content)


def record_of_decision(item: Decision) -> KafkaRecord:
    """Encode a decision as JSON: tenant, kind, event_id, event_time, risk, action, scores.

    Key: the event's id. ``event_time`` is RFC 3339 in UTC; a score that is no number is null.
    """
    value = orjson.dumps(
        {
            "tenant": item.tenant,
            "kind": item.kind,
            "event_id": item.event_id,
            # the cache of rfc3339 finds whole seconds again
            "event_time": f"{rfc3339(item.time_ms // 1000 * 1000)[:-4]}{item.time_ms % 1000:03d}Z",
            "risk": item.risk,
            "action": item.action,
            "scores": item.scores,
        },
        default=dict,
    )
    return KafkaRecord(item.event_id.encode(), value)


def record_of_dead_letter(item: DeadLetter) -> KafkaRecord:
    """Hand on a dead letter's bytes as they came: they are evidence.

    Key: ``partition:offset``, the same in a replay. Headers: the original ones, then
    riverguard-code, -reason, -partition, -offset, -length and -sha256 (of the whole record). Of
    equal names the last is ours.
    """
    headers = [
        *item.headers,
        (f"{OURS}code", item.code.encode()),
        (f"{OURS}reason", item.reason.encode(errors="replace")),
        *_position(item),
        (f"{OURS}length", b"%d" % item.length),
        (f"{OURS}sha256", item.sha256.encode()),
    ]
    return KafkaRecord(_place(item), item.raw, headers)


def record_of_late_event(item: LateEvent) -> KafkaRecord:
    """Hand on a late event's bytes as they came.

    Key: ``partition:offset``. Headers: the original ones, then riverguard-late-by-ms, -partition
    and -offset.
    """
    headers = [*item.headers, (f"{OURS}late-by-ms", b"%d" % item.late_by_ms), *_position(item)]
    return KafkaRecord(_place(item), item.raw, headers)


def _cloud_event(key: bytes, content: Any) -> KafkaRecord:
    headers = [("content-type", CLOUDEVENTS_JSON)]
    headers += [(f"ce_{name}", content[name].encode()) for name in _ATTRIBUTES if name in content]
    if "traceparent" in content:
        headers.append(("traceparent", content["traceparent"].encode()))
    return KafkaRecord(key, orjson.dumps(content, default=dict), headers)


def _place(item: DeadLetter | LateEvent) -> bytes:
    return b"%d:%d" % (item.partition, item.offset)


def _position(item: DeadLetter | LateEvent) -> list[tuple[str, bytes]]:
    return [
        (f"{OURS}partition", b"%d" % item.partition),
        (f"{OURS}offset", b"%d" % item.offset),
    ]
