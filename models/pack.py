"""A pack as an analyst wrote it: features, detectors and rules, parsed but not yet planned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from models.errors import Place
from models.events import Column
from models.expressions.parsing import Parameter
from models.feature_specs import FeatureSpec, Over
from models.lookups import LookupSpec

SEVERITIES: Final = ("low", "medium", "high", "critical")
"""Weakest first."""

ACTIONS: Final = ("allow", "review", "challenge", "hold", "freeze")
"""Mildest first."""

EVERYTHING: Final = "all"
"""Instead of a column: one detector learns everything."""

STATUSES: Final = ("draft", "shadow", "live", "retired")


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """One detector: which model, over what, with which options; `by` whose shards, else at home."""

    name: str
    model: str
    features: tuple[str, ...]
    on: tuple[str, ...]
    options: Mapping[str, Any]
    place: Place
    places: Mapping[str, Place] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A short stream in a pack, and whether its rule must fire on the last event of it.

    `events` are canonical events; `event_id`, `kind` and the pack's constants may be left out,
    and `at` (a duration such as ``30s`` from the first event) may stand for `event_time`.
    `repeat` in an event makes copies of it, `every` (a duration) apart.
    """

    events: tuple[Mapping[str, Any], ...]
    fires: bool
    place: Place


@dataclass(frozen=True, slots=True)
class AbsentSpec:
    """What must stay away: an event of `on` that meets `where`, if that is not empty.

    It is about the subject if a column of `by` names it, and counts for `within_ms` after the hit.
    """

    within_ms: int
    on: tuple[str, ...]
    by: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule; texts by language, severities strongest first with their conditions.

    `incident` is a calendar period: what a rule finds about a subject within one is one incident.
    With `absent` a hit becomes an alert only when that has stayed away.
    Not `alone`, it raises no alert by itself. `limb` gives names of one of its limbs a meaning:
    another name of the pack, or a value; None: the rule has no limbs. `prompt` is what a customer
    may be asked, or empty.
    `evidence` names features whose events alerts name, whatever they are compared with.
    `places` maps a field (``when``, ``severity.high``, ``because.en`` …) to where its text stands.
    """

    id: str
    on: tuple[str, ...]
    name: Mapping[str, str]
    when: str
    subject: str
    severity: tuple[tuple[str, str], ...]
    because: Mapping[str, str]
    place: Place
    group: str = ""
    cooldown_ms: int = 0
    incident: Over | None = None
    absent: AbsentSpec | None = None
    action: str = "review"
    status: str = "live"
    source: str = ""
    runbook: str = ""
    revision: int = 1
    alone: bool = True
    limb: Mapping[str, Parameter] | None = None
    prompt: Mapping[str, str] = field(default_factory=dict)
    examples: tuple["Example", ...] = ()
    evidence: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """What others may call it: its id, and a limb also by that of the whole rule."""
        whole = self.id if self.limb is None else self.id.rpartition(".")[0]
        return frozenset((self.id, whole))


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition, or another expression, and where it is written."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class TypologySpec:
    """Rules that tell of one thing together.

    Attributes
    ----------
    rules
        Rule id → weight in (0, 1).
    alert, urgent
        Scores, 0 to 1000, from which on it is worth an alert, or urgent.
    interdict
        Whether an urgent one holds the payment.
    """

    id: str
    name: Mapping[str, str]
    rules: Mapping[str, float]
    alert: int
    urgent: int
    interdict: bool


@dataclass(frozen=True, slots=True)
class Conversion:
    """A currency into which amounts are converted: its code, and where it is written."""

    code: str
    place: Place


@dataclass(frozen=True, slots=True)
class PackSpec:
    """One pack.

    Attributes
    ----------
    aliases, constants
        The pack's ``map:``: names on the wire, and texts for columns that records lack.
    columns
        Columns that the pack adds to the canonical ones, those of `lookups` and `conversions`
        included.
    lookups
        Which of them are joined from reference data.
    conversions
        Which of them are the event's amount in another currency.
    derived
        Name → the expression that it stands for; it may name those above it.
    undone_by
        Which events take the event that their `reverses` names out of all windows.
    event_cap
        Most events kept per entity and space.
    """

    name: str
    on: tuple[str, ...]
    features: tuple[FeatureSpec, ...]
    detectors: tuple[DetectorSpec, ...]
    rules: tuple[RuleSpec, ...]
    file: str
    params: Mapping[str, Parameter] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    lookups: tuple[LookupSpec, ...] = ()
    conversions: Mapping[str, Conversion] = field(default_factory=dict)
    typologies: tuple[TypologySpec, ...] = ()
    derived: Mapping[str, Condition] = field(default_factory=dict)
    undone_by: Condition | None = None
    event_cap: int = 4096
