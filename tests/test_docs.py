"""The documents say what the code does: tables, packs, commands, links."""

import dataclasses
import re
import shlex

import pytest
import typer

from cli.deployment import deployment_of
from cli.kernels import ROOT
from cli.main import app
from config.feature_section import FeatureSection
from config.pack_columns import EXAMPLE_KEYS
from config.pack_detectors import HalfSpaceTrees, Midas, River
from config.pack_examples import ExampleSection
from config.pack_lookups import LookupSection
from config.pack_rules import AbsentSection, RuleSection
from config.pack_typologies import TypologySection
from config.packs import PackSection, load_pack, pack_names
from config.settings import Settings, SettingsSection
from dataflows.examples import START_MS, run_examples
from models.decoding.record import Rejection, decode_record
from models.decoding.schema import Schema
from models.events import COLUMNS, FUTURE_TOLERANCE_MS, REQUIRED
from models.expressions.parsing import FUNCTIONS
from models.hashing import Secret
from models.pack import ACTIONS, SEVERITIES, STATUSES
from models.planning.blueprint import draw
from tests.documents import DOCUMENTS, PACKS, first_words, rows, section, words

COMMANDS = [
    (name, found.strip())
    for name, text in DOCUMENTS.items() for found in re.findall(r"\./riverguard([^`#\n]*)", text)
]  # fmt: skip
TOP = typer.main.get_command(app)


def keys_of(*models):
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def slugs(text):
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leaves(command, path=()):
    """Every command that does something: its words, and itself."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return {} if command.hidden else {" ".join(path): command}
    return {
        key: leaf for name, sub in inner.items() for key, leaf in leaves(sub, (*path, name)).items()
    }


def follow(arguments):
    """The command that some words name, and the words that are left."""
    command, left = TOP, list(arguments)
    while left and hasattr(command, "commands"):
        assert left[0] in command.commands, left
        command = command.commands[left.pop(0)]
    return command, left


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    assert not re.search(r"(?<![\w.])/(home|root|Users|tmp)/", DOCUMENTS[name])
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[name]):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.is_file(), target
        assert not anchor or anchor in slugs(file.read_text()), target


def test_the_code_refers_to_documents_that_exist():
    for path in (p for f in ("models", "config", "cli") for p in (ROOT / f).rglob("*.py")):
        assert set(re.findall(r"\bdocs/[\w/.-]+\.md\b", path.read_text())) <= set(DOCUMENTS), path


@pytest.mark.parametrize(("name", "words_after"), COMMANDS)
def test_commands_parse(name, words_after):
    """Every `./riverguard …` in every document has known options and the right arguments."""
    command, left = follow(shlex.split(words_after))
    if left or not hasattr(command, "commands"):
        command.make_context(name, left)


def test_the_readme_is_short_and_lists_every_command_with_real_options():
    assert DOCUMENTS["README.md"].count("\n") <= 150
    listed = {}
    for line in DOCUMENTS["README.md"].splitlines():
        if line.startswith("| `riverguard "):
            shown = words(line)
            name = re.match(r"riverguard ([a-z]+(?: [a-z]+)?)", shown[0])[1]
            listed[name] = [word for word in " ".join(shown).split() if word.startswith("-")]

    known = leaves(TOP)
    assert listed.keys() == known.keys()
    for name, options in listed.items():
        real = {option for parameter in known[name].params for option in parameter.opts}
        assert set(options) <= real, name


@pytest.mark.parametrize("name", DOCUMENTS)
def test_make_targets_exist(name):
    targets = set(re.findall(r"(?m)^([a-z]+):.*##", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"(?m)(?:`|^)make ([a-z]+)", DOCUMENTS[name])) <= targets
    if name == "CONTRIBUTING.md":
        listed = {word.split()[1] for word in first_words(section(name, "Set up"))}
        assert listed == targets - {"help"}


@pytest.mark.parametrize("text", PACKS)
def test_packs_in_documents_load_plan_and_keep_their_promises(text, tmp_path):
    path = tmp_path / "pack.yaml"
    path.write_text(text)
    pack = load_pack(str(path))
    draw([pack], deployment_of(Settings()))

    failed = [result for result in run_examples(pack, deployment_of(Settings())) if not result.ok]

    assert not failed
    assert all(rule.examples for rule in pack.rules if rule.place.file == pack.file)


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("Keys of a pack", keys_of(PackSection)),
        ("Features, Who paid whom", keys_of(FeatureSection)),
        ("Reference data", keys_of(LookupSection)),
        ("Detectors", keys_of(HalfSpaceTrees, Midas, River)),
        ("Rules", keys_of(RuleSection)),
        ("What stays away", keys_of(AbsentSection)),
        ("Typologies", keys_of(TypologySection)),
        ("Examples", keys_of(ExampleSection) | set(EXAMPLE_KEYS)),
    ],
)
def test_every_key_of_a_pack_is_explained(heading, keys):
    explained = [
        word for one in heading.split(", ") for word in first_words(section("docs/packs.md", one))
    ]

    assert sorted(explained) == sorted(keys)


def test_defaults_of_a_pack_are_right():
    shown = {
        words(row[0])[0]: row[2]
        for heading in ("Keys of a pack", "Detectors", "Rules")
        for row in rows(section("docs/packs.md", heading))
    }
    for model in (PackSection, HalfSpaceTrees, RuleSection):
        for name, field in model.model_fields.items():
            if isinstance(field.default, int) and field.default:
                assert shown[name] == str(field.default).lower(), name


def test_the_words_of_the_language_are_listed():
    text = DOCUMENTS["docs/packs.md"]
    functions = re.search(r"(?m)^- Functions: (.*)$", text)[1]
    planned = FeatureSection.planned | HalfSpaceTrees.planned | RuleSection.planned

    assert sorted(words(functions)) == sorted(FUNCTIONS)
    assert set(words(section("docs/packs.md", "Not available yet"))) == planned
    choices = words(section("docs/packs.md", "Rules"))
    assert {*ACTIONS, *SEVERITIES, *STATUSES} <= set(choices)


def test_shipped_rules_are_listed():
    expected = [
        [pack, f"`{rule.id}`", rule.name["en"], rule.subject, rule.severity[0][0], rule.action]
        for pack in pack_names()
        for rule in load_pack(pack).rules
    ]
    listed = rows(section("docs/packs.md", "Shipped rules"))

    assert [[*row[:5], row[6]] for row in listed] == expected


def test_kinds_and_columns():
    kinds = {words(r[0])[0]: tuple(words(r[1])) for r in rows(section("docs/events.md", "Kinds"))}
    by_type = rows(section("docs/events.md", "Columns").partition("| type | on the wire")[0])
    columns = {name: row[0] for row in by_type for name in words(row[1])}

    assert kinds == REQUIRED
    assert columns == {column.name: str(column.type) for column in COLUMNS.values()}


def test_every_dead_letter_code_is_explained():
    written = re.compile(
        r'(?:_RejectedError|Rejection)\(\s*"(\w+)"|code = "(\w+)" if .* else "(\w+)"'
        r'|DeadLetter\(\s*[\w.]+,\s*[\w.]+,\s*"(\w+)"'
    )
    sources = [p for f in ("models/decoding", "connectors") for p in (ROOT / f).glob("*.py")]
    codes = {code for p in sources for found in written.findall(p.read_text()) for code in found}
    explained = [r for r in rows(section("docs/events.md", "Dead letters")) if len(r) == 2]

    assert sorted(words(row[0])[0] for row in explained) == sorted(codes - {""})


def test_examples_of_dead_letters_are_true():
    schema = Schema(frozenset({"account"}), frozenset({"payment"}), Secret(bytes(16)))
    shown = [r for r in rows(section("docs/events.md", "Dead letters")) if len(r) == 3]

    assert shown
    for record, code, reason in shown:
        raw = words(record)[0].encode()
        found = decode_record(raw, schema, START_MS + FUTURE_TOLERANCE_MS)
        assert found == Rejection(words(code)[0], reason)


def test_every_setting_is_explained():
    listed = first_words(section("docs/operating.md", "Settings"))
    fields = {field.name.removesuffix("_ms") for field in dataclasses.fields(Settings)}

    assert set(SettingsSection.model_fields) == fields
    assert {word for word in listed if word != "lookups/fx.csv"} == fields


def test_decisions_have_one_form_and_are_listed():
    form = "Context, Decision, Consequence, How we would know it was wrong"
    for name in (name for name in DOCUMENTS if name.startswith("docs/adr/")):
        assert ", ".join(re.findall(r"(?m)^## (.*)$", DOCUMENTS[name])) == form
        assert f"({name.removeprefix('docs/')})" in DOCUMENTS["docs/architecture.md"]
