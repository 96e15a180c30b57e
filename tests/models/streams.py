"""Small streams of events, and homes that pass them on as the flow does, without an engine."""

import json
import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dataflows.components import HomeHold, HomeIntake
from dataflows.items import Decoded
from models.batch import Batch
from models.decoding.decoder import Decoder
from models.decoding.schema import Schema
from models.hashing import Secret
from models.holding import Ordering, Release
from models.merging import Turns
from models.ordering import order_of
from models.places import offset_of, partition_of
from models.records import RawBlock
from models.rounds import Announcement, Pulse, Rounds, Status

SCHEMA = Schema(frozenset({"account", "device"}), frozenset({"login", "label"}), Secret(bytes(16)))
DECODER = Decoder(SCHEMA)
START_MS = 1_700_000_000_000
LATENESS_MS = 20

Event = tuple[int, str, str]
"""(ms after `START_MS`, event_id, kind)"""
Place = tuple[int, int]


def line_of(event: Event) -> bytes:
    time_ms, name, kind = event
    fields: dict[str, Any] = {"event_id": name, "event_time": START_MS + time_ms, "kind": kind}
    more = {
        "login": {"customer": "c", "outcome": "fail"},
        "label": {"of": "e", "is_fraud": True},
    }
    return json.dumps(fields | more[kind]).encode() + b"\n"


def decoded(partition: int, first: int, events: Iterable[Event]) -> Decoded:
    data = b"".join(map(line_of, events))
    block = RawBlock(partition, data, first, START_MS + 1_000_000)
    batch, dead = DECODER.decode(block)
    assert not dead, dead
    return Decoded.of(block, batch, dead)


def batch_of(partition: int, first: int, events: Iterable[Event]) -> Batch:
    batch = decoded(partition, first, events).batch
    assert batch is not None
    return batch


def places(batch: Batch) -> list[Place]:
    return [(partition_of(p), offset_of(p)) for p in batch.places.tolist()]


def sorting(event: Event) -> tuple[int, bool, str, str]:
    return event[0], event[2] != "label", event[1], event[2]


def unrepeated(streams: Sequence[Sequence[Event]]) -> set[Place]:
    """Places of all events but for the repeats within a partition."""
    found: set[Place] = set()
    for number, stream in enumerate(streams):
        seen: set[tuple[str, str]] = set()
        for offset, (_time, name, kind) in enumerate(stream):
            if (name, kind) not in seen:
                found.add((number, offset))
            seen.add((name, kind))
    return found


def late_of(streams: Sequence[Sequence[Event]]) -> set[Place]:
    """What each partition's own intake calls late."""
    found: set[Place] = set()
    for number, stream in enumerate(streams):
        newest = -(10**9)
        for offset, (time, _name, _kind) in enumerate(stream):
            if time < newest - LATENESS_MS:
                found.add((number, offset))
            newest = max(newest, time)
    return found


def in_turn(group: Sequence[Release]) -> list[tuple[Place, bool]]:
    """The events of one group of releases as the windows would meet them: place, late."""
    filled = [release for release in group if release.batch is not None]
    if not filled:
        return []
    found = [
        (place, bool(late))
        for release in filled
        if release.batch is not None
        for place, late in zip(places(release.batch), release.batch.late, strict=True)
    ]
    if len(group) == 1:
        return found
    times = np.concatenate([release.order_ms for release in filled])
    ids = [release.ids for release in filled if release.ids is not None]
    order = order_of(times, np.concatenate(ids)) if ids else np.argsort(times, kind="stable")
    return found if order is None else [found[at] for at in order.tolist()]


@dataclass
class _Home:
    intake: HomeIntake
    hold: HomeHold
    rounds: Rounds
    heard: list[deque[Announcement]]
    sent: deque[Release] = field(default_factory=deque)


@dataclass
class Homes:
    """As many homes as lanes, which read partitions block by block."""

    ordering: Ordering
    lanes: int
    streams: Sequence[Sequence[Event]]
    chance: random.Random
    saved: Any = None
    known: set[int] = field(default_factory=set)
    """Partitions that the source tells of; all unless given."""
    always_lagging: bool = False
    produced: list[int] = field(default_factory=list)
    """Partition → how many of its events are there by now; shared by the runs over a stream."""

    def __post_init__(self) -> None:
        saved, self.out = self.saved or (None, [])
        self.known = self.known or set(range(len(self.streams)))
        self.out = list(self.out)
        self.produced = self.produced or [len(stream) for stream in self.streams]
        self.homes = [
            _Home(
                HomeIntake(LATENESS_MS), HomeHold(lane, self.ordering), Rounds(self.lanes),
                [deque() for _ in range(self.lanes)],
            )
            for lane in range(self.lanes)
        ]  # fmt: skip
        self.next = [0] * len(self.streams)
        self.told: set[int] = set()
        self.turns: Turns[Release] = Turns()
        self.final: set[int] = set()
        for home, (intake, hold) in zip(self.homes, saved or [], strict=False):
            home.intake.load(intake)
            home.hold.load(hold)
            for partition, needed in home.hold.needed().items():
                self.next[partition] = self.chance.randint(0, needed)

    def read(self, partition: int) -> None:
        """One block of a partition, of which its lane has told."""
        stream, first = self.streams[partition], self.next[partition]
        count = self.chance.randint(1, 6)
        end = self.produced[partition]
        if partition not in self.told or first >= end:
            return
        self.next[partition] = min(first + count, end)
        home = self.homes[partition % self.lanes]
        block = decoded(partition, first, stream[first : self.next[partition]])
        for passed in home.intake.judge(block).passed:
            home.sent.extend(home.hold.add(passed))

    def produce(self, partition: int) -> None:
        """Some more events of a partition are there."""
        more = self.produced[partition] + self.chance.randint(1, 4)
        self.produced[partition] = min(more, len(self.streams[partition]))

    def pulse(self, lane: int, *, final: bool = False) -> None:
        """A lane tells how it stands: its home at once, the others when they listen."""
        if lane in self.final:
            return
        self.told |= {p for p in self.known if p % self.lanes == lane}
        status = {
            p: Status(
                self.next[p],
                at_end=not self.always_lagging and self.next[p] >= self.produced[p],
                idle=False,
            )
            for p in sorted(self.told)
            if p % self.lanes == lane
        }
        if final:
            self.final.add(lane)
        announcement = self.homes[lane].intake.announce(Pulse(lane, status, final))
        for number, home in enumerate(self.homes):
            home.heard[lane].append(announcement)
            if number == lane:
                self.listen(number, lane)

    def listen(self, number: int, lane: int) -> None:
        """A home hears what a lane announced first of what it has not heard yet."""
        home = self.homes[number]
        if home.heard[lane]:
            for now in home.rounds.add(home.heard[lane].popleft()):
                home.sent.extend(home.hold.turn(now))

    def deliver(self, number: int) -> None:
        """What a home sent first arrives."""
        sent = self.homes[number].sent
        if sent:
            release = sent.popleft()
            for group in self.turns.add(release, number, release.turn):
                self.out += in_turn(group)

    def settle(self) -> None:
        """Everything under way arrives, in some order: the end of an epoch."""
        while any(home.sent or any(home.heard) for home in self.homes):
            number = self.chance.randrange(self.lanes)
            self.listen(number, self.chance.randrange(self.lanes))
            self.deliver(number)

    def epoch(self, steps: int) -> None:
        """Some steps in some order, then the end of an epoch."""
        for _ in range(steps):
            number = self.chance.randrange(self.lanes)
            match self.chance.randrange(6):
                case 0 | 1:
                    self.read(self.chance.randrange(len(self.streams)))
                case 2:
                    self.pulse(number)
                case 3:
                    self.listen(number, self.chance.randrange(self.lanes))
                case 4:
                    self.produce(self.chance.randrange(len(self.streams)))
                case _:
                    self.deliver(number)
        self.settle()

    def commit(self) -> Any:
        """The state of all homes, and what has come out; nothing may be under way."""
        assert not len(self.turns)
        state = [
            (home.intake.save(), {n: a.copy() for n, a in home.hold.save().items()})
            for home in self.homes
        ]
        return state, list(self.out)

    def finish(self) -> list[tuple[Place, bool]]:
        """Read to the end; every lane ends."""
        self.known = set(range(len(self.streams)))
        self.produced[:] = [len(stream) for stream in self.streams]
        while any(at < len(stream) for at, stream in zip(self.next, self.streams, strict=True)):
            for lane in range(self.lanes):
                self.pulse(lane)
            self.epoch(20)
        for lane in range(self.lanes):
            self.pulse(lane, final=True)
        self.settle()
        assert not len(self.turns)
        return self.out
