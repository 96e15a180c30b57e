"""`riverguard tick` beside `riverguard run`: what stays away is told although nothing happens."""

import os
import signal
import subprocess
import sys
import time

import orjson
import pytest

from tests.cli.conftest import ROOT

PACK = """
pack: promises
on: [loan]
rules:
  - id: UNPAID
    name: {en: a, zh: b}
    when: event = 'due'
    absent: {within: 1s, where: "event = 'repayment'"}
    subject: customer
    severity: low
    because: {en: "{amount} was due", zh: "{amount}"}
"""


def due(number, time_ms, **columns):
    whole = {
        "event_id": f"e{number}", "kind": "loan", "event_time": time_ms, "loan": "l",
        "customer": f"c{number}", "event": "due", "amount": 5, "currency": "CNY",
    }  # fmt: skip
    return orjson.dumps(whole | columns)


def test_a_quiet_topic_raises_what_stayed_away(deployment, tmp_path):
    path = tmp_path / "promises.yaml"
    path.write_text(PACK)
    made = deployment(2)
    made.settings(packs=f"[{path}]", allowed_lateness="200ms")
    now_ms = time.time_ns() // 1_000_000
    paid = due(3, now_ms + 500, customer="c2", event="repayment")
    made.feed([[due(1, now_ms)], [due(2, now_ms), paid]])
    command = [sys.executable, "-m", "cli", "tick", "-c", str(tmp_path / "riverguard.yaml")]
    run = made.start()
    ticks = subprocess.Popen(
        [*command, "--every", "100ms", "--behind", "100ms"], cwd=ROOT,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    deadline = time.monotonic() + 60
    while not made.records("alerts") and time.monotonic() < deadline:
        assert run.poll() is None, run.stderr.read()
        assert ticks.poll() is None, ticks.stderr.read()
    for process in (ticks, run):
        process.send_signal(signal.SIGTERM)
    code, summary, said = made.finish(run)
    _out, told = ticks.communicate(timeout=30)

    assert (code, ticks.returncode) == (0, 0), said
    assert b"ticks to 2 partitions every 100ms, 100ms behind" in told
    (alert,) = [orjson.loads(message.value()) for message in made.records("alerts")]
    assert alert["subject"] == "customer/c1"
    assert summary["rejected"] == summary["late"] == 0


@pytest.mark.parametrize(
    ("every", "said"),
    [("often", b"--every often is not a duration"), ("5ms", b"--every 5ms is too short")],
)
def test_a_duration_that_is_none_is_told(every, said):
    command = [sys.executable, "-m", "cli", "tick", "--every", every]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)

    assert found.returncode == 2
    assert said in found.stderr
