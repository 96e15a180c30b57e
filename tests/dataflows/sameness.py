"""What must be the same, however a stream was cut, spread, ordered and interrupted."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.records import Alert, Repeat

ARRIVAL_MS = 1_800_000_000_000


def event_of(line: bytes) -> dict[str, Any]:
    return json.loads(line)


def names(partitions: Sequence[Sequence[bytes]]) -> dict[str, str]:
    """``partition:offset`` → event id, so that evidence compares over partitionings."""
    return {
        f"{number}:{offset}": json.loads(line)["event_id"]
        for number, lines in enumerate(partitions)
        for offset, line in enumerate(lines)
    }


def outcome(items: Iterable[Alert | Repeat], named: Mapping[str, str]) -> dict[str, Any]:
    """Alert id → its content with events by name, and how often it repeated."""
    content: dict[str, Any] = {}
    repeats: dict[str, int] = {}
    for item in items:
        if isinstance(item, Repeat):
            repeats[item.id] = max(repeats.get(item.id, 0), item.repeats)
        else:
            assert item.id not in content, f"{item.id} came twice"
            content[item.id] = with_names(json.loads(json.dumps(item.content, default=dict)), named)
    return {key: (body, repeats.get(key, 0)) for key, body in content.items()}


def with_names(body: dict[str, Any], named: Mapping[str, str]) -> dict[str, Any]:
    for reason in body["data"]["reasons"]:
        for evidence in reason["evidence"]:
            if "events" in evidence:
                evidence["events"] = [named[place] for place in evidence["events"]]
    return body


def spread(
    lines: Sequence[bytes], partitions: int, seed: int, *, by: str | None = None
) -> list[list[bytes]]:
    """Deal events to partitions: at random, or by the hash of a column."""
    chance = random.Random(seed)
    dealt: list[list[bytes]] = [[] for _ in range(partitions)]
    for line in lines:
        key = event_of(line).get(by) if by else None
        at = hash_of(key) % partitions if key else chance.randrange(partitions)
        dealt[at].append(line)
    return dealt


def hash_of(text: str) -> int:
    return random.Random(text).getrandbits(32)


def shuffled(lines: Sequence[bytes], within_ms: int, seed: int) -> list[bytes]:
    """Delay each event by a random time, so that none comes later than `within_ms`."""
    chance = random.Random(seed)
    keyed = [(event_of(ln)["event_time"] + chance.randrange(within_ms), ln) for ln in lines]
    return [line for _when, line in sorted(keyed, key=lambda pair: pair[0])]


def write(partitions: Sequence[Sequence[bytes]], folder: Path) -> tuple[str, ...]:
    paths = []
    for number, lines in enumerate(partitions):
        path = folder / f"part-{number}.ndjson"
        path.write_bytes(b"".join(lines))
        paths.append(str(path))
    return tuple(paths)
