"""Which of the incidents that the simulator wove in were alerted."""

from collections.abc import Sequence

from models.records import Alert, Repeat
from models.simulator.world import Incident, SimulatedBatch

AFTERMATH_MS = 10 * 60_000
"""An alert about an incident's subject so soon after its last event still counts."""


class CaughtIncidents:
    """A sink that only looks: matches alerts with incidents by event, or by subject and time."""

    def __init__(self) -> None:
        self.incidents: dict[str, Incident] = {}
        self._by_event: set[str] = set()
        self._by_subject: dict[str, list[int]] = {}

    def note(self, batch: SimulatedBatch) -> None:
        """Remember the incidents that a slice completed."""
        for incident in batch.incidents:
            self.incidents[incident.id] = incident

    def write(self, items: Sequence[Alert | Repeat]) -> None:
        """Look at alerts."""
        for item in items:
            if isinstance(item, Alert):
                self._by_event.add(item.event_id)
                self._by_subject.setdefault(item.subject, []).append(item.time_ms)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing to let go."""

    @property
    def share(self) -> float | None:
        """Caught ÷ all incidents, or None before the first."""
        if not self.incidents:
            return None
        caught = sum(self._is_caught(incident) for incident in self.incidents.values())
        return round(caught / len(self.incidents), 4)

    def _is_caught(self, incident: Incident) -> bool:
        if not self._by_event.isdisjoint(incident.event_ids):
            return True
        times = self._by_subject.get(incident.subject, [])
        return any(incident.start_ms <= t <= incident.end_ms + AFTERMATH_MS for t in times)
