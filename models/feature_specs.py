"""Features as an analyst wrote them: what is counted, for whom, within which time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.errors import Place


@dataclass(frozen=True, slots=True)
class Over:
    """A window's extent: a span, the current calendar period and some before it, or all time.

    Attributes
    ----------
    span_ms
        Length of a sliding window (t − span, t]; 0 for the others.
    period
        ``day``, ``month`` or ``business_day`` of a calendar window, else empty.
    zone
        IANA time zone of the calendar.
    market
        ISO 3166-1 code of the country whose holidays business days leave out.
    cutoff_ms
        When a business day ends, after its local midnight.
    count
        How many periods, the current one included.
    gap_ms
        A session: it begins after so long without an event of the key, at most `span_ms` ago.
    since
        Condition: the window begins with the latest event that meets it, at most `span_ms` ago.
    """

    span_ms: int = 0
    period: str = ""
    zone: str = ""
    market: str = ""
    cutoff_ms: int = 86_400_000
    count: int = 1
    gap_ms: int = 0
    since: str = ""

    @property
    def forever(self) -> bool:
        """Whether the window never lets go."""
        return not self.span_ms and not self.period


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step of a sequence: so many events that meet a condition, soon after the step before.

    Attributes
    ----------
    when
        Condition on an event.
    times
        How many such events the first step takes; 1 for the others.
    within_ms
        The last of them comes so soon after the step before, or after the first of them; 0 is any
        time within the window.
    """

    when: str
    times: int
    within_ms: int
    place: Place


@dataclass(frozen=True, slots=True)
class TermSpec:
    """What a match asks of an earlier event.

    Attributes
    ----------
    columns
        One column, or latitude and longitude.
    relation
        ``same``, ``differs``, ``within_share``, ``within``, ``near_km`` or ``beyond_km``.
    tolerance
        Share of the current value, distance in the column's own units, or km.
    """

    columns: tuple[str, ...]
    relation: str
    tolerance: float
    place: Place


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One feature; times in ms, expressions as text, `place` for error messages.

    With `grain_ms` its window moves in such steps; a lifetime is one endless step. `per` names what
    is computed in each step (``sum`` or ``count``) before `aggregate` is taken over the steps. With
    `late` events that come too late count as well. Patterns of a graph have `ends`: the columns of
    payer and payee.
    """

    name: str
    aggregate: str
    value: str
    by: tuple[str, ...]
    of: tuple[str, ...]
    on: tuple[str, ...]
    over: Over
    place: Place
    where: str = ""
    delay_ms: int = 0
    exclude_current: bool = False
    min_history: int = 0
    grain_ms: int = 0
    per: str = ""
    steps: tuple[StepSpec, ...] = ()
    terms: tuple[TermSpec, ...] = ()
    weight: str = ""
    largest: int = 1
    half_life_ms: int = 0
    late: bool = False
    ends: tuple[str, ...] = ()
    hops: int = 0
    step_ms: int = 0
    tolerance: float = 0.0
    in_order: bool = True
    places: Mapping[str, Place] = field(default_factory=dict)
