"""Labels: which events belong to which incident."""

from dataclasses import dataclass

import numpy as np

from models.simulator.encode import event_ids
from models.simulator.incidents.plan import Staged
from models.simulator.incidents.stage import Scene, Typology
from models.simulator.tables import Table


@dataclass(frozen=True, slots=True)
class Incident:
    """One labelled incident.

    Attributes
    ----------
    id
        Unique in its world, such as "inc-000017", or "inc-A11-0017" for a scripted one.
    typology
        The catalogue's rule that should catch it, such as "F01".
    pack
        "payments" or "trading".
    subject
        "domain/value" of the entity that should be flagged.
    event_ids
        Its own events in order of time; the subject's ordinary events are not among them.
    start_ms, end_ms
        Times of its first and last event, epoch ms.
    """

    id: str
    typology: str
    pack: str
    subject: str
    event_ids: tuple[str, ...]
    start_ms: int
    end_ms: int


def name_incidents(
    played: list[tuple[int, Typology, Scene]], kinds: dict[str, Table], day: int, start_ms: int
) -> list[Incident]:
    """Name each incident's events, now that their ids are known.

    Parameters
    ----------
    played
        The day's incidents: number, typology and scene.
    kinds
        The day's events in order, by kind.
    day, start_ms
        The day, and when it began, epoch ms.

    Returns
    -------
    list
        By end.
    """
    events: dict[int, list[tuple[int, str]]] = {number: [] for number, _, _ in played}
    for kind, rows in kinds.items():
        places = np.flatnonzero(rows["incident"] >= 0)
        numbers = rows["incident"][places].tolist()
        at = (rows["time"][places] + start_ms).tolist()
        names = event_ids(kind, day, places)
        for number, time, name in zip(numbers, at, names, strict=True):
            events[number].append((time, name))
    incidents = []
    for number, typology, scene in played:
        own = sorted(events[number])
        incidents.append(
            Incident(
                id=f"inc-{number + 1:06d}",
                typology=typology.id,
                pack=typology.pack,
                subject=scene.subject,
                event_ids=tuple(name for _, name in own),
                start_ms=own[0][0],
                end_ms=own[-1][0],
            )
        )
    return sorted(incidents, key=lambda incident: (incident.end_ms, incident.id))


def name_scripted(staged: Staged) -> Incident:
    """Name a scripted incident's events."""
    return Incident(
        id=staged.id,
        typology=staged.typology,
        pack="payments",
        subject=staged.subject,
        event_ids=tuple(event["event_id"] for event in staged.events),
        start_ms=staged.events[0]["event_time"],
        end_ms=staged.events[-1]["event_time"],
    )
