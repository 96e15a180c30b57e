"""What one process has done since it started; steps add, the command line reads."""

from collections import deque
from dataclasses import dataclass, field

from models.holding import Passed
from models.records import Alert, DeadLetter, LateEvent, Repeat


@dataclass
class Counters:
    """Running totals.

    Attributes
    ----------
    events
        Good events decoded.
    rejected, late, duplicates
        Dead letters, events behind the watermark, events seen before.
    alerts, repeats, shadow, insufficient, unconverted
        Alerts raised, repeats within cooldowns, hits of shadow rules, rule evaluations without
        enough history, amounts without a rate.
    newest_ms
        Newest event time.
    reasons
        Dead letters by code.
    recent
        The newest alerts.
    """

    events: int = 0
    rejected: int = 0
    late: int = 0
    duplicates: int = 0
    alerts: int = 0
    repeats: int = 0
    shadow: int = 0
    insufficient: int = 0
    unconverted: int = 0
    newest_ms: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    recent: deque[Alert] = field(default_factory=lambda: deque(maxlen=64))

    def judged(self, passed: list[Passed], dead: list[DeadLetter], late: list[LateEvent]) -> None:
        """Count what intake saw for the first time."""
        for one in passed:
            if not one.again and one.batch is not None:
                self.events += len(one.batch) + one.duplicates.shape[0]
                self.duplicates += one.duplicates.shape[0]
                if len(one.batch):
                    self.newest_ms = max(self.newest_ms, int(one.batch.times.max()))
        self.late += len(late)
        self.reject(dead)

    def reject(self, dead: list[DeadLetter]) -> None:
        """Count dead letters."""
        self.rejected += len(dead)
        for letter in dead:
            self.reasons[letter.code] = self.reasons.get(letter.code, 0) + 1

    def raised(self, out: list[Alert | Repeat], repeated: int) -> None:
        """Count alerts, and the hits that only repeated one."""
        self.repeats += repeated
        for item in out:
            if isinstance(item, Alert):
                self.alerts += 1
                self.recent.append(item)

    def summary(self) -> dict[str, int]:
        """The totals by name."""
        names = (
            "events", "alerts", "repeats", "shadow", "rejected", "late", "duplicates",
            "insufficient", "unconverted",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}
