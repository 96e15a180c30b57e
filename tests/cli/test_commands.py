"""The command as a person meets it: outputs, errors, exit codes."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from config.packs import pack_names

ROOT = Path(__file__).resolve().parents[2]
GOOD = (
    '{{"event_id":"e{0}","event_time":{1},"kind":"payment","account":"a1","amount":10,'
    '"currency":"CNY","counterparty":"b{0}"}}'
)
START = 1_767_542_400_000


def riverguard(*arguments, stdin=b""):
    """Run the command as a user would."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "cli", *map(str, arguments)], cwd=ROOT, env=environment,
        input=stdin, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def summary(done):
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def burst(tmp_path):
    """Twelve payments of one account within a minute."""
    path = tmp_path / "burst.ndjson"
    path.write_text("\n".join(GOOD.format(i, START + 1000 * i) for i in range(12)) + "\n")
    return path


def test_score_explains_a_burst(burst, tmp_path):
    alerts, scores = tmp_path / "alerts.ndjson", tmp_path / "scores.parquet"

    done = riverguard("score", "payments", burst, "--alerts", alerts, "-o", scores)

    assert done.returncode == 0, done.stderr.decode()
    assert summary(done)["events"] == 12
    first = json.loads(alerts.read_text().splitlines()[0])
    assert first["specversion"] == "1.0"
    assert "F01" in {reason["rule"] for reason in first["data"]["reasons"]}
    table = pl.read_parquet(scores)
    assert table["event_id"].to_list() == [f"e{i}" for i in range(12)]
    assert table.columns[:3] == ["event_id", "risk", "action"]
    assert table["risk"][0] == 0.0
    assert table["risk"][11] > 0.0


@pytest.mark.parametrize("form", ["gz", "stdin", "parquet", "csv"])
def test_every_input_form_gives_the_same_summary(burst, tmp_path, form):
    expected = summary(riverguard("score", "payments", burst))
    if form == "stdin":
        done = riverguard("score", "payments", "-", stdin=burst.read_bytes())
    else:
        path = tmp_path / f"burst.{'ndjson.gz' if form == 'gz' else form}"
        if form == "gz":
            path.write_bytes(gzip.compress(burst.read_bytes()))
        elif form == "parquet":
            pl.read_ndjson(burst).write_parquet(path)
        else:
            pl.read_ndjson(burst).write_csv(path)
        done = riverguard("score", "payments", path)

    assert done.returncode == 0, done.stderr.decode()
    assert summary(done) == expected


def test_garbage_costs_only_itself(burst, tmp_path):
    dead = tmp_path / "dead.ndjson"
    bad = [
        b'{"event_id":"x"', b'{"event_id":1}', b"\xff\xfe\x00", b'{"amount":NaN}',
        GOOD.format("y", START).replace('"amount":10', '"amount":1e400').encode(),
        b"[" * 100_000, GOOD.format("z", 4_000_000_000_000).encode(),
        GOOD.format("s", START // 1000).encode(),
        GOOD.format("k", START).replace("payment", "paymnt").encode(),
        b"x" * (10 << 20),
    ]  # fmt: skip
    mixed = tmp_path / "mixed.ndjson"
    mixed.write_bytes(b"\n".join([*bad, burst.read_bytes()]))

    done = riverguard("score", "payments", mixed, "--dead-letters", dead)

    assert done.returncode == 0, done.stderr.decode()
    result = summary(done)
    assert result["events"] == 12
    assert result["rejected"] == len(bad)
    assert result["alerts"] == summary(riverguard("score", "payments", burst))["alerts"]
    codes = [json.loads(line)["code"] for line in dead.read_text().splitlines()]
    assert sorted(codes) == sorted(
        ["bad_json", "wrong_type", "bad_json", "bad_json", "bad_json", "too_deep",
         "future_time", "too_early", "unknown_kind", "too_large"]
    )  # fmt: skip


def test_an_empty_file_is_no_error(tmp_path):
    path = tmp_path / "empty.ndjson"
    path.touch()

    done = riverguard("score", "payments", path)

    assert done.returncode == 0
    assert summary(done)["events"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", "paymnts", "x"], "payments"),
        (["score", "payments", "/nowhere/at/all.ndjson"], "/nowhere/at/all.ndjson"),
        (["check", "/nowhere/pack.yaml"], "/nowhere/pack.yaml"),
        (["score", "payments"], "Missing argument"),
    ],
)
def test_bad_usage_is_one_message_and_exit_code_2(arguments, words):
    done = riverguard(*arguments)

    assert done.returncode == (1 if arguments[0] == "check" else 2)
    assert words in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_misspelt_feature_stops_the_start_with_file_line_and_hint(tmp_path, burst):
    pack = tmp_path / "mine.yaml"
    pack.write_text(
        "pack: mine\non: [payment]\nfeatures:\n"
        '  payments_1m: {count: "*", by: account, over: 1m}\nrules:\n  - id: A\n'
        "    name: {en: a, zh: b}\n    when: paymets_1m >= 3\n    subject: account\n"
        "    severity: low\n    because: {en: x, zh: y}\n"
    )

    done = riverguard("score", pack, burst)

    assert done.returncode == 2
    assert "mine.yaml:8:11: no column, feature or parameter is called paymets_1m" in (
        done.stderr.decode()
    )
    assert "did you mean payments_1m?" in done.stderr.decode()


def test_check_runs_every_example():
    done = riverguard("check", "--json")

    assert done.returncode == 0, done.stdout.decode()
    result = summary(done)
    assert result["packs"] == len(pack_names())
    assert result["failed"] == 0
    assert result["examples"] >= 2 * result["rules"]


def test_simulate_plants_the_whole_catalogue(tmp_path):
    truth = tmp_path / "truth.ndjson"
    result = riverguard(
        "simulate", "-o", tmp_path / "events.ndjson", "--truth", truth, "--days", "8",
        "--accounts", "600", "--each", "1",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found = {json.loads(line)["typology"] for line in truth.read_bytes().splitlines()}
    assert {"F11", "F22", "F26", "A10", "A11", "A12", "A14", "R-CN-1"} <= found


def test_simulate_and_demo_on_the_file_and_alerts(tmp_path):
    events, truth, state = tmp_path / "e.ndjson", tmp_path / "t.ndjson", tmp_path / "state"
    done = riverguard(
        "simulate", "-o", events, "--truth", truth, "--days", "0.4", "--accounts", "3000"
    )
    assert summary(done)["events"] == events.read_bytes().count(b"\n")
    assert truth.read_text().count("\n") == summary(done)["incidents"]

    done = riverguard("demo", events, "--state", state, "--headless")

    assert done.returncode == 0, done.stderr.decode()
    result = summary(done)
    assert set(result) >= {
        "events", "alerts", "rejected", "late", "seconds", "events_per_s", "caught",
    }  # fmt: skip
    assert result["alerts"] > 0
    tail = riverguard("alerts", "tail", "-n", "3", "--state", state, "--json")
    last = json.loads(tail.stdout.splitlines()[-1])
    shown = riverguard("alerts", "show", last["id"], "--state", state)
    assert shown.returncode == 0
    assert last["data"]["reasons"][0]["rule"] in shown.stdout.decode()
    assert riverguard("alerts", "show", "nothing", "--state", state).returncode == 1


@pytest.mark.parametrize("option", ["--alerts", "-o", "--dead-letters", "--late"])
def test_nothing_that_is_read_is_overwritten(burst, option):
    before = burst.read_bytes()

    done = riverguard("score", "payments", burst, option, burst)

    assert done.returncode == 2
    assert b"is read or written already" in done.stderr
    assert burst.read_bytes() == before


@pytest.mark.parametrize("name", ["day.csv", "day.parquet"])
def test_the_demo_refuses_tables_instead_of_rejecting_their_bytes(tmp_path, name):
    (tmp_path / name).write_bytes(b"event_id,kind\n1,payment\n")

    done = riverguard("demo", tmp_path / name, "--headless", "--state", tmp_path / "state")

    assert done.returncode == 2
    assert b"riverguard score reads tables" in done.stderr


def test_a_state_directory_that_is_a_file_is_told_in_a_line(tmp_path, burst):
    (tmp_path / "state").write_text("mine")

    done = riverguard("demo", burst, "--headless", "--state", tmp_path / "state")

    assert done.returncode == 2
    assert done.stderr.count(b"\n") <= 3
    assert b"error: " in done.stderr
    assert (tmp_path / "state").read_text() == "mine"
