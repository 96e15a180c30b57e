"""The documents, and how to read their tables."""

import re

import pytest

from cli.kernels import ROOT

DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
}
PACKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name, text in DOCUMENTS.items()
    for number, block in enumerate(re.findall(r"(?ms)^```yaml\n(pack:.*?)^```", text))
]


def section(name, heading):
    """The text under a heading, or before the first one for an empty one."""
    parts = re.split(r"(?m)^##+ ", DOCUMENTS[name])
    return parts[0] if not heading else next(p for p in parts if p.startswith(f"{heading}\n"))


def rows(text):
    """The rows of all tables in a text, without their heads: the cells."""
    lines = re.sub(r"(?m)^\|.*\n\|---.*\n", "", text).splitlines()
    return [[c.strip() for c in ln.strip("|").split("|")] for ln in lines if ln.startswith("|")]


def words(text):
    return re.findall(r"`([^`]+)`", text)


def first_words(text):
    return [word for row in rows(text) for word in words(row[0])]
