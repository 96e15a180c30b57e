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
class _Rule:
    """What is known of one rule: who waits, and who was heard of lately."""

    waits: dict[int, list[Wait]] = field(default_factory=dict)
    heard: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Key → newest time of an expected event, and its partition."""
    sweep_at: int = _SWEEP_AT


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
        came_ms = own.heard.get(wait.key, (NO_TIME, 0))[0]
        if wait.since_ms < came_ms <= wait.until_ms:
            return
        own.waits.setdefault(wait.key, []).append(wait)
        lane = 0 if self._by_time else wait.partition
        heapq.heappush(self._due.setdefault(lane, []), (wait.until_ms, self._number, wait))
        self._number += 1

    def _arrive(self, own: _Rule, arrivals: Arrivals) -> None:
        every = zip(
            arrivals.keys.tolist(), arrivals.times_ms.tolist(), arrivals.partitions.tolist(),
            strict=True,
        )  # fmt: skip
        for key, time_ms, partition in every:
            if own.heard.get(key, (NO_TIME, 0))[0] < time_ms:
                own.heard[key] = time_ms, partition
            if key in own.waits:
                left = [w for w in own.waits[key] if not w.since_ms < time_ms <= w.until_ms]
                self._keep(own, key, left)
        if len(own.heard) >= own.sweep_at:
            self._sweep(own)

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

    def _sweep(self, own: _Rule) -> None:
        """Forget what no event within the allowed lateness can ask for any more."""
        own.heard = {
            key: (time_ms, partition)
            for key, (time_ms, partition) in own.heard.items()
            if time_ms >= self._clocks_ms.get(partition, NO_TIME) - self._lateness_ms
        }
        own.sweep_at = max(_SWEEP_AT, 2 * len(own.heard))

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
        heard = {
            name: [[key, *found] for key, found in own.heard.items()]
            for name, own in self._rules.items()
        }
        waits = [w for own in self._rules.values() for some in own.waits.values() for w in some]
        state = [list(self._clocks_ms.items()), list(heard.items()), waits]
        return {"state": packed(state)}

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        clocks, heard, waits = orjson.loads(saved["state"].tobytes())
        self._clocks_ms = dict(clocks)
        for name, found in heard:
            if tuple(name) in self._rules:
                own = self._rules[tuple(name)]
                own.heard = {key: (time_ms, partition) for key, time_ms, partition in found}
        for wait in waits:
            self._begin(Wait(**wait))
