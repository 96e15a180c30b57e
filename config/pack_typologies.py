"""``typologies:`` of a pack: rules that tell of one thing together, and what each weighs."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from config.pack_columns import Scope
from config.pack_rules import NameSection, RuleId
from config.sections import Section, form, problem, suggest
from config.words import Flag, number_of, whole
from models.pack import RuleSpec, TypologySpec
from models.typologies import SCORE_MAX


def _weight(node: Any) -> float:
    number = number_of(node)
    if not 0 < number < 1:
        raise problem(f"was {node.text}", "a weight between 0 and 1, such as 0.45")
    return float(number)


Weight = Annotated[
    float,
    BeforeValidator(
        _weight,
        json_schema_input_type=form(type="number", exclusiveMinimum=0, exclusiveMaximum=1),
    ),
]
"""How much a rule says by itself."""

Score = Annotated[int, whole(1, SCORE_MAX)]


class TypologySection(Section):
    """One typology as written."""

    id: RuleId = Field(examples=["id: T-SCAM"])
    name: NameSection = Field(examples=["name: {en: Scam, zh: 诈骗}"])
    rules: dict[str, Weight] = Field(min_length=1, examples=["rules: {F17: 0.45, F31: 0.6}"])
    alert: Score = 400
    urgent: Score = 700
    interdict: Flag = False


def typology_specs(
    sections: Sequence[TypologySection], rules: Sequence[RuleSpec], scope: Scope
) -> tuple[TypologySpec, ...]:
    """Check that every typology names rules of the pack.

    Raises
    ------
    ConfigError
        An id twice, an unknown rule or one that waits, urgent below alert.
    """
    known = {name for rule in rules for name in rule.names}
    waiting = {name for rule in rules if rule.absent for name in rule.names}
    for i, section in enumerate(sections):
        path = ("typologies", i)
        if any(section.id == other.id for other in sections[:i]):
            message = f"{section.id} is a typology already"
            raise scope.document.error((*path, "id"), message, "rename one of them")
        if section.urgent < section.alert:
            message = f"urgent from {section.urgent}, but an alert from {section.alert} only"
            raise scope.document.error((*path, "urgent"), message, "give urgent the higher score")
        for name in section.rules:
            if name not in known:
                message = f"no rule is called {name}"
                hint = suggest(name, known)
                raise scope.document.key_error((*path, "rules", name), message, hint)
            if name in waiting:
                message = f"{name} waits for what stays away: it hits together with no other rule"
                raise scope.document.key_error((*path, "rules", name), message, "remove it here")
    return tuple(
        TypologySpec(
            s.id, {"en": s.name.en, "zh": s.name.zh}, s.rules, s.alert, s.urgent, s.interdict
        )
        for s in sections
    )
