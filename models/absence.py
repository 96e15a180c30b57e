"""What should have come and did not: hits of rules with `absent`, until their time is over.

A hit at t of a rule that waits for w becomes an alert when no expected event of the same subject
has an event time in (t, t + w]. It is over when nothing more can come from then: with event-time
order at the first event after t + w, by arrival when the partition of the hit has come further than
t + w and the allowed lateness. Time goes on with events of any kind, ``tick`` among them.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from models.alerts import Hit
from models.planning.rules import Rule
from models.rounds import NO_TIME
from models.waits import Arrivals, Heard, Wait, heard_of, packed, plain

_SWEEP_AT: Final = 4096


def live(hits: Sequence[Hit]) -> list[Hit]:
    """Those of live rules."""
    return [hit for hit in hits if hit.hits[0].rule.spec.status == "live"]


def tried(hits: Sequence[Hit]) -> list[Hit]:
    """Those of rules that are only tried out."""
    return [hit for hit in hits if hit.hits[0].rule.spec.status != "live"]


class _Memory:
    """Of whom one partition has lately brought what a rule expects.

    Of each key the newest event time is enough, for a wait reaches beyond it; a rule that waits
    for less than the allowed lateness needs them all.
    """

    def __init__(self, *, is_short: bool) -> None:
        self._newest_ms: dict[int, int] = {}
        self._every_ms: dict[int, list[int]] | None = {} if is_short else None
        self._last_ms = NO_TIME
        self._size, self._sweep_at = 0, _SWEEP_AT

    def came(self, key: int, since_ms: int, until_ms: int) -> bool:
        """Whether an event of the key is known in (since, until]."""
        if self._every_ms is None:
            return since_ms < self._newest_ms.get(key, NO_TIME) <= until_ms
        return any(since_ms < at <= until_ms for at in self._every_ms.get(key, ()))

    def add(self, keys: Sequence[int], times_ms: NDArray[np.int64], before_ms: int) -> None:
        """Take events as they came; what happened before `before_ms` is asked for no more."""
        known, times = self._newest_ms, times_ms.tolist()
        if self._every_ms is not None:
            for key, time_ms in zip(keys, times, strict=True):
                self._every_ms.setdefault(key, []).append(time_ms)
            self._size += len(times)
        elif times[0] >= self._last_ms and (times_ms[1:] >= times_ms[:-1]).all():
            # in order, as nearly always, nothing need be looked up
            known.update(zip(keys, times, strict=True))
            self._size = len(known)
        else:
            for key, time_ms in zip(keys, times, strict=True):
                if known.get(key, NO_TIME) < time_ms:
                    known[key] = time_ms
            self._size = len(known)
        self._last_ms = max(self._last_ms, int(times_ms.max()))
        if self._size >= self._sweep_at:
            self._sweep(before_ms)

    def _sweep(self, before_ms: int) -> None:
        self._newest_ms = {key: at for key, at in self._newest_ms.items() if at >= before_ms}
        self._size = len(self._newest_ms)
        if self._every_ms is not None:
            left = (
                (key, [at for at in times if at >= before_ms])
                for key, times in self._every_ms.items()
            )
            self._every_ms = {key: times for key, times in left if times}
            self._size = sum(map(len, self._every_ms.values()))
        self._sweep_at = max(_SWEEP_AT, 2 * self._size)

    def pairs(self) -> tuple[list[int], list[int]]:
        """Keys and times, as `add` takes them."""
        every = self._every_ms or {key: [at] for key, at in self._newest_ms.items()}
        found = [(key, at) for key, times in every.items() for at in times]
        return [key for key, _at in found], [at for _key, at in found]


@dataclass(slots=True)
class _Rule:
    """What is known of one rule.

    Attributes
    ----------
    numbers
        Key → the numbers of its waits.
    heard
        Partition → what it has lately brought; nothing in event-time order.
    """

    rule: Rule
    numbers: dict[int, dict[int, None]] = field(default_factory=dict)
    heard: dict[int, _Memory] = field(default_factory=dict)


class Absence:
    """What waits in one shard of keys.

    Parameters
    ----------
    rules
        Those with `absent`; what waits for others is forgotten.
    lateness_ms
        How far behind the newest event of its partition an event may come.
    by_time
        Whether what is heard is in event-time order.
    """

    def __init__(self, rules: Sequence[Rule], lateness_ms: int, *, by_time: bool) -> None:
        self._lateness_ms, self._by_time = lateness_ms, by_time
        self._rules = {(rule.pack, rule.spec.id): _Rule(rule) for rule in rules}
        self._clocks_ms: dict[int, int] = {}
        self._waits: dict[int, Wait] = {}
        # per partition (all are one in event-time order): when waits may be over, ended ones too
        self._due: dict[int, list[tuple[int, int]]] = {}
        self._number = 0
        self._log: list[list[Heard]] = []

    def __len__(self) -> int:
        """How many hits wait."""
        return len(self._waits)

    def hear(self, parts: Sequence[Heard]) -> list[Hit]:
        """Take what one batch or one round tells; return the hits whose time is over, in order."""
        self._log.append(list(parts))
        before_ms = max(self._clocks_ms.values(), default=NO_TIME) if self._by_time else NO_TIME
        for part in parts:
            for partition, clock_ms in part.clocks_ms.items():
                self._clocks_ms[partition] = max(clock_ms, self._clocks_ms.get(partition, NO_TIME))
        for part in parts:
            for wait in part.waits:
                # of a stray, behind what was released, nobody knows what came since
                if wait.since_ms >= before_ms:
                    self._begin(wait)
        for part in parts:
            for arrivals in part.arrivals:
                if (arrivals.pack, arrivals.rule) in self._rules:
                    self._arrive(self._rules[arrivals.pack, arrivals.rule], arrivals)
        return self._over()

    def _begin(self, wait: Wait) -> None:
        own = self._rules.get((wait.pack, wait.rule))
        # by arrival what was expected may have come before the event that expects it
        if own is None or any(
            heard.came(wait.key, wait.since_ms, wait.until_ms) for heard in own.heard.values()
        ):
            return
        self._number += 1
        self._waits[self._number] = wait
        own.numbers.setdefault(wait.key, {})[self._number] = None
        heapq.heappush(self._due.setdefault(self._lane(wait), []), (wait.until_ms, self._number))

    def _lane(self, wait: Wait) -> int:
        return 0 if self._by_time else wait.partition

    def _arrive(self, own: _Rule, arrivals: Arrivals) -> None:
        keys = arrivals.keys.tolist()
        waiting = [row for row, key in enumerate(keys) if key in own.numbers] if own.numbers else ()
        for row in waiting:
            time_ms = int(arrivals.times_ms[row])
            for number in list(own.numbers.get(keys[row], ())):
                if self._waits[number].since_ms < time_ms <= self._waits[number].until_ms:
                    self._end(number)
        if self._by_time:
            return
        absent = own.rule.spec.absent
        is_short = absent is not None and absent.within_ms < self._lateness_ms
        heard = own.heard.setdefault(arrivals.partition, _Memory(is_short=is_short))
        clock_ms = self._clocks_ms.get(arrivals.partition, NO_TIME)
        heard.add(keys, arrivals.times_ms, clock_ms - self._lateness_ms)

    def _end(self, number: int) -> Wait:
        wait = self._waits.pop(number)
        numbers = self._rules[wait.pack, wait.rule].numbers
        del numbers[wait.key][number]
        if not numbers[wait.key]:
            del numbers[wait.key]
        return wait

    def _over(self) -> list[Hit]:
        over: list[Wait] = []
        newest_ms = max(self._clocks_ms.values(), default=NO_TIME)
        for lane, due in self._due.items():
            by_arrival_ms = self._clocks_ms.get(lane, NO_TIME) - self._lateness_ms
            now_ms = newest_ms if self._by_time else by_arrival_ms
            while due and due[0][0] < now_ms:
                number = heapq.heappop(due)[1]
                if number in self._waits:
                    over.append(self._end(number))
        if sum(map(len, self._due.values())) > _SWEEP_AT + 2 * len(self._waits):
            self._forget_ended()
        over.sort(key=lambda wait: wait.order)
        return [wait.over(self._rules[wait.pack, wait.rule].rule) for wait in over]

    def _forget_ended(self) -> None:
        """Look out only for what still waits."""
        self._due = {}
        for number, wait in self._waits.items():
            self._due.setdefault(self._lane(wait), []).append((wait.until_ms, number))
        for due in self._due.values():
            heapq.heapify(due)

    def take_log(self) -> list[NDArray[np.uint8]]:
        """What was heard since the last call."""
        log, self._log = self._log, []
        return [packed([[plain(part) for part in parts] for parts in log])] if log else []

    def replay(self, log: Sequence[NDArray[np.uint8]]) -> None:
        """Hear again what an earlier run heard after it was saved."""
        for chunk in log:
            for parts in orjson.loads(chunk.tobytes()):
                self.hear([heard_of(part) for part in parts])
        self._log = []

    def save(self) -> dict[str, NDArray[Any]]:
        """The whole state."""
        heard = [
            [*name, partition, *memory.pairs()]
            for name, own in self._rules.items()
            for partition, memory in own.heard.items()
        ]
        waits = list(self._waits.values())
        state = [list(self._clocks_ms.items()), heard, waits]
        return {"state": packed(state)}

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        clocks, heard, waits = orjson.loads(saved["state"].tobytes())
        self._clocks_ms = dict(clocks)
        for wait in waits:
            self._begin(Wait(**wait))
        for pack, rule, partition, keys, times_ms in heard:
            if (pack, rule) in self._rules and keys:
                known = Arrivals(pack, rule, partition, *map(_integers, (keys, times_ms)))
                self._arrive(self._rules[pack, rule], known)


def _integers(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)
