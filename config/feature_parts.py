"""What stands inside a feature: counts, steps of time, steps of a sequence, lists of columns."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from config.sections import Section, brief, form, problem
from config.words import Duration, Text, distinct_of, listed, text_of, whole


def _star(node: Any) -> str:
    if text_of(node) != "*":
        raise problem(
            f'count takes "*" only, was {brief(node.text)}', "say which events count in where"
        )
    return ""


Star = Annotated[str, BeforeValidator(_star, json_schema_input_type=form(const="*"))]
"""What is counted: events."""


class StepSection(Section):
    """What is computed in each step of a window before the steps are compared."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["count"]}, {"required": ["sum"]}]}
    )

    count: Star | None = None
    sum: Text | None = None
    per: Duration = Field(examples=["per: 1d"])

    @model_validator(mode="after")
    def _one(self) -> "StepSection":
        if (self.count is None) == (self.sum is None):
            raise problem("this takes one of count, sum", 'for example {count: "*", per: 1d}')
        return self


class SequenceStep(Section):
    """One step of a sequence."""

    when: Text = Field(examples=["when: outcome = 'fail'"])
    times: Annotated[int, whole(1, 100)] = 1
    within: Duration = 0


Stepped = Annotated[
    Annotated[Text, Tag("[text]")] | Annotated[StepSection, Tag("[step]")],
    Discriminator(lambda node: "[step]" if isinstance(node, dict) else "[text]"),
]
"""A number expression, or one number per step."""


def _late(node: Any) -> bool:
    if text_of(node) != "include":
        raise problem(f"late takes include only, was {brief(node.text)}", "or remove it")
    return True


Late = Annotated[bool, BeforeValidator(_late, json_schema_input_type=form(const="include"))]
"""Whether events that come too late count as well."""

Values = Annotated[
    list[Text], BeforeValidator(listed), Field(min_length=1), AfterValidator(distinct_of("value"))
]
