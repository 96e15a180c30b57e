"""A pack's own examples, run: each is a short stream, and its rule must fire on the last event.

Every example starts from nothing, so an analyst can read it alone. Cooldowns do not matter here:
a rule fires when it hits, whether that becomes an alert or a repeat.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson

from dataflows.offline import Offline, Results
from models.alerts import Hit, content_of
from models.errors import Place
from models.events import REQUIRED
from models.pack import Example, PackSpec, RuleSpec
from models.planning.blueprint import Blueprint, Deployment, draw
from models.records import RawBlock
from models.waits import Wait
from models.wording import rfc3339, shown

START_MS: Final = 1_767_585_600_000
"""2026-01-05T04:00:00Z: when an example begins that names no time."""

STEP_MS: Final = 1000
"""From one event to the next where neither says when."""

_ARRIVAL_MS: Final = 1 << 53
"""After every event: an example says when it happens, not when it arrives."""

_NOT_OVER: Final = "the last event must be later than {}, when the time is over"

_OWN_KEYS: Final = frozenset({"at", "repeat", "every"})


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What one example did.

    Attributes
    ----------
    rule, place
        The rule's id, and where the example stands in the pack's file.
    expected, fired
        Whether the rule should hit the last event, and whether it did.
    seen
        The reason it gave; else a dead letter's, or the values on which it should have fired.
    ok
        Whether both agree and every event was good.
    """

    rule: str
    place: Place
    expected: bool
    fired: bool
    seen: str
    ok: bool


def run_examples(pack: PackSpec, deployment: Deployment) -> list[ExampleResult]:
    """Run every example of a pack, drafts as if they were live; retired rules have had their day.

    Raises
    ------
    ConfigError
        The pack does not plan; see `models.planning.blueprint.draw`.
    """
    alone = _alone(pack)
    # results do not depend on the number of shards, the time to set up does
    blueprint = draw([alone], replace(deployment, shards=1))
    return [
        _run(blueprint, alone, rule, example)
        for rule in alone.rules
        if rule.status != "retired"
        for example in rule.examples
    ]


def example_events(rule: RuleSpec, example: Example, base_currency: str) -> list[dict[str, Any]]:
    """Write an example's events out: copies made, ids, kinds, times and currencies filled in."""
    events = []
    for number, values in enumerate(_copies(example)):
        whole = {"event_id": f"example-{number:06d}", "kind": rule.on[0], **values}
        if "currency" in REQUIRED.get(str(whole["kind"]), ()):
            whole.setdefault("currency", base_currency)
        events.append(whole)
    return events


def _copies(example: Example) -> Iterator[dict[str, Any]]:
    """Each event's columns with its time, copies included."""
    first: int | None = None
    newest = START_MS - STEP_MS
    for event in example.events:
        columns = {name: value for name, value in event.items() if name not in _OWN_KEYS}
        written = _epoch_ms(columns.get("event_time"))
        if written is not None:
            begin = written
        elif "at" in event:
            begin = (START_MS if first is None else first) + event["at"]
        else:
            begin = newest + STEP_MS
        first = begin if first is None else first
        for copy in range(event.get("repeat", 1)):
            newest = begin + copy * event.get("every", STEP_MS)
            # what is written stays as it is: a time that is none is for the decoder to refuse
            own = (
                {"event_time": newest, **columns}
                if copy == 0
                else {**columns, "event_time": newest}
            )
            if copy and "event_id" in columns:
                own["event_id"] = f"{columns['event_id']}-{copy}"
            yield own


def _epoch_ms(written: Any) -> int | None:
    """An event's time as written; None where that is no point in time."""
    if not isinstance(written, str):
        return written if isinstance(written, int) else None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return round(moment.timestamp() * 1000) if moment.tzinfo else None


def _alone(pack: PackSpec) -> PackSpec:
    """A pack whose drafts are live, and whose rules need no company."""
    live = {"draft": "live"}
    return replace(
        pack,
        rules=tuple(
            replace(rule, status=live.get(rule.status, rule.status), alone=True)
            for rule in pack.rules
        ),
    )


def _run(blueprint: Blueprint, pack: PackSpec, rule: RuleSpec, example: Example) -> ExampleResult:
    events = example_events(rule, example, blueprint.deployment.base_currency)
    results, hurdle = _score(blueprint, events)
    hit = None if hurdle else _hit_on_last(results, rule, events)
    if hit:
        seen = _reason(hit, rule)
    elif not hurdle and rule.absent and not example.fires:
        # else it would hold whatever the rule says
        hurdle = seen = _still_waiting(results, rule, events)
    elif hurdle or not example.fires:
        seen = hurdle
    elif rule.absent:
        seen = _why_not_over(results, rule, events)
    else:
        seen = _values_on_last(blueprint.deployment, pack, rule, events)
    fired = hit is not None
    is_ok = not hurdle and fired == example.fires
    return ExampleResult(rule.id, example.place, example.fires, fired, seen, is_ok)


def _score(blueprint: Blueprint, events: list[dict[str, Any]]) -> tuple[list[Results], str]:
    """Score a stream on fresh state; and why it cannot be judged, if it cannot."""
    wire = blueprint.schema.keys
    lines = [
        orjson.dumps({wire.get(name, name): value for name, value in event.items()})
        for event in events
    ]
    offline = Offline(blueprint)
    fed = offline.feed(RawBlock(0, b"\n".join(lines), 0, _ARRIVAL_MS))
    if fed.dead_letters:
        letter = fed.dead_letters[0]
        return [], f"event {letter.offset + 1} is no event: {letter.reason}"
    if offline.counters.duplicates:
        return [], "two events have one event_id"
    return [fed, offline.finish()], ""


def _hit_on_last(
    results: list[Results], rule: RuleSpec, events: list[dict[str, Any]]
) -> Hit | None:
    """The rule's hit of the last event, or with `absent` one whose time is over by then."""
    last = (events[-1]["kind"], events[-1]["event_id"])
    if rule.absent:
        before_ms = max((_time_of(event) for event in events[:-1]), default=0)
        hits = (hit for some in results for hit in some.over if hit.time_ms >= before_ms)
    else:
        scored = (one for some in results for one in some.scored)
        every = (hit for one in scored for hit in (*one.hits, *one.shadow))
        hits = (hit for hit in every if (hit.kind, hit.event_id) == last)
    return next((h for h in hits if any(one.rule.spec.id == rule.id for one in h.hits)), None)


def _time_of(event: Mapping[str, Any]) -> int:
    return _epoch_ms(event["event_time"]) or 0


def _reason(hit: Hit, rule: RuleSpec) -> str:
    reasons = content_of(hit)["data"]["reasons"]
    return str(next(reason["en"] for reason in reasons if reason["rule"] == rule.id))


def _still_waiting(results: list[Results], rule: RuleSpec, events: list[dict[str, Any]]) -> str:
    """Why an example that must not fire says nothing yet; empty where it does."""
    waits, last_ms = _waits(results, rule), max(map(_time_of, events))
    until_ms = max((wait.until_ms for wait in waits), default=0)
    return _NOT_OVER.format(rfc3339(until_ms)) if until_ms >= last_ms else ""


def _waits(results: list[Results], rule: RuleSpec) -> list[Wait]:
    heard = (heard for some in results for one in some.scored for heard in one.heard)
    return [wait for one in heard for wait in one.waits if wait.rule == rule.id]


def _why_not_over(results: list[Results], rule: RuleSpec, events: list[dict[str, Any]]) -> str:
    waits = _waits(results, rule)
    if not waits:
        return "no event meets when, so nothing is waited for"
    until_ms = max(wait.until_ms for wait in waits)
    if until_ms >= _time_of(events[-1]):
        return _NOT_OVER.format(rfc3339(until_ms))
    return "what must stay away came, or its time was over before the last event"


def _values_on_last(
    deployment: Deployment, pack: PackSpec, rule: RuleSpec, events: list[dict[str, Any]]
) -> str:
    """What the rule would have compared: read from a copy of it that always fires."""
    always = replace(rule, when=f"({rule.when}) OR TRUE")
    probe = draw([replace(pack, rules=(always,))], deployment)
    results, _hurdle = _score(probe, events)
    hit = _hit_on_last(results, always, events)
    if hit is None:
        return f"the last event has no {rule.subject}, or is no {' or '.join(rule.on)}"
    return ", ".join(
        f"{name} = {shown(value, '')}" for name, value in sorted(hit.facts.values.items())
    )
