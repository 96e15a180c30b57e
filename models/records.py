"""What crosses the edges: raw blocks in; alerts, repeats, dead letters and late events out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Headers: TypeAlias = tuple[tuple[str, bytes], ...]
"""What a producer sent beside a record, in order; names may repeat."""


@dataclass(frozen=True, slots=True)
class RawBlock:
    r"""Consecutive records of one partition, as the source delivered them.

    Attributes
    ----------
    partition
        Number of the source partition, from 0.
    data
        The records' bytes. Without `ends` they are lines that end in ``\n`` (the last may lack
        it); blank lines are not records.
    first
        Offset of the first record in its partition: a Kafka offset or a line number from 0.
    arrival_ms
        When the records reached us (read time or ``--as-of``), epoch ms.
    ends
        Shape (n,), int64: where each record ends in `data`, for sources whose records may hold
        newlines.
    offsets
        Shape (n,), int64, rising: each record's offset, for sources whose offsets have gaps; only
        with `ends`.
    arrivals
        Shape (n,), int64: when each record reached us, where that is known one by one (Kafka
        timestamps); only with `ends`.
    headers
        Offset → headers, for the records that have any.
    """

    partition: int
    data: bytes
    first: int
    arrival_ms: int
    ends: NDArray[np.int64] | None = None
    offsets: NDArray[np.int64] | None = None
    arrivals: NDArray[np.int64] | None = None
    headers: Mapping[int, Headers] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not become an event, kept whole (over 1 MiB: its first 64 KiB).

    Attributes
    ----------
    partition, offset
        Where it stood in its source.
    code
        Machine word, e.g. ``bad_json``, ``missing_column``, ``unknown_kind``.
    reason
        One sentence for a person, with the offending value.
    raw
        The record's bytes.
    length, sha256
        Length and hex digest of the whole record.
    headers
        What its producer sent beside it.
    """

    partition: int
    offset: int
    code: str
    reason: str
    raw: bytes
    length: int
    sha256: str
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class LateEvent:
    """A good event that came after the watermark: scored, not learned, and copied here."""

    partition: int
    offset: int
    late_by_ms: int
    raw: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, ready for every sink.

    Attributes
    ----------
    id
        SHA-256 of (tenant, pack, subject's domain, subject, kind, event_id), and of the id of a
        rule with `absent`; first 32 hex digits. A replay meets the same id.
    pack, tenant
        Which pack raised it, for whom.
    subject
        ``domain/value``, e.g. ``account/acct-000123``.
    severity
        low, medium, high or critical.
    risk
        In [0, 1].
    time_ms
        Event time of the event that raised it, epoch ms.
    event_id
        The event that raised it.
    rules
        Ids of the rules that hit, strongest first.
    content
        The whole alert as a CloudEvents 1.0 object of JSON types (see `models/alerting.py`); the
        extension attribute ``traceparent`` (W3C trace context) is there when the event's record
        carried one.
    """

    id: str
    pack: str
    tenant: str
    subject: str
    severity: str
    risk: float
    time_ms: int
    event_id: str
    rules: tuple[str, ...]
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Further hits within the cooldown of an alert that was already written.

    `repeats` is the total so far, taken from state: sinks set it, and never lower it. `subject` is
    the alert's, so that both can be kept in order.
    """

    id: str
    repeats: int
    last_ms: int
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the engine made of one event, whether or not anything hit.

    Attributes
    ----------
    tenant, kind, event_id, time_ms
        The event.
    risk
        In [0, 1], the strongest over all packs.
    action
        allow, review, challenge, hold or freeze.
    scores
        Detector name → score.
    """

    tenant: str
    kind: str
    event_id: str
    time_ms: int
    risk: float
    action: str
    scores: Mapping[str, float]
