"""The schema takes good packs, refuses wrong keys, words and forms, and no more than the loader."""

import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from config.pack_schema import pack_schema
from config.packs import FOLDER, load_pack, pack_names
from config.yaml_nodes import Scalar
from config.yaml_reader import parse_document
from models.errors import ConfigError
from tests.config.test_mistakes import GOOD
from tests.config.test_yaml import PACK as SMALL
from tests.config.test_yaml import SPOTS, TREES
from tests.documents import PACKS

SCHEMA = Draft202012Validator(pack_schema())

SHIPPED = [pytest.param((FOLDER / f"{name}.yaml").read_text(), id=name) for name in pack_names()]


def plain(node: Any) -> Any:
    """What an editor sees of a document: YAML 1.2 as plain values."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return node.value if isinstance(node, Scalar) else node


def seen(text: str) -> Any:
    return plain(parse_document(text, "p.yaml").data())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(pack_schema())


@pytest.mark.parametrize("text", [*SHIPPED, *PACKS, pytest.param(GOOD, id="good")])
def test_good_packs_are_taken(text: str) -> None:
    assert not [error.message for error in SCHEMA.iter_errors(seen(text))]


REFUSED = [
    # what to replace in the good pack, by what, and the key path of the complaint
    ("event_cap", "event_kap", []),
    ("over: 1m", "ovr: 1m", ["features", "n_1m"]),
    ("when: n_1m", "whne: n_1m", ["rules", 0]),
    ("zh: 高频}", "cn: 高频}", ["rules", 0, "name"]),
    ("fires: true", "fire: true", ["rules", 0, "examples", 0]),
    ("limits: {n_1m", "limit: {n_1m", ["detectors", "odd"]),
    ("on: [payment]", "on: [payments]", ["on"]),
    ("on: [payment]", "on: payments", ["on"]),
    ("on: [payment]", "on: [login, login]", ["on"]),
    ("basket: number", "basket: float", ["columns", "basket"]),
    ("half_space_trees", "half_space_tree", ["detectors", "odd"]),
    ("{high: n_1m > 9, medium: TRUE}", "hgih", ["rules", 0, "severity"]),
    ("{high: n_1m", "{hgih: n_1m", ["rules", 0, "severity"]),
    ("action: review", "action: block", ["rules", 0, "action"]),
    ("action: review", "status: active", ["rules", 0, "status"]),
    ("event_cap: 4096", "lookups: {r: {table: t, by: card, value: v, type: money}}",
     ["lookups", "r", "type"]),
    # forms
    ("pack: payments", "pack: my-pack", ["pack"]),
    ("n_1m: {c", "1m-n: {c", ["features"]),
    ("over: 1m", "over: 60", ["features", "n_1m", "over"]),
    ("over: 1m", "over: 5 minutes", ["features", "n_1m", "over"]),
    ("over: 1m", "over: day", ["features", "n_1m", "over"]),
    ("cooldown: 10m", "cooldown: 10", ["rules", 0, "cooldown"]),
    ("cooldown: 10m", "incident: 1h", ["rules", 0, "incident"]),
    ("event_cap: 4096", "event_cap: 3", ["event_cap"]),
    ("action: review", "revision: 0", ["rules", 0, "revision"]),
    ("fires: true", "fires: yes", ["rules", 0, "examples", 0, "fires"]),
    ('count: "*"', "count: amount", ["features", "n_1m", "count"]),
    ("amount: 10,", "amount: ten,", ["rules", 0, "examples", 0, "events", 0, "amount"]),
    ("river.anomaly.LOF", "os.system", ["detectors", "other"]),
    ("over: 1m", "over: 1m, where: ", ["features", "n_1m", "where"]),
    # what belongs together
    (", over: 1m", "", ["features", "n_1m"]),
    ('count: "*", ', "", ["features", "n_1m"]),
    ('count: "*"', 'count: "*", sum: amount', ["features", "n_1m"]),
    ("    subject: account\n", "", ["rules", 0]),
    ("repeat: 5, ", "", ["rules", 0, "examples", 0, "events", 0]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path"), REFUSED, ids=[r[1][:30] for r in REFUSED])
def test_unknown_keys_wrong_words_and_wrong_forms_are_refused(
    fault: Callable, old: str, new: str, path: list[str | int]
) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    fault(text)

    complaints = [list(error.absolute_path) for error in SCHEMA.iter_errors(seen(text))]

    assert path in [complaint[: len(path)] for complaint in complaints]


@settings(max_examples=300)
@given(st.sampled_from(SPOTS), TREES)
@example("A", "true")
def test_the_schema_takes_what_the_loader_takes(spot: str, tree: str) -> None:
    text = SMALL.replace(spot, tree, 1)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        try:
            load_pack(file.name)
        except ConfigError:
            return

    assert not [error.message for error in SCHEMA.iter_errors(seen(text))]
