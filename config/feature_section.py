"""A feature as written: one sentence, such as "sum of amount by account over 1h"."""

from typing import Annotated, ClassVar, Final

from pydantic import (
    ConfigDict,
    Field,
    model_validator,
)

from config.feature_graph import PATTERNS, TOLERANCE, Ends, Hops, Share, check_graph
from config.feature_parts import Late, SequenceStep, Star, Stepped, StepSection, Values
from config.feature_terms import MatchTerms
from config.pack_windows import Window
from config.sections import Section, problem
from config.words import (
    Duration,
    Entities,
    Entity,
    Flag,
    Kinds,
    Text,
    whole,
)
from models.feature_specs import Over
from models.features.plan import FOREVER_MS, GRAPH

AGGREGATES: Final = (
    "count", "sum", "mean", "std", "max", "min", "distinct", "share", "last", "previous", "since",
    "gap", "first", "new", "median", "mad", "sequence", "match", "top_share", "ewm", *PATTERNS,
)  # fmt: skip
LASTING: Final = ("last", "previous", "since", "gap", "first", "new")
"""Aggregates that look back over all time unless a window is named."""
EXCLUDING: Final = ("previous", "gap", "new", "match")
"""Aggregates that never include the current event."""
ADDING: Final = ("count", "sum", "mean", "std", "max", "min", "first", "new")
"""Aggregates of which steps of time can be kept instead of events."""
STEPS_IN_ORDER_MAX: Final = 8
"""Most steps of a sequence."""
LARGEST_MAX: Final = 100
"""Most values that a top share takes together."""
STEPS_MAX: Final = 1000
"""Most steps in a window with a grain."""


class FeatureSection(Section):
    """One feature as written."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [name]} for name in AGGREGATES],
            "anyOf": [{"required": [name]} for name in ("over", *LASTING)],
            "if": {"anyOf": [{"required": [name]} for name in PATTERNS]},
            "else": {"required": ["by"]},
        }
    )
    written: ClassVar[str] = '{count: "*", by: account, over: 1h}'

    count: Star | None = None
    sum: Text | None = None
    mean: Stepped | None = None
    std: Stepped | None = None
    max: Stepped | None = None
    min: Stepped | None = None
    median: Text | None = None
    mad: Text | None = None
    distinct: Text | None = None
    share: Text | None = None
    last: Values | None = None
    previous: Values | None = None
    since: Text | None = None
    gap: Text | None = None
    first: Values | None = None
    new: Entity | None = None
    sequence: list[SequenceStep] | None = None
    match: MatchTerms | None = None
    top_share: Entity | None = None
    largest: Annotated[int, whole(1, LARGEST_MAX)] = 1
    weight: Text | None = None
    ewm: Text | None = None
    half_life: Duration = 0
    cycle: Ends | None = None
    chain: Ends | None = None
    scatter_gather: Ends | None = None
    bipartite: Ends | None = None
    upstream: Ends | None = None
    amount: Text | None = None
    tolerance: Share = TOLERANCE
    hops: Hops | None = None
    step: Duration = 0
    in_order: Flag = True
    by: Entities | None = Field(None, examples=["by: account"])
    of: Entities | None = None
    on: Kinds | None = None
    over: Window | None = None
    where: Text | None = None
    grain: Duration = 0
    delay: Duration = 0
    late: Late = False
    exclude_current: Flag = False
    min_history: Annotated[int, whole(0, 1_000_000)] = 0

    @property
    def aggregate(self) -> str:
        """The one aggregate that is given."""
        return next(name for name in AGGREGATES if name in self.model_fields_set)

    @model_validator(mode="after")
    def _sentence(self) -> "FeatureSection":
        given = [name for name in AGGREGATES if name in self.model_fields_set]
        if not given:
            raise problem("this feature computes nothing", f"add one of {', '.join(AGGREGATES)}")
        if len(given) > 1:
            raise problem(
                f"{' and '.join(given)} in one feature", "make two features", given[1], key=True
            )
        check_graph(self, given[0])
        self._check_window(given[0])
        self._check_own(given[0])
        self._check_steps(given[0])
        self._check_keys(given[0])
        return self

    def _check_window(self, aggregate: str) -> None:
        if aggregate not in LASTING and self.over is None:
            raise problem("over is missing", "add it, for example over: 1h")
        if self.lasts and aggregate not in {*LASTING, *ADDING}:
            raise problem(
                f"{aggregate} over all time is not available",
                "name a window such as 90d: it needs its events one by one",
                "over",
            )
        if self.lasts and aggregate in ADDING and self.delay:
            raise problem(
                "a lifetime keeps no times, so nothing of it can be left out",
                "remove this, or name a window and a grain",
                "delay",
                key=True,
            )

    def _check_own(self, aggregate: str) -> None:
        """Keys that belong to one aggregate or window."""
        for key, owner in (("largest", "top_share"), ("weight", "top_share"), ("half_life", "ewm")):
            if key in self.model_fields_set and aggregate != owner:
                raise problem(f"{key} belongs to {owner}", "remove this", key, key=True)
        if aggregate == "ewm" and not self.half_life:
            raise problem("half_life is missing", "add it, for example half_life: 7d")
        begins = self.over is not None and (self.over.gap_ms or self.over.since)
        for key in ("delay", "grain"):
            if begins and key in self.model_fields_set:
                raise problem(
                    "this window begins with its own events", "remove this", key, key=True
                )

    def _check_steps(self, aggregate: str) -> None:
        step = self.stepped
        grain_ms, where = (step.per, aggregate) if step else (self.grain, "grain")
        if step and self.grain:
            raise problem("per is the grain here", "remove this", "grain", key=True)
        if not grain_ms:
            if aggregate in ("first", "new") and not self.lasts:
                raise problem(
                    f"{aggregate} keeps steps of time, not events",
                    "add a grain, for example grain: 1d, or leave out over",
                )
            return
        if aggregate not in ADDING:
            raise problem(
                f"{aggregate} needs its events one by one",
                f"remove this; a grain is for {', '.join(ADDING)}",
                "grain",
                key=True,
            )
        if self.lasts or self.over is None or self.over.period:
            raise problem("steps need a window that slides", "name one, such as over: 90d", where)
        if self.over.span_ms % grain_ms or self.over.span_ms > STEPS_MAX * grain_ms:
            raise problem(
                "the window must be a whole number of steps",
                f"at most {STEPS_MAX}, for example over: 90d and grain: 1d",
                where,
            )

    def _check_keys(self, aggregate: str) -> None:
        if aggregate in EXCLUDING and "exclude_current" in self.model_fields_set:
            raise problem(
                f"{aggregate} never includes the current event",
                "remove this" + (", or write last" if aggregate == "previous" else ""),
                "exclude_current",
                key=True,
            )
        conditioned = self.gap if aggregate == "gap" else self.since
        if conditioned not in (None, "*") and self.where is not None:
            raise problem(
                f"{aggregate} has a condition already", "join both with AND", "where", key=True
            )
        if aggregate == "sequence":
            self._check_sequence()
        if aggregate == "new" and self.of is not None:
            raise problem("new reads the key that it updates", "remove this", "of", key=True)
        if aggregate == "new" and self.min_history:
            raise problem(
                "new is true or false from the first event on",
                "remove this",
                "min_history",
                key=True,
            )

    def _check_sequence(self) -> None:
        steps = self.sequence or ()
        if not 2 <= len(steps) <= STEPS_IN_ORDER_MAX:
            message = f"a sequence has 2 to {STEPS_IN_ORDER_MAX} steps, was {len(steps)}"
            raise problem(message, "[{when: …}, {when: …}]", "sequence")
        for i, step in enumerate(steps):
            if i and step.times > 1:
                raise problem(
                    "only the first step counts",
                    "write two steps",
                    "sequence",
                    i,
                    "times",
                    key=True,
                )
            if not i and step.within and step.times == 1:
                raise problem(
                    "nothing comes before the first step",
                    "remove this, or say how many times",
                    "sequence", i, "within", key=True,
                )  # fmt: skip
        if self.min_history:
            raise problem("a sequence needs no history", "remove this", "min_history", key=True)

    @property
    def lasts(self) -> bool:
        """Whether it looks back over all time."""
        return self.over == Over() or (self.over is None and self.aggregate in LASTING)

    @property
    def stepped(self) -> StepSection | None:
        """What is computed in each step; None where events or steps are taken as they are."""
        written = getattr(self, self.aggregate)
        return written if isinstance(written, StepSection) else None

    @property
    def grain_ms(self) -> int:
        """Length of its steps; 0 where it keeps events, `GRAPH` where it keeps transfers."""
        if self.aggregate in PATTERNS:
            return GRAPH
        if self.lasts and self.aggregate in ADDING:
            return FOREVER_MS
        return self.stepped.per if self.stepped else self.grain
