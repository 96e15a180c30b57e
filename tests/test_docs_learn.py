"""docs/learn.md, followed to the letter: its blocks, its figures and what the command answers."""

import json
import os
import re
import subprocess
import sys

import pytest

from cli.deployment import deployment_of
from cli.kernels import ROOT
from config.packs import load_pack
from config.settings import Settings
from dataflows.examples import run_examples
from models.errors import ConfigError
from tests.documents import DOCUMENTS, PACKS

PAGE = DOCUMENTS["docs/learn.md"]
FIRST = re.search(r"(?ms)^```yaml\n(pack: drain\n.*?)^```", PAGE)[1]
WHEN = re.search(r"(?m)^`(when: .*)`$", PAGE)[1]
MENDED = re.sub(r"when: .*", WHEN, FIRST).replace(
    "account: a, ", "account: a, customer_kind: natural, "
)


def figures(pattern):
    found = re.search(pattern, PAGE)
    return [int(number.replace(",", "")) for number in found.groups()]


def riverguard(*arguments):
    """Run the command in the working directory: the last line that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=300, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    path = tmp_path_factory.mktemp("learn") / "day.ndjson"
    riverguard("simulate", "-o", path)
    return path


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Keep a pack under the name that the page gives it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()

    def write(text):
        (tmp_path / "mine" / "drain.yaml").write_text(text)
        return "mine/drain.yaml"

    return write


@pytest.fixture
def scored(day, save, tmp_path):
    """Score the day with a pack: the summary, and the accounts that were alerted."""

    def run(text):
        alerts = tmp_path / "out" / "alerts.ndjson"
        summary = riverguard("score", save(text), day, "--alerts", alerts)
        raised = [json.loads(line) for line in alerts.read_text().splitlines()]
        return summary, [a["subject"] for a in raised if a["type"] == "riverguard.alert.v1"]

    return run


def test_the_page_is_short_and_no_block_is_left_out():
    tested = [case for case in PACKS if case.id.startswith("docs/learn.md")]

    assert PAGE.count("\n") <= 180
    assert PAGE.count("```yaml") == len(tested) > 1


def test_the_mistake_is_told_as_shown(save):
    path = save(FIRST.replace("over: 1h", "over: 1 hour", 1))

    with pytest.raises(ConfigError) as caught:
        load_pack(path)

    assert f"error: {caught.value}\n" in PAGE


def test_the_examples_fail_as_shown_and_are_mended_as_told(save):
    deployment = deployment_of(Settings())
    half = load_pack(save(re.sub(r"when: .*", WHEN, FIRST)))
    whole = load_pack(save(MENDED))

    failed = [result for result in run_examples(half, deployment) if not result.ok]

    assert [f"│ {f.rule}   │ {f.place} │ fires    │ {f.seen} │" for f in failed] == [
        line for line in PAGE.splitlines() if line.startswith("│")
    ]
    assert all(result.ok for result in run_examples(whole, deployment))


def test_the_first_rule_alerts_as_often_as_told(scored):
    summary, accounts = scored(FIRST)
    companies = [account for account in accounts if re.match(r"account/acct-[me]", account)]

    told = figures(r"The day has ([\d,]+) events, of which the rule makes ([\d,]+) alerts")
    assert [summary["events"], summary["alerts"]] == told
    assert [len(companies), len(accounts)] == figures(r"In (\d+) of the (\d+) the account")


def test_the_mended_rule_alerts_as_often_as_told(scored):
    summary, _accounts = scored(MENDED)
    hits = [summary["alerts"], summary["repeats"]]

    assert hits == figures(r"now (\d+) alerts and (\d+) repeats")
    assert [sum(hits), *hits] == figures(r"(\d+) of this rule: (\d+) and (\d+)")
