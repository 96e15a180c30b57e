"""kill -9 in mid-stream: nothing is lost, nothing comes twice, nothing changes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors.embedded_redis import EmbeddedRedis
from connectors.redis import RedisConfig
from connectors.redis_reader import AlertReader

ROOT = Path(__file__).resolve().parents[2]


def start(events: Path, pack: Path, state: Path, config: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "cli", "demo", str(events), "--packs", str(pack),
        "--state", str(state), "--config", str(config), "--headless",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_for_growth(path: Path, process: subprocess.Popen[bytes], grown_by: int) -> None:
    """Until a file has grown, or the process has ended."""
    before = path.stat().st_size if path.exists() else 0
    while process.poll() is None:
        if path.exists() and path.stat().st_size >= before + grown_by:
            return
        time.sleep(0.002)


def outcome(state: Path) -> dict[str, tuple[str, int]]:
    """Alert id → (content, repeats) of the alert file; every id must stand there once."""
    alerts: dict[str, list] = {}
    for line in (state / "alerts.ndjson").read_text().splitlines():
        item = json.loads(line)
        if item["type"] == "riverguard.repeat.v1":
            alerts[item["id"]][1] = item["repeats"]
        else:
            assert item["id"] not in alerts
            alerts[item["id"]] = [json.dumps(item, sort_keys=True), 0]
    return {key: tuple(value) for key, value in alerts.items()}


def redis_ids(state: Path) -> list[str]:
    with EmbeddedRedis(state / "redis") as redis:
        found = AlertReader(RedisConfig(url=redis.url)).recent(1_000_000)
    return [content["id"] for _stream_id, content in found]


@pytest.fixture
def prepared(tmp_path, lines):
    events, config = tmp_path / "events.ndjson", tmp_path / "riverguard.yaml"
    events.write_bytes(lines)
    fx = ROOT / "config/lookups/fx.csv"
    # commits so often that every kill meets another moment of an epoch
    config.write_text(f"commit_every: 10ms\nfx: {fx}\n")
    return events, config


def test_kill_and_resume_give_the_same_alerts(prepared, pack_file, tmp_path):
    events, config = prepared
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(events, pack_file, whole, config)
    _out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    expected = outcome(whole)
    chance = random.Random(11)

    kills = 0
    for _attempt in range(4):
        process = start(events, pack_file, killed, config)
        wait_for_growth(killed / "alerts.ndjson", process, chance.randrange(1, 200_000))
        time.sleep(chance.random() * 0.05)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
    process = start(events, pack_file, killed, config)
    _out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err.decode()
    assert kills >= 2
    assert outcome(killed) == expected
    ids = redis_ids(killed)
    assert len(ids) == len(set(ids))
    assert set(ids) == set(expected)


def test_sigterm_stops_cleanly_and_resumes(prepared, pack_file, tmp_path):
    events, config = prepared
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    start(events, pack_file, whole, config).communicate(timeout=120)
    process = start(events, pack_file, stopped, config)
    wait_for_growth(stopped / "alerts.ndjson", process, 1)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err.decode()
    assert json.loads(out.splitlines()[-1])["events"] > 0

    start(events, pack_file, stopped, config).communicate(timeout=120)

    assert outcome(stopped) == outcome(whole)
