"""A rule that waits, its waits, and what a batch tells of them."""

import numpy as np

from models.alerts import Details, Facts, Hit, RuleHit
from models.errors import Place
from models.expressions.tree import TRUE
from models.pack import AbsentSpec, RuleSpec
from models.planning.rules import Rule, Sentence
from models.waits import Arrivals, Heard, Wait

WITHIN = 10
LATENESS = 6


def waiting_rule(name="R", status="live", within_ms=WITHIN):
    spec = RuleSpec(
        name, ("payment",), {"en": name, "zh": name}, "TRUE", "account", (("low", "TRUE"),),
        {"en": "x", "zh": "x"}, Place("p", 1), status=status,
        absent=AbsentSpec(within_ms, ("payment",), ("account",), ""),
    )  # fmt: skip
    sentence = Sentence((("seen", "", ""),))
    return Rule(
        "p", spec, 0, 1, TRUE, (), ("low",), (), {"en": sentence, "zh": sentence}, {}, frozenset(),
        reads_detectors=False, domain="account", expected=TRUE,
    )  # fmt: skip


def wait(key, since_ms, *, partition=0, number=0, rule=None, within_ms=WITHIN):
    rule = rule or waiting_rule()
    facts = Facts({}, {}, {}, truncated=False, warming={})
    hit = Hit(
        "p", "", "account", f"a{key}", "payment", f"e{number}", since_ms + within_ms, late=False,
        hits=(RuleHit(rule, "low"),), details=Details(lambda: (facts, {"event_id": "e"})),
        scores={}, since_ms=since_ms,
    )  # fmt: skip
    return Wait.of(hit, key, partition)


def told(clocks_ms, waits=(), came=(), rule="R"):
    """`came` holds (key, time, partition)."""
    arrivals = []
    for partition in sorted({partition for _key, _time, partition in came}):
        own = [(key, time_ms) for key, time_ms, where in came if where == partition]
        keys, times_ms = (np.array(column, np.int64) for column in zip(*own, strict=True))
        arrivals.append(Arrivals("p", rule, partition, keys, times_ms))
    return Heard(0, 0, None, clocks_ms, waits, arrivals)
