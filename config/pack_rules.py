"""``rules:`` of a pack: when to alert whom, how strongly, and in which words."""

import re
import string
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from config.pack_columns import Scope
from config.pack_examples import ExampleSection, examples
from config.pack_windows import Period
from config.sections import Section, brief, form, problem, suggest
from config.words import TEXT_FORM, Duration, Entity, Kinds, Text, text_of, whole, word
from config.yaml_nodes import Scalar
from models.pack import ACTIONS, SEVERITIES, STATUSES, RuleSpec

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


class RuleSection(Section):
    """One rule as written."""

    planned: ClassVar[frozenset[str]] = frozenset({"match", "absent", "for_each"})

    id: Annotated[Text, AfterValidator(_id), _ID_FORM] = Field(examples=["id: F01"])
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
    action: Annotated[str, word("action", ACTIONS)] = "review"
    status: Annotated[str, word("status", STATUSES)] = "live"
    source: Text = ""
    runbook: Text = ""
    revision: Annotated[int, whole(1, 1_000_000)] = 1
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
    return tuple(_spec(i, section, scope) for i, section in enumerate(sections))


def _spec(i: int, section: RuleSection, scope: Scope) -> RuleSpec:
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
    return RuleSpec(
        id=section.id,
        on=scope.kinds(section.on, *path),
        name={"en": section.name.en, "zh": section.name.zh},
        when=section.when,
        subject=scope.entity(section.subject, *path, "subject"),
        severity=tuple((s, section.severity[s]) for s in _STRONGEST_FIRST if s in section.severity),
        because={"en": section.because.en, "zh": section.because.zh},
        place=document.place(*path),
        group=section.group,
        cooldown_ms=section.cooldown,
        incident=section.incident,
        action=section.action,
        status=section.status,
        source=section.source,
        runbook=section.runbook,
        revision=section.revision,
        examples=examples(section.examples, scope, *path, "examples"),
        places=places,
    )
