"""``rules:`` of a pack: when to alert whom, how strongly, and in which words."""

import re
import string
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from config.pack_columns import Param, Scope
from config.pack_examples import ExampleSection, example_of
from config.pack_windows import Period
from config.sections import Section, brief, form, problem, suggest
from config.words import (
    TEXT_FORM,
    Duration,
    Entities,
    Entity,
    Flag,
    Key,
    Kinds,
    Text,
    distinct_of,
    listed,
    text_of,
    whole,
    word,
)
from config.yaml_nodes import Scalar
from models.pack import ACTIONS, SEVERITIES, STATUSES, AbsentSpec, Example, RuleSpec

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
_FORMAT = re.compile(r"[<>^]?[-+ ]?0?[0-9]{0,2},?(\.[0-9]{1,2})?[defgs%]?")
_FORM: Final = "write {payments_1m} or {paid_1h:,.2f}; a brace itself is {{ or }}"
_STRONGEST_FIRST: Final = SEVERITIES[::-1]

_ID_FORM: Final = WithJsonSchema({**TEXT_FORM, "pattern": f"^{_ID.pattern}$"})
_SEVERITY_FORM: Final = form(
    anyOf=[
        {"enum": list(SEVERITIES)},
        {
            "type": "object",
            "properties": dict.fromkeys(_STRONGEST_FIRST, TEXT_FORM),
            "additionalProperties": False,
            "minProperties": 1,
        },
    ]
)


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise problem(f"{brief(text)!r} is not an id", "letters, digits, _ . and -, at most 64")
    return text


def _graded(node: Any) -> Any:
    """Read ``severity: medium`` as ``{medium: TRUE}``."""
    if isinstance(node, Scalar):
        _severity(text_of(node))
        return {node.text: Scalar("TRUE", plain=True, place=node.place)}
    if not isinstance(node, dict):
        raise problem("a severity is one word, or conditions", "write {high: n >= 10, low: TRUE}")
    return node


def _severity(text: str) -> str:
    if text not in SEVERITIES:
        raise problem(f"no severity is called {brief(text)}", suggest(text, SEVERITIES))
    return text


def _some(conditions: dict[str, str]) -> dict[str, str]:
    if not conditions:
        raise problem("no severity is named", "write severity: medium")
    return conditions


def _template(text: str) -> str:
    """Check braces and formats; which names exist is the planner's question."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise problem(f"cannot read this text: {error}", _FORM) from None
    for _text, field, spec, conversion in parts:
        if field is None:
            continue
        if conversion is not None or not _FIELD.fullmatch(field):
            raise problem(f"{{{brief(field)}}} is not a name in braces", _FORM)
        if not _FORMAT.fullmatch(spec or ""):
            raise problem(f"{brief(spec or '')} is not a number format", _FORM)
    return text


RuleId = Annotated[Text, AfterValidator(_id), _ID_FORM]
"""How rules and typologies are called."""


class NameSection(Section):
    """A rule's name in both languages."""

    written: ClassVar[str] = "{en: Velocity, zh: 高频支付}"

    en: Text = Field(examples=["en: Velocity"])
    zh: Text = Field(examples=["zh: 高频支付"])


class BecauseSection(Section):
    """A rule's reason in both languages, with values in braces."""

    written: ClassVar[str] = '{en: "{payments_1m} payments", zh: "{payments_1m} 笔支付"}'

    en: Annotated[Text, AfterValidator(_template)] = Field(
        examples=['en: "{payments_1m} payments"']
    )
    zh: Annotated[Text, AfterValidator(_template)] = Field(examples=['zh: "{payments_1m} 笔支付"'])


class AbsentSection(Section):
    """What must stay away after an event that a rule hits."""

    written: ClassVar[str] = "{within: 3d, on: loan, where: \"event = 'repayment'\"}"

    within: Duration = Field(examples=["within: 3d"])
    on: Kinds | None = None
    by: Entities | None = None
    where: Text = ""


class RuleSection(Section):
    """One rule as written."""

    id: RuleId = Field(examples=["id: F01"])
    on: Kinds | None = None
    name: NameSection = Field(examples=["name: {en: Velocity, zh: 高频支付}"])
    when: Text = Field(examples=["when: payments_1m >= 5"])
    subject: Entity = Field(examples=["subject: account"])
    severity: Annotated[
        dict[Annotated[str, AfterValidator(_severity)], Text],
        BeforeValidator(_graded, json_schema_input_type=_SEVERITY_FORM),
        AfterValidator(_some),
    ] = Field(examples=["severity: medium"])
    because: BecauseSection = Field(examples=['because: {en: "{payments_1m} payments", zh: …}'])
    group: Text = ""
    cooldown: Duration = 0
    incident: Period | None = None
    evidence: Annotated[
        list[Text], BeforeValidator(listed), AfterValidator(distinct_of("feature"))
    ] = Field(default_factory=list)
    absent: AbsentSection | None = None
    action: Annotated[str, word("action", ACTIONS)] = "review"
    status: Annotated[str, word("status", STATUSES)] = "live"
    source: Text = ""
    runbook: Text = ""
    revision: Annotated[int, whole(1, 1_000_000)] = 1
    alone: Flag = True
    for_each: dict[Key, dict[Key, Param]] = Field(default_factory=dict)
    prompt: BecauseSection | None = None
    examples: list[ExampleSection] = Field(default_factory=list)


def rule_specs(sections: Sequence[RuleSection], scope: Scope) -> tuple[RuleSpec, ...]:
    """Check every rule's columns, kinds and examples.

    Raises
    ------
    ConfigError
        An id twice, a subject that names no entity, an example with an unknown column.
    """
    first: dict[str, int] = {}
    for i, section in enumerate(sections):
        before = first.setdefault(section.id, i)
        if before != i:
            line = scope.document.place("rules", before, "id").line
            raise scope.document.error(
                ("rules", i, "id"),
                f"{section.id} is a rule already",
                f"the first is in line {line}",
            )
    return tuple(
        _spec(i, limb, section, scope)
        for i, section in enumerate(sections)
        for limb in section.for_each or [""]
    )


def _examples(i: int, limb: str, section: RuleSection, scope: Scope) -> tuple[Example, ...]:
    """A rule's examples, or those of one of its limbs."""
    found = []
    for number, example in enumerate(section.examples):
        path = ("rules", i, "examples", number)
        if section.for_each and example.limb is None:
            known = ", ".join(section.for_each)
            raise scope.document.error(path, "which limb is this an example of?", f"limb: {known}")
        if example.limb not in (section.for_each or [None]):
            message = f"no limb is called {example.limb}"
            hint = suggest(str(example.limb), section.for_each)
            raise scope.document.error((*path, "limb"), message, hint)
        if not limb or example.limb == limb:
            found.append(example_of(example, scope, *path))
    return tuple(found)


def _absent(
    section: RuleSection, subject: str, scope: Scope, *path: str | int
) -> AbsentSpec | None:
    """What a rule's hits wait for; it is told of the rule's own subject."""
    own = section.absent
    if own is None:
        return None
    if not section.alone:
        message = "a rule that waits raises its alert alone"
        raise scope.document.error((*path[:-1], "alone"), message, "remove alone, or absent")
    by = tuple(scope.entity(name, *path, "by", i) for i, name in enumerate(own.by or [subject]))
    scope.pairs((subject,) * len(by), by, *path, "by")
    return AbsentSpec(own.within, scope.kinds(own.on, *path), by, own.where)


def _spec(i: int, limb: str, section: RuleSection, scope: Scope) -> RuleSpec:
    path = ("rules", i)
    document = scope.document
    places = {
        key: place
        for key, place in document.places(*path).items()
        if not key.startswith("examples.")
    }
    if "severity" in places:
        places.update(
            dict.fromkeys((f"severity.{s}" for s in section.severity), places["severity"])
        )
    subject = scope.entity(section.subject, *path, "subject")
    return RuleSpec(
        id=f"{section.id}.{limb}" if limb else section.id,
        on=scope.kinds(section.on, *path),
        name={"en": section.name.en, "zh": section.name.zh},
        when=section.when,
        subject=subject,
        severity=tuple((s, section.severity[s]) for s in _STRONGEST_FIRST if s in section.severity),
        because={"en": section.because.en, "zh": section.because.zh},
        alone=section.alone,
        limb=section.for_each[limb] if limb else None,
        prompt={"en": section.prompt.en, "zh": section.prompt.zh} if section.prompt else {},
        place=document.place(*path),
        group=section.group,
        cooldown_ms=section.cooldown,
        incident=section.incident,
        absent=_absent(section, subject, scope, *path, "absent"),
        action=section.action,
        status=section.status,
        source=section.source,
        runbook=section.runbook,
        revision=section.revision,
        evidence=tuple(section.evidence),
        examples=_examples(i, limb, section, scope),
        places=places,
    )
