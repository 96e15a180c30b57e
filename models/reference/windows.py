"""The definition of every feature: each window recomputed from the entity's whole list of events.

No running sums, no arrays, nothing that the kernels of `models.features` use: slow, obvious, and
exact. Sums are fractions until the last step, calendars are looked up in `zoneinfo` each time.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from models.events import MONEY_SCALE
from models.expressions.tree import Node
from models.feature_specs import Over
from models.features.layout import EVIDENCE_MAX
from models.features.plan import EVENT_ID, Feature, Group, Space
from models.reference.aggregates import AGGREGATES
from models.reference.calendar import period_end, period_start
from models.reference.looking import Number, Visit, faded_mean, is_money, matches, top_share


@dataclass(slots=True)
class Answer:
    """What a visit read.

    Attributes
    ----------
    values
        Feature → value, NaN for NULL; a text is its hash.
    truncated
        Features from whose window the cap has pushed an event out.
    cut_since_start
        Features with a window such that the cap has pushed out an event not older than it. That
        event may be newer than the window's end: then all older ones, if any, have gone as well.
    evidence
        Feature that reached its bound → references of its events, newest first.
    """

    values: dict[str, Number] = field(default_factory=dict)
    truncated: set[str] = field(default_factory=set)
    cut_since_start: set[str] = field(default_factory=set)
    evidence: dict[str, list[int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Entity:
    """Every event that is kept, by time and then by arrival, and the times of those cut off."""

    events: list[Visit] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)

    def store(self, visit: Visit, cap: int) -> None:
        place = bisect.bisect_right([event.at_ms for event in self.events], visit.at_ms)
        self.events.insert(place, visit)
        if len(self.events) > cap:
            self.cut.append(self.events.pop(0).at_ms)

    def take_back(self, event_id: int) -> None:
        named = [e for e in self.events if e.values.get(EVENT_ID.node) == event_id]
        # an event stands once in the list, though another may equal it
        self.events = [event for event in self.events if event is not next(reversed(named), None)]


class ReferenceSpace:
    """All entities of one space, and the answers to visits in the order of their arrival.

    Parameters
    ----------
    space
        Its features name the windows; its plan is not used.

    Examples
    --------
    >>> from models.errors import Place
    >>> from models.feature_specs import FeatureSpec
    >>> spec = FeatureSpec("payments_1m", "count", "*", ("account",), ("account",), ("payment",),
    ...                    Over(span_ms=60_000), Place("pack.yaml", 1))
    >>> feature = Feature(spec, "p.payments_1m", None, None, None, 1, 1, None, 4096, 0)
    >>> twin = ReferenceSpace(Space(by=("account",), on=1, features=[feature]))
    >>> reads = frozenset([Group(of=("account",), before=False)])
    >>> for at_ms in (0, 30_000, 60_000):
    ...     print(twin.visit(Visit(key=7, at_ms=at_ms, reads=reads)).values)
    {'p.payments_1m': 1}
    {'p.payments_1m': 2}
    {'p.payments_1m': 2}
    """

    def __init__(self, space: Space) -> None:
        self._features = tuple(space.features)
        self._cap = space.features[0].cap
        self._entities: dict[int, _Entity] = {}

    def visit(self, visit: Visit) -> Answer:
        """Read the features that exclude the event, store it, read the others."""
        answer = Answer()
        if visit.undoes is not None:
            self._entities.setdefault(visit.key, _Entity()).take_back(visit.undoes)
            return answer
        self._read(visit, answer, before=True)
        if visit.updates:
            self._entities.setdefault(visit.key, _Entity()).store(visit, self._cap)
        self._read(visit, answer, before=False)
        return answer

    def events(self, key: int) -> tuple[Visit, ...]:
        """Return what an entity stores, oldest first."""
        return tuple(self._entities.get(key, _Entity()).events)

    def window(self, feature: Feature, key: int, at_ms: int) -> list[Visit]:
        """Return a window's events as of a time, before any condition, oldest first."""
        since, until = window_bounds(feature, self.events(key), at_ms)
        return [e for e in self.events(key) if since <= step_of(feature, e.at_ms) <= until]

    def _read(self, visit: Visit, answer: Answer, *, before: bool) -> None:
        for feature in self._features:
            excludes = feature.spec.exclude_current
            if excludes is not before or Group(feature.spec.of, excludes) not in visit.reads:
                continue
            events = self.window(feature, visit.key, visit.at_ms)
            value = feature_value(feature, events, visit)
            answer.values[feature.name] = value
            since, until = window_bounds(feature, self.events(visit.key), visit.at_ms)
            reach = feature.spec.over.gap_ms - 1 if feature.spec.over.gap_ms else 0
            since = max(since - reach, window_bounds(feature, (), visit.at_ms)[0])
            cut = self._entities.get(visit.key, _Entity()).cut
            if any(since <= at_ms <= until for at_ms in cut):
                answer.truncated.add(feature.name)
            if any(since <= at_ms for at_ms in cut):
                answer.cut_since_start.add(feature.name)
            if feature.bound is not None and not feature.is_text and value >= feature.bound:
                newest_first = reversed(contributing(feature, events, visit))
                answer.evidence[feature.name] = [e.reference for e in newest_first][:EVIDENCE_MAX]


def window_bounds(feature: Feature, kept: Sequence[Visit], at_ms: int) -> tuple[float, int]:
    """Return the first and the last event time of a feature's window, both included.

    A session, or what follows a condition, begins with one of the events that are `kept`; without
    any the bounds are those of the span alone.
    """
    over: Over = feature.spec.over
    until = at_ms - feature.spec.delay_ms
    if over.period:
        whole = feature.spec.late and not feature.spec.delay_ms
        return period_start(over, until), period_end(over, until) if whole else until
    since = -math.inf if over.forever else until - over.span_ms + 1
    earlier = [event for event in kept if event.at_ms <= until]
    if over.since:
        times = [event.at_ms for event in earlier if satisfying(event, feature.start)]
        return max([since, *times[-1:]]), until
    if over.gap_ms and kept:
        start = until
        for event in reversed(earlier):
            if start - event.at_ms >= over.gap_ms:
                break
            start = event.at_ms
        return max(since, start), until
    return since, until


def step_of(feature: Feature, at_ms: int) -> int:
    """Return when an event enters and leaves windows: with a grain as its whole bucket does."""
    grain_ms = feature.spec.grain_ms
    return at_ms // grain_ms * grain_ms if grain_ms else at_ms


def satisfying(event: Visit, *conditions: Node | None) -> bool:
    """Whether an event satisfies every condition; None is no condition."""
    return all(condition is None or condition in event.true for condition in conditions)


def contributing(feature: Feature, events: Sequence[Visit], visit: Visit) -> list[Visit]:
    """Return the events of a window that make up a feature's value, oldest first."""
    aggregate, node = feature.spec.aggregate, feature.value
    found = [event for event in events if satisfying(event, feature.where)]
    if aggregate == "share":
        return [event for event in found if satisfying(event, feature.condition)]
    if aggregate == "match":
        return [event for event in found if matches(feature, event, visit)]
    if node is not None:
        found = [event for event in found if event.values.get(node) is not None]
    if aggregate == "first":
        return found[:1]
    return found[-1:] if aggregate in ("last", "previous", "since") else found


def feature_value(feature: Feature, events: Sequence[Visit], visit: Visit) -> Number:
    """Compute a feature's value, as `visit` reads it, from its window's events; NaN is NULL."""
    aggregate, at_ms = feature.spec.aggregate, visit.at_ms
    matching = [event for event in events if satisfying(event, feature.where)]
    if feature.spec.per:
        return _over_steps(feature, matching)
    if feature.steps:
        ends = [event.at_ms for event in matching if _completes(feature, matching, event)]
        return _ratio(at_ms - max(ends), 1000) if ends else math.nan
    if aggregate == "new":
        return int(not matching)
    if len(matching) < feature.spec.min_history:
        return math.nan
    used = contributing(feature, events, visit)
    if aggregate in ("count", "match"):
        return len(used)
    if aggregate == "top_share":
        return top_share(feature, used)
    if aggregate == "ewm":
        return faded_mean(feature, used)
    if aggregate == "share":
        return _ratio(len(used), len(matching))
    if aggregate == "since":
        return _ratio(at_ms - used[-1].at_ms, 1000) if used else math.nan
    values = [event.values[feature.value] for event in used if feature.value is not None]
    return AGGREGATES[aggregate]([_exact(feature, value) for value in values])


def _over_steps(feature: Feature, matching: Sequence[Visit]) -> Number:
    """Return the aggregate over one value per bucket, of those that have an event."""
    steps: dict[int, list[Visit]] = {}
    for event in matching:
        steps.setdefault(step_of(feature, event.at_ms), []).append(event)
    if not steps or len(steps) < feature.spec.min_history:
        return math.nan
    values = [
        Fraction(len(events))
        if feature.spec.per == "count"
        else sum((_exact(feature, v) for v in _given(feature, events)), Fraction(0))
        for events in steps.values()
    ]
    return AGGREGATES[feature.spec.aggregate](values)


def _given(feature: Feature, events: Sequence[Visit]) -> list[Number]:
    assert feature.value is not None
    values = [event.values.get(feature.value) for event in events]
    return [value for value in values if value is not None]


def _completes(feature: Feature, events: Sequence[Visit], last: Visit, steps: int = 0) -> bool:
    """Whether an event is the last step of a sequence, or of its first `steps` steps."""
    step = (steps or len(feature.steps)) - 1
    if not satisfying(last, feature.steps[step]):
        return False
    within = feature.spec.steps[step].within_ms or math.inf
    # an event stands once in the list, though another may equal it
    at = next(i for i, event in enumerate(events) if event is last)
    if step:
        before = [event for event in events[:at] if last.at_ms - event.at_ms <= within]
        return any(_completes(feature, events, event, step) for event in before)
    alike = [event for event in events[: at + 1] if satisfying(event, feature.steps[0])]
    times = feature.spec.steps[0].times
    return len(alike) >= times and last.at_ms - alike[-times].at_ms <= within


def _exact(feature: Feature, value: Number | None) -> Fraction:
    """Return a value in the unit of expressions, without rounding."""
    assert value is not None
    return Fraction(value) / (MONEY_SCALE if is_money(feature.value) else 1)


def _ratio(part: Number, whole: Number) -> Number:
    return float(Fraction(part) / Fraction(whole)) if whole else math.nan
