"""The schema in docs/ is the one of this code, and explains keys in the words of docs/packs.md."""

import re

import pytest
from typer.testing import CliRunner

from cli.kernels import ROOT
from cli.main import app
from config.feature_section import FeatureSection
from config.pack_detectors import HalfSpaceTrees, Midas, River
from config.pack_examples import EventSection, ExampleSection
from config.pack_lookups import LookupSection
from config.pack_meanings import AGGREGATES, MEANINGS
from config.pack_rules import AbsentSection, RuleSection
from config.pack_typologies import TypologySection
from config.packs import PackSection
from tests.documents import rows, section, words

KEPT = ROOT / "docs" / "pack.schema.json"


def test_the_kept_schema_is_what_the_command_prints(tmp_path):
    printed = CliRunner().invoke(app, ["schema"])
    written = CliRunner().invoke(app, ["schema", "-o", str(tmp_path / "new" / "s.json")])

    assert (printed.exit_code, written.exit_code, written.output) == (0, 0, "")
    assert printed.output == (tmp_path / "new" / "s.json").read_text()
    assert printed.output == KEPT.read_text(), "run: ./riverguard schema -o docs/pack.schema.json"


@pytest.mark.parametrize("model", MEANINGS, ids=lambda model: model.__name__)
def test_every_key_has_a_meaning(model):
    keys = {field.alias or name for name, field in model.model_fields.items()}

    assert set(MEANINGS[model]) == keys


@pytest.mark.parametrize(
    ("heading", "models"),
    [
        ("Keys of a pack", [PackSection]),
        ("Reference data", [LookupSection]),
        ("Features, Who paid whom", [FeatureSection]),
        ("Detectors", [HalfSpaceTrees, Midas, River]),
        ("Rules", [RuleSection]),
        ("What stays away", [AbsentSection]),
        ("Typologies", [TypologySection]),
        ("Examples", [ExampleSection, EventSection]),
    ],
)
def test_editors_and_the_document_explain_keys_alike(heading, models):
    meanings = {key: text for model in models for key, text in MEANINGS[model].items()}
    shown = {}
    parts = [section("docs/packs.md", one) for one in heading.split(", ")]
    for row in [row for part in parts for row in rows(part)]:
        cells = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", cell) for cell in row[1:]]
        for key in words(row[0]):
            if key in AGGREGATES and models == [FeatureSection]:
                assert tuple(cells) == AGGREGATES[key]
            else:
                shown[key] = cells[0].removesuffix("; required")

    assert shown == {
        key: text
        for key, text in meanings.items()
        if key not in AGGREGATES or models != [FeatureSection]
    }
