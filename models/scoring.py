"""Scoring: a batch and its answers to hits — rules, detectors, the other rules, in that order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.alerts import Hit, RuleHit, action_of, risk_of
from models.batch import Batch
from models.compiled import kernel
from models.detectors.catalogue import build_detector
from models.events import KINDS
from models.expressions.codes import HIT, INSUFFICIENT
from models.expressions.tree import Source
from models.features.calendar import period_start
from models.features.layout import F_GROUP, GROUP_BITS, ROW_SHIFT
from models.features.messages import Answer, name_reference
from models.planning.blueprint import Blueprint
from models.planning.rules import Rule
from models.running import Runner
from models.scattering import Scattered


class Detector(Protocol):
    """What scoring asks of a detector; see `models.detectors.half_space_trees`."""

    def score(
        self, x: NDArray[np.float64], learnable: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score in order, learning each event after it was scored."""

    def save(self) -> dict[str, NDArray[Any]]:
        """The whole state, copied."""

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""


@kernel
def place_answers(
    words: NDArray[np.int64],
    values: NDArray[np.float64],
    groups: NDArray[np.int64],
    first: int,
    out: NDArray[np.float64],
    truncated: NDArray[np.bool_],
    out_truncated: NDArray[np.bool_],
) -> None:
    """Write entries' values to their events' columns: features of the groups that each read."""
    for number in range(words.shape[0]):
        row = words[number] >> ROW_SHIFT
        read = (words[number] & ((1 << ROW_SHIFT) - 1)) >> GROUP_BITS
        if truncated[number]:
            out_truncated[row] = True
        for feature in range(groups.shape[0]):
            if (read >> groups[feature]) & 1:
                out[first + feature, row] = values[number, feature]


@dataclass(frozen=True, slots=True)
class Scored:
    """The outcome of one batch.

    Attributes
    ----------
    batch
        Its events.
    hits
        Live hits, in the order of the events.
    shadow
        Hits of shadow rules.
    insufficient
        How many rule evaluations lacked history.
    risk, action
        (n,) per event, the strongest over all packs; 0 and ``allow`` where nothing hit.
    scores
        Detector name → (n,) scores.
    """

    batch: Batch
    hits: list[Hit]
    shadow: list[Hit]
    insufficient: int
    risk: NDArray[np.float64]
    action: list[str]
    scores: dict[str, NDArray[np.float64]]


class Scorer:
    """Rules and detectors of one home shard.

    The detectors' state is small and saved whole; rules have none.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        rules, severities = blueprint.rules, sum(len(r.severities) for r in blueprint.rules)
        self._before = Runner(blueprint.before, len(rules), 1)
        self._after = Runner(blueprint.after, len(rules), 1)
        self._severities = Runner(blueprint.severities, severities, 1)
        self._groups = [space.plan.features[:, F_GROUP].copy() for space in blueprint.spaces]
        self.detectors: list[Detector] = [build_detector(spec) for _p, spec in blueprint.detectors]
        self._extent = _Extents(blueprint)

    def score(self, scattered: Scattered, answers: Sequence[Answer]) -> Scored:
        """Score a batch whose answers are complete."""
        batch, n = scattered.batch, len(scattered.batch)
        features = np.full((max(len(self._blueprint.columns), 1), n), np.nan)
        truncated = np.zeros(n, np.bool_)
        for answer in answers:
            for number, space in answer.spaces.items():
                place_answers(
                    space.words, space.values, self._groups[number],
                    self._blueprint.spaces[number].first_column, features,
                    space.truncated, truncated,
                )  # fmt: skip
        out = self._before.run(batch, features)
        scores = self._detect(batch, features, out.touched)
        if self._blueprint.detectors:
            out = self._after.run(batch, features, out)
        rows = np.flatnonzero(out.touched)
        risk, action = np.zeros(n), ["allow"] * n
        hits: list[Hit] = []
        shadow: list[Hit] = []
        if rows.size:
            chosen = batch.take(rows)
            severities = self._severities.run(chosen, np.ascontiguousarray(features[:, rows]))
            evidence = _evidence(self._blueprint, answers, set(rows.tolist()))
            context = _Context(
                self._blueprint, batch, features, truncated, out.outcomes, rows.tolist(),
                severities.outcomes, evidence, self._extent, scores,
            )  # fmt: skip
            for row, live, tried in context.hits():
                hits.extend(live)
                shadow.extend(tried)
                if live:
                    every = [hit for found in live for hit in found.hits]
                    risk[row], action[row] = risk_of(every), action_of(every)
        insufficient = int(np.count_nonzero(out.outcomes == INSUFFICIENT))
        named = {name: values for name, (values, _shares) in scores.items()}
        return Scored(batch, hits, shadow, insufficient, risk, action, named)

    def _detect(
        self, batch: Batch, features: NDArray[np.float64], touched: NDArray[np.bool_]
    ) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        scores = {}
        for detector, (pack, spec) in zip(self.detectors, self._blueprint.detectors, strict=True):
            kinds = np.array([kind in spec.on for kind in KINDS])
            rows = np.flatnonzero(kinds[batch.kind] & ~batch.late)
            columns = [_input(self._blueprint, pack, name, batch, features) for name in spec.features]
            x = np.stack([column[rows] for column in columns], axis=1)
            found, shares = detector.score(x, ~touched[rows])
            name = f"{pack}.{spec.name}"
            at = self._blueprint.columns[name]
            features[at, rows], features[at + 1, rows] = found, shares
            scores[name] = (features[at], features[at + 1])
        return scores

    def save(self) -> dict[str, NDArray[Any]]:
        """The detectors' state, copied."""
        return {
            f"{number}.{name}": array
            for number, detector in enumerate(self.detectors)
            for name, array in detector.save().items()
        }

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` gave."""
        for number, detector in enumerate(self.detectors):
            head = f"{number}."
            detector.load({n[len(head) :]: a for n, a in saved.items() if n.startswith(head)})


def _input(
    blueprint: Blueprint,
    pack: str,
    name: str,
    batch: Batch,
    features: NDArray[np.float64],
) -> NDArray[np.float64]:
    """A detector's input column: a feature, or a number or amount of the event."""
    at = blueprint.columns.get(f"{pack}.{name}")
    return features[at] if at is not None else batch.as_numbers(name)


class _Extents:
    """Start and end of a feature's window, for evidence."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._columns = blueprint.columns
        self._specs = {
            f"{pack.name}.{spec.name}": spec for pack in blueprint.packs for spec in pack.features
        }

    def window(self, name: str, time_ms: int) -> tuple[int, int] | None:
        """(start, end) in epoch ms; None for windows over all time."""
        spec = self._specs.get(name)
        if spec is None or spec.over.forever:
            return None
        end = time_ms - spec.delay_ms
        if not spec.over.period:
            return end - spec.over.span_ms, end
        return period_start(spec.over.period, spec.over.zone, end), end


Evidence = Mapping[tuple[int, int], Sequence[str]]


def _evidence(blueprint: Blueprint, answers: Sequence[Answer], rows: set[int]) -> Evidence:
    """(row, answer column) → references of the contributing events."""
    found: dict[tuple[int, int], Sequence[str]] = {}
    for answer in answers:
        for number, space in answer.spaces.items():
            first = blueprint.spaces[number].first_column
            for item in space.evidence:
                row = int(space.words[item[0]]) >> ROW_SHIFT
                if row in rows:
                    names = [name_reference(int(r)) for r in item[3 : 3 + int(item[2])]]
                    found[row, first + int(item[1])] = names
    return found


@dataclass(frozen=True, slots=True)
class _Context:
    """One batch's outcomes, as hits are read from them."""

    blueprint: Blueprint
    batch: Batch
    features: NDArray[np.float64]
    truncated: NDArray[np.bool_]
    outcomes: NDArray[np.int8]
    rows: list[int]
    severities: NDArray[np.int8]
    evidence: Evidence
    extents: _Extents
    scores: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]

    def hits(self) -> Iterator[tuple[int, list[Hit], list[Hit]]]:
        """(row, live hits, shadow hits) of every touched event, in order."""
        outcomes = np.ascontiguousarray(self.outcomes[:, self.rows].T)
        for place, row in enumerate(self.rows):
            found: dict[tuple[str, str, bool], list[RuleHit]] = {}
            for index in np.flatnonzero(outcomes[place] == HIT).tolist():
                rule = self.blueprint.rules[index]
                key = (rule.pack, rule.spec.subject, rule.spec.status == "live")
                found.setdefault(key, []).append(self._rule_hit(rule, place, row))
            event = self._event(row)
            live, shadow = [], []
            for (pack, subject, is_live), rule_hits in found.items():
                hit = self._hit(row, pack, subject, tuple(rule_hits), event)
                if hit is not None:
                    (live if is_live else shadow).append(hit)
            yield row, live, shadow

    def _event(self, row: int) -> dict[str, Any]:
        named = {c.name: self.batch.value(c.name, row) for c in self.batch.schema.columns}
        return {name: value for name, value in named.items() if value is not None}

    def _hit(
        self,
        row: int,
        pack: str,
        subject: str,
        rule_hits: tuple[RuleHit, ...],
        event: dict[str, Any],
    ) -> Hit | None:
        who = event.get(subject)
        if who is None:
            return None
        scores = {
            name.rpartition(".")[2]: (float(score[row]), float(share[row]))
            for name, (score, share) in self.scores.items()
            if name.startswith(f"{pack}.") and not np.isnan(score[row])
        }
        return Hit(
            pack, str(event.get("tenant", "")), rule_hits[0].rule.domain, str(who),
            str(event["kind"]), str(event["event_id"]), int(event["event_time"]),
            bool(self.batch.late[row]), event, rule_hits, scores,
        )  # fmt: skip

    def _rule_hit(self, rule: Rule, place: int, row: int) -> RuleHit:
        severity = rule.severities[-1]
        for (at, _node), named in zip(rule.severity_nodes, rule.severities, strict=True):
            if self.severities[at, place] == HIT:
                severity = named
                break
        time = int(self.batch.times[row])
        values: dict[str, Any] = {}
        windows: dict[str, tuple[int, int]] = {}
        events: dict[str, Sequence[str]] = {}
        compared = {c.name.name: c.name for c in rule.comparisons}
        for name in rule.shown:
            full = f"{rule.pack}.{name}"
            values[name] = (
                self._feature(full, row) if full in self.blueprint.columns
                else self.batch.value(name, row)
            )  # fmt: skip
        for name, node in compared.items():
            if node.source is not Source.FEATURE:
                values[name] = self.batch.value(name, row)
                continue
            label = name.partition(".")[2]
            values[label] = self._feature(name, row)
            extent = self.extents.window(name, time)
            if extent:
                windows[label] = extent
            found = self.evidence.get((row, self.blueprint.columns[name]))
            if found:
                events[label] = found
        return RuleHit(rule, severity, values, windows, events, bool(self.truncated[row]))

    def _feature(self, name: str, row: int) -> float | None:
        value = float(self.features[self.blueprint.columns[name], row])
        return None if np.isnan(value) else value
