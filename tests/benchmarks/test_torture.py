"""A short slice of `make torture`, and proof that it can tell a loss."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.torture.stream import differing, make_stream

ROOT = Path(__file__).resolve().parents[2]


def test_kills_change_nothing():
    if not (shutil.which("java") and shutil.which("mvn")):
        assert not os.environ.get("CI"), "Java and Maven are needed for a Kafka broker"
        pytest.skip("no Java or Maven for a Kafka broker")
    words = ["--kills", "3", "--kills-per-run", "3", "--events", "5000", "--seed", "3"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.torture.run", *words], cwd=ROOT, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=600,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr.decode()[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills"] >= 3
    assert (found["identical"], found["lost"], found["duplicated"]) == (found["runs"], 0, 0)


def test_a_lost_or_changed_alert_is_told():
    stream = make_stream(2000, 2, seed=1, ordered=False)
    key = random.Random(1).choice(sorted(stream.expected))
    body, repeats = stream.expected[key]

    assert differing(stream.expected, stream.expected) == []
    without = {name: found for name, found in stream.expected.items() if name != key}
    assert differing(without, stream.expected) == [key]
    assert differing({**stream.expected, key: (body, repeats + 1)}, stream.expected) == [key]
    changed = json.loads(json.dumps(body))
    changed["data"]["reasons"][0]["evidence"][0]["value"] = -1
    assert differing({**stream.expected, key: (changed, repeats)}, stream.expected) == [key]
