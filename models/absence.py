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


@dataclass(slots=True)
class _Heard:
    """Of whom one partition has lately brought what a rule expects: key → newest event time."""

    times_ms: dict[int, int] = field(default_factory=dict)
    newest_ms: int = NO_TIME
    sweep_at: int = _SWEEP_AT

    def add(self, keys: list[int], times_ms: NDArray[np.int64]) -> None:
        """Take events as they came; those in order need no look at what is known."""
        known, times = self.times_ms, times_ms.tolist()
        if times[0] >= self.newest_ms and (times_ms[1:] >= times_ms[:-1]).all():
            known.update(zip(keys, times, strict=True))
        else:
            for key, time_ms in zip(keys, times, strict=True):
                if known.get(key, NO_TIME) < time_ms:
                    known[key] = time_ms
        self.newest_ms = max(self.newest_ms, int(times_ms.max()))

    def sweep(self, before_ms: int) -> None:
        """Forget what no event that may still come can ask for, once the table has doubled."""
        if len(self.times_ms) < self.sweep_at:
            return
        self.times_ms = {key: at for key, at in self.times_ms.items() if at >= before_ms}
        self.sweep_at = max(_SWEEP_AT, 2 * len(self.times_ms))


@dataclass(slots=True)
class _Rule:
    """What is known of one rule: who waits, and by partition who was heard of lately."""

    waits: dict[int, list[Wait]] = field(default_factory=dict)
    heard: dict[int, _Heard] = field(default_factory=dict)


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
        self._known = {(rule.pack, rule.spec.id): rule for rule in rules}
        self._lateness_ms, self._by_time = lateness_ms, by_time
        self._rules: dict[tuple[str, str], _Rule] = {name: _Rule() for name in self._known}
        self._clocks_ms: dict[int, int] = {}
        # per partition (all are one in event-time order): when the next wait may be over
        self._due: dict[int, list[tuple[int, int, Wait]]] = {}
        self._number = 0
        self._log: list[list[Heard]] = []

    def __len__(self) -> int:
        """How many hits wait."""
        return sum(len(some) for own in self._rules.values() for some in own.waits.values())

    def hear(self, parts: Sequence[Heard]) -> list[Hit]:
        """Take what one batch or one round tells; return the hits whose time is over, in order."""
        self._log.append(list(parts))
        for part in parts:
            for partition, clock_ms in part.clocks_ms.items():
                self._clocks_ms[partition] = max(clock_ms, self._clocks_ms.get(partition, NO_TIME))
        for part in parts:
            for wait in part.waits:
                self._begin(wait)
        for part in parts:
            for arrivals in part.arrivals:
                if (arrivals.pack, arrivals.rule) in self._rules:
                    self._arrive(self._rules[arrivals.pack, arrivals.rule], arrivals)
        return self._over()

    def _begin(self, wait: Wait) -> None:
        own = self._rules.get((wait.pack, wait.rule))
        if own is None:
            return
        # by arrival what was expected may have come before the event that expects it
        for heard in own.heard.values():
            if wait.since_ms < heard.times_ms.get(wait.key, NO_TIME) <= wait.until_ms:
                return
        own.waits.setdefault(wait.key, []).append(wait)
        lane = 0 if self._by_time else wait.partition
        heapq.heappush(self._due.setdefault(lane, []), (wait.until_ms, self._number, wait))
        self._number += 1

    def _arrive(self, own: _Rule, arrivals: Arrivals) -> None:
        keys = arrivals.keys.tolist()
        waiting = [row for row, key in enumerate(keys) if key in own.waits] if own.waits else ()
        for row in waiting:
            time_ms, some = int(arrivals.times_ms[row]), own.waits.get(keys[row], [])
            left = [wait for wait in some if not wait.since_ms < time_ms <= wait.until_ms]
            if some:
                self._keep(own, keys[row], left)
        heard = own.heard.setdefault(arrivals.partition, _Heard())
        heard.add(keys, arrivals.times_ms)
        heard.sweep(self._clocks_ms.get(arrivals.partition, NO_TIME) - self._lateness_ms)

    def _keep(self, own: _Rule, key: int, left: list[Wait]) -> None:
        if left:
            own.waits[key] = left
        else:
            del own.waits[key]

    def _over(self) -> list[Hit]:
        over: list[Wait] = []
        newest_ms = max(self._clocks_ms.values(), default=NO_TIME)
        for lane, due in self._due.items():
            if self._by_time:
                now_ms = newest_ms
            else:
                now_ms = self._clocks_ms.get(lane, NO_TIME) - self._lateness_ms
            while due and due[0][0] < now_ms:
                wait = heapq.heappop(due)[2]
                own = self._rules[wait.pack, wait.rule]
                left = own.waits.get(wait.key, [])
                if any(other is wait for other in left):
                    over.append(wait)
                    self._keep(own, wait.key, [other for other in left if other is not wait])
        over.sort(key=lambda wait: wait.order)
        return [wait.over(self._known[wait.pack, wait.rule]) for wait in over]

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
            [*name, partition, list(some.times_ms.items())]
            for name, own in self._rules.items()
            for partition, some in own.heard.items()
        ]
        waits = [w for own in self._rules.values() for some in own.waits.values() for w in some]
        state = [list(self._clocks_ms.items()), heard, waits]
        return {"state": packed(state)}

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        clocks, heard, waits = orjson.loads(saved["state"].tobytes())
        self._clocks_ms = dict(clocks)
        for pack, rule, partition, found in heard:
            if (pack, rule) in self._rules:
                newest_ms = max((at for _key, at in found), default=NO_TIME)
                known = _Heard(dict(found), newest_ms)
                self._rules[pack, rule].heard[partition] = known
        for wait in waits:
            self._begin(Wait(**wait))
