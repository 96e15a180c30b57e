"""What each key of a pack means, for editors; the tables of docs/packs.md say the same."""

from typing import Final

from config.feature_parts import SequenceStep, StepSection
from config.feature_section import FeatureSection
from config.pack_columns import MappedSection
from config.pack_detectors import HalfSpaceTrees, Midas, River
from config.pack_examples import EventSection, ExampleSection
from config.pack_lookups import LookupSection
from config.pack_rules import AbsentSection, BecauseSection, NameSection, RuleSection
from config.pack_typologies import TypologySection
from config.packs import PackSection

AGGREGATES: Final[dict[str, tuple[str, str, str]]] = {
    "count": ('`"*"`', "events", "0"),
    "sum": ("a number expression", "sum", "0"),
    "mean": ("a number expression", "mean", "NULL"),
    "std": ("a number expression", "standard deviation with n − 1; needs two values", "NULL"),
    "median": ("a number expression", "the middle one, or the mean of the middle two", "NULL"),
    "mad": ("a number expression", "the median of how far they are from their median", "NULL"),
    "max": ("a number expression", "largest", "NULL"),
    "min": ("a number expression", "smallest", "NULL"),
    "distinct": ("a column", "how many different values", "0"),
    "share": ("a condition", "events that meet it ÷ events of the window", "NULL"),
    "last": ("a column, or a list", "value of the latest event that has one", "NULL"),
    "previous": ("a column, or a list", "the same, the current event left out", "NULL"),
    "since": ('`"*"` or a condition', "seconds since the latest such event", "NULL"),
    "gap": ('`"*"` or a condition', "the same, the current event left out", "NULL"),
    "first": ("a column, or a list", "value of the earliest event that has one", "NULL"),
    "sequence": ("a list of steps", "seconds since its last step was last reached", "NULL"),
    "new": ("a text column", "1 if no earlier event of the key had this value, else 0", ""),
    "match": (
        "comparisons by column",
        "earlier events of the window that meet all of them, seen from the current event",
        "0",
    ),
    "top_share": ("a column", "share of the `largest` values in the window's total", "NULL"),
    "ewm": (
        "a number expression",
        "mean in which a value counts half as much per `half_life` of age",
        "NULL",
    ),
}
"""Aggregate → what it takes, what it yields, what it is over an empty window."""

PATTERNS: Final = {
    "cycle": "transfers of the shortest way on which the money came back to its payer, at least 3;"
    " 0 for none",
    "chain": "transfers of the longest way that the money came; 1 if only this one",
    "scatter_gather": "the most accounts through which the payee got money of one and the same"
    " payer",
    "bipartite": "the most payees that the payer and two other payers of this payee all paid",
    "upstream": "the most payees that one of the payer's own payers paid",
}
"""Pattern of a graph → what it yields, seen from the current transfer."""

_DETECTOR: Final = {
    "model": "`half_space_trees`, `midas`, or `river`: any anomaly detector of River, by name",
    "features": "features, or number columns of the event; of `midas` payer and payee",
    "by": "learn in the shards of this text column, or with `all` as one, instead of by partitions",
    "on": "kinds of events that it scores",
    "when": "which events it scores and learns, as an expression over columns and features",
}
_LEARN: Final = (
    "`normal` skips events on which a rule fired or whose own score is extreme; `all` learns every"
    " event"
)
_LANGUAGES: Final = {"en": "in English", "zh": "in Chinese"}

MEANINGS: Final[dict[type, dict[str, str]]] = {
    PackSection: {
        "pack": "its name",
        "include": "packs, by name or by path from this file, whose parts stand in this one too",
        "without": "ids of their rules that are left out",
        "on": "event kinds (events.md), narrowed or replaced per feature, detector or rule",
        "map": "column: its name in the records, or `{constant: text}` for a text column the"
        " records lack",
        "columns": "columns that this pack adds: name: `text`, `time`, `money`, `number` or `flag`",
        "lookups": "columns that reference data adds: name: lookup",
        "conversions": "columns with the event's amount in another currency: name: ISO 4217 code",
        "derived": "names for expressions, used in other expressions",
        "undone_by": "condition: such an event takes the one that its `reverses` names out of all"
        " windows",
        "params": "names for numbers, texts, flags and lists, used in expressions",
        "event_cap": "most events kept per entity and key, 4 to 1,000,000",
        "features": "name: feature",
        "detectors": "name: detector",
        "rules": "list of rules",
        "typologies": "list of typologies",
    },
    MappedSection: {
        "name": "the column's name in the records",
        "constant": "the text that the column has where a record has no value",
    },
    LookupSection: {
        "table": "a name of the settings' `lookups`",
        "by": "text column of the event: the key",
        "value": "column of the table; without it the lookup is true where the key is listed,"
        " false where it is not",
        "type": "of the value: `text` (if left out), `number` or `flag`",
    },
    FeatureSection: {
        **{
            name: f"{yields}; of {takes}" + (f"; {empty} over an empty window" if empty else "")
            for name, (takes, yields, empty) in AGGREGATES.items()
        },
        **PATTERNS,
        "amount": "number expression that is compared",
        "tolerance": "percentage",
        "hops": "(`cycle`, `chain`) most transfers of a way, 2 to 16",
        "step": "(`cycle`, `chain`) from one transfer to the next at most so long",
        "in_order": "(`cycle`, `chain`) each transfer happened before the next",
        "late": "`include`: events that come too late still update it, up to 7 days",
        "largest": "(`top_share`) how many values, up to 100",
        "weight": "(`top_share`) number expression: what is added up per value, if above 0",
        "half_life": "(`ewm`) after so long a value counts half",
        "by": "the key that an event updates: a text column, or a list of them",
        "of": "the key that an event reads, of the same domain",
        "on": "kinds of events that update it",
        "over": "the window",
        "grain": "keep steps of this length instead of events: for `count`, `sum`, `mean`, `std`,"
        " `max`, `min`, `first`, `new`",
        "where": "condition on the event; only matching events count",
        "delay": "the window ends so long before the event",
        "exclude_current": "leave the current event out",
        "min_history": "with fewer matching events in the window the value is NULL",
    },
    StepSection: {
        "count": 'events of each step: `"*"`',
        "sum": "a number expression: its sum in each step",
        "per": "length of a step",
    },
    SequenceStep: {
        "when": "condition on the event",
        "times": "so many events; of the first step only",
        "within": "so long after the step before; of the first step: from its first event to its"
        " last",
    },
    HalfSpaceTrees: {
        **_DETECTOR,
        "trees": "how many, 1 to 1000",
        "height": "of each tree, 1 to 15",
        "window": "events per window, 2 to 1,000,000",
        "seed": "of the random cuts",
        "limits": "feature: `[least, largest]` usual value; what is beyond counts as the limit",
        "learn": _LEARN,
    },
    River: {
        **_DETECTOR,
        "class": "(`river`) a class under `river.`",
        "options": "(`river`) its arguments",
    },
    Midas: {
        **_DETECTOR,
        "tick": "(`midas`) length of a tick",
        "fade": "(`midas`) what is left of the present counts after a tick, 0 to 1",
        "hashes": "(`midas`) rows of a sketch, 1 to 8",
        "buckets": "(`midas`) counts in a row, 16 to 65,536",
        "learn": _LEARN,
    },
    RuleSection: {
        "id": "letters, digits, `_`, `.`, `-`",
        "on": "kinds of events it is evaluated on",
        "name": "`{en: …, zh: …}`",
        "when": "condition; unknown is *insufficient*: neither hit nor clean, and counted",
        "subject": "text column: whose alert it is; an event without it raises nothing",
        "severity": "`low`, `medium`, `high` or `critical`, or conditions: the strongest that"
        " holds",
        "because": "the reason in `en` and `zh`; `{name}` or `{name:,.2f}` shows a value",
        "group": "within a group only the strongest hit counts towards risk",
        "cooldown": "further hits about the same subject so long after an alert are repeats; a"
        " higher severity breaks through",
        "incident": "calendar period, such as `day(Asia/Shanghai)`: alerts of the rule about a"
        " subject within one share an `incident_id`",
        "evidence": "features of which alerts also name the events, whatever they are compared"
        " with",
        "absent": "a hit becomes an alert only when this stays away, see below",
        "action": "`allow`, `review`, `challenge`, `hold` or `freeze`: what is advised",
        "status": "`draft` (checked only), `shadow` (evaluated, written to `shadow.ndjson`),"
        " `live` or `retired`",
        "source": "where the typology comes from",
        "runbook": "what to do about it",
        "revision": "number, shown in reasons",
        "alone": "`false`: it raises no alert by itself, only beside other rules, or in a typology",
        "for_each": "limbs: name: what names of the rule mean in it",
        "prompt": "what the customer may be asked, in `en` and `zh`, with values like `because`",
        "examples": "streams that must fire, and streams just short of it",
    },
    AbsentSection: {
        "within": "so long after the hit; what comes at the very end has come",
        "on": "kinds of events that count",
        "where": "condition on the event itself, over its columns; all events without it",
        "by": "text columns, any of which may name the subject",
    },
    NameSection: _LANGUAGES,
    BecauseSection: _LANGUAGES,
    TypologySection: {
        "id": "letters, digits, `_`, `.`, `-`",
        "name": "`{en: …, zh: …}`",
        "rules": "rule id: its weight, between 0 and 1",
        "alert": "score from which on it is worth an alert",
        "urgent": "score from which on it is urgent",
        "interdict": "an urgent one advises at least `hold`",
    },
    ExampleSection: {
        "fires": "true or false",
        "limb": "which limb of a rule with `for_each`",
        "events": "columns of each event; `event_id`, `kind`, `currency` and `event_time` may be"
        " left out",
    },
    EventSection: {
        "at": "instead of `event_time`: so long after the first event",
        "repeat": "so many copies, up to 10,000",
        "every": "from one copy to the next; one second if left out",
    },
}
"""Section → key → meaning."""
