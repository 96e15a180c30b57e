"""A JSON Schema of packs, with which editors complete and check what is typed.

It is made of the sections that read a pack, so it knows its keys, words and forms. What takes a
look at several places (names, types of expressions, examples) only `riverguard check` finds.
"""

from typing import Any, Final

import yaml
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from config.pack_detectors import MODELS
from config.pack_examples import FORMS, EventSection
from config.pack_meanings import MEANINGS
from config.packs import PackSection
from config.sections import Section
from config.words import DURATION_FORM, ENTITY_FORM, TEXT_FORM, listed
from models.events import COLUMNS, KINDS, ColumnType

_REF: Final = "#/$defs/"

_NAMED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "Text": (TEXT_FORM, "a text, or an expression in the syntax of SQL"),
    "Entity": (ENTITY_FORM, "a text column"),
    "Duration": (DURATION_FORM, "such as 500ms, 30s, 5m, 1h, 2d, 1w or 1h30m"),
    "Kind": ({"enum": list(KINDS)}, "an event kind"),
    "TextValue": (FORMS[ColumnType.TEXT], "what a text column holds"),
    "TimeValue": (FORMS[ColumnType.TIME], "what a time column holds"),
    "NumberValue": (FORMS[ColumnType.NUMBER], "what a money or a number column holds"),
    "FlagValue": (FORMS[ColumnType.FLAG], "what a flag column holds"),
}
"""Forms that many keys share: their names under ``$defs``, and what they are."""


class _Writer(GenerateJsonSchema):
    """Pydantic's generator, for values that are nodes of YAML."""

    def field_title_should_be_set(self, _schema: Any) -> bool:
        """A key is its own title."""
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """A key may be left out; written without a value it is refused."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Show a default where it is written as it is kept: a duration of 0 ms is not."""
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        return {**inner, "default": default} if default else inner

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """What `listed` reads is one item, or a list of items that differ."""
        if schema["function"]["function"] is not listed:
            return super().function_before_schema(schema)
        items = self.generate_inner(schema["schema"])
        return {"anyOf": [items["items"], {**items, "uniqueItems": True}]}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Where names have a form, others are refused."""
        found = super().dict_schema(schema)
        return {**found, "additionalProperties": False} if "patternProperties" in found else found


def pack_schema() -> dict[str, Any]:
    """Write the schema of a pack file, in draft 2020-12.

    Returns
    -------
    dict
        Plain values, ready for a JSON encoder; the same on every call.
    """
    models: list[type[Section]] = [PackSection, *MODELS.values()]
    _refs, written = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_Writer
    )
    definitions: dict[str, Any] = written["$defs"]
    for section, meanings in MEANINGS.items():
        _explain(definitions[section.__name__], section, meanings)
    _detectors(definitions)
    _columns(definitions[EventSection.__name__])
    shared = {_called(name): _shared(value) for name, value in definitions.items()}
    named = {name: {**form, "description": said} for name, (form, said) in sorted(_NAMED.items())}
    root = shared.pop(_called(PackSection.__name__))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "title": "A pack of riverguard",
        "$defs": {**named, **dict(sorted(shared.items()))},
    }


def _explain(definition: dict[str, Any], section: type[Any], meanings: dict[str, str]) -> None:
    """Give every key its meaning, and an example where the section has one."""
    del definition["title"]
    fields = {field.alias or name: field for name, field in section.model_fields.items()}
    for key, form in definition["properties"].items():
        form["description"] = meanings[key]
        # examples are written as lines of YAML, for hints
        lines = [yaml.safe_load(line) for line in fields[key].examples or ()]
        form.pop("examples", None)
        if lines:
            form["examples"] = [line[key] for line in lines]


def _detectors(definitions: dict[str, Any]) -> None:
    """The keys of a detector depend on its model."""
    for name, section in MODELS.items():
        definitions[section.__name__]["properties"]["model"]["const"] = name
    by_name = definitions[PackSection.__name__]["properties"]["detectors"]["patternProperties"]
    for form in by_name.values():
        form["oneOf"] = [{"$ref": _REF + section.__name__} for section in MODELS.values()]


def _columns(event: dict[str, Any]) -> None:
    """Columns that every pack has; others may be the pack's own."""
    for column in COLUMNS.values():
        event["properties"][column.name] = FORMS[column.type]
    event["properties"]["kind"] = {"enum": list(KINDS)}
    event["additionalProperties"] = FORMS[ColumnType.TEXT]


def _called(name: str) -> str:
    """What editors call a section: they propose it as a whole."""
    return name.removesuffix("Section")


def _shared(node: Any) -> Any:
    """Put a reference where a named form stands."""
    if isinstance(node, list):
        return [_shared(item) for item in node]
    if isinstance(node, str) and node.startswith(_REF):
        return _called(node)
    if not isinstance(node, dict):
        return node
    for name, (form, _said) in _NAMED.items():
        if form.items() <= node.items():
            beside = {key: value for key, value in node.items() if key not in form}
            return {"$ref": _REF + name, **beside}
    return {key: _shared(value) for key, value in node.items()}
