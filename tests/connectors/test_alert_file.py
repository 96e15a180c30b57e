"""The alert file: one line per alert over every crash, and no lost line unnoticed."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.alert_file import AlertFile
from models.errors import ConfigError, DeliveryError, StateError
from models.records import Repeat

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.ndjson"


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may pass 1.5 MB: the same OSError path as a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def ids(path: Path) -> list[str]:
    return [orjson.loads(line)["id"] for line in path.read_bytes().splitlines()]


def test_lines_are_the_alerts_content_and_the_repeats(path, alert) -> None:
    sink = AlertFile(path)
    sink.write([alert(1), Repeat(alert(1).id, 3, 99), alert(2)])
    sink.flush()
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    sink.close()
    repeat = {"type": "riverguard.repeat.v1", "id": alert(1).id, "repeats": 3, "last_ms": 99}
    assert lines == [alert(1).content, repeat, alert(2).content]


def test_a_replay_after_a_crash_adds_only_what_is_missing(path, alert) -> None:
    sink = AlertFile(path)
    sink.write([alert(1), alert(2), Repeat(alert(1).id, 2, 50)])
    sink.flush()
    sink.write([alert(3)])
    sink.close()  # without flush, as in a crash: alert 3 is lost

    sink = AlertFile(path)
    again = [alert(2, reason="other"), Repeat(alert(1).id, 2, 50), alert(3), alert(3)]
    sink.write([*again, Repeat(alert(1).id, 1, 40), Repeat(alert(1).id, 4, 60)])
    sink.flush()
    assert (sink.written, sink.refused) == (2, 4)
    sink.close()
    assert ids(path) == [alert(n).id for n in (1, 2, 1, 3, 1)]
    assert b"other" not in path.read_bytes(), "the first write wins"


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 2000))
def test_a_file_cut_anywhere_is_completed_by_the_replay(tmp_path_factory, alert, cut) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.ndjson"
    path.unlink(missing_ok=True)
    items = [alert(1), alert(2), Repeat(alert(2).id, 5, 9), alert(3, reason="naïve \n 一")]
    sink = AlertFile(path)
    sink.write(items)
    sink.flush()
    sink.close()
    whole = path.read_bytes()
    os.truncate(path, min(cut, len(whole)))

    sink = AlertFile(path)
    sink.write(items)
    sink.flush()
    sink.close()

    assert path.read_bytes() == whole


def test_a_killed_process_loses_nothing_it_flushed(path, alert) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from connectors.alert_file import AlertFile
from models.records import Repeat
sink = AlertFile(Path(sys.argv[1]))
sink.write([Repeat("flushed", 1, 1)])
sink.flush()
sink.write([Repeat(f"{n:0900}", 1, 1) for n in range(2000)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False, cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL
    sink = AlertFile(path)  # the lock died with the process
    sink.write([Repeat("flushed", 1, 1), *(Repeat(f"{n:0900}", 1, 1) for n in range(2000))])
    sink.flush()
    assert 0 < sink.written < 2000
    sink.close()
    assert ids(path) == ["flushed", *(f"{n:0900}" for n in range(2000))]


def test_a_full_disk_is_a_delivery_error_and_stays_one(path, alert, small_disk) -> None:
    sink = AlertFile(path)
    sink.write([alert(n, reason="x" * 900) for n in range(900)])
    sink.flush()
    sink.write([alert(n, reason="x" * 900) for n in range(900, 1800)])
    with pytest.raises(DeliveryError, match=r"alerts\.ndjson") as raised:
        sink.flush()
    assert isinstance(raised.value.__cause__, OSError)
    assert "free some space" in raised.value.hint
    with pytest.raises(DeliveryError, match="already failed"):
        sink.flush()
    sink.close()


def test_after_a_full_disk_the_replay_completes_the_file(path, alert, request) -> None:
    request.getfixturevalue("small_disk")
    items = [alert(n, reason="x" * 900) for n in range(1800)]
    sink = AlertFile(path)
    sink.write(items)
    with pytest.raises(DeliveryError):
        sink.flush()
    sink.close()
    assert not path.read_bytes().endswith(b"\n"), "the test wants a torn line"
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    sink = AlertFile(path)
    sink.write(items)
    sink.flush()
    sink.close()
    assert ids(path) == [item.id for item in items]


def test_flush_reaches_the_disk(path, alert, monkeypatch) -> None:
    synced = []
    sink = AlertFile(path)
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    sink.write([alert(1)])
    sink.flush()
    sink.close()
    assert synced == [path.stat().st_size] != [0]


def test_two_sinks_on_one_file_are_refused(path) -> None:
    sink = AlertFile(path)
    with pytest.raises(ConfigError, match="another sink"):
        AlertFile(path)
    sink.close()
    AlertFile(path).close()


@pytest.mark.parametrize(
    "content",
    [
        b'{"event_id":"tx-1"}\n',
        b'{"type":"payment","id":"1"}\n',
        b'{"type":"payment","id":"1"}',
        b"notes of mine",
        b"[]\n",
        b'{"type":"riverguard.alert.v1"\n',
        b"{}\n{",
    ],
)
def test_a_file_of_someone_else_is_not_touched(path, content) -> None:
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"line 1 of .* was not written by this sink"):
        AlertFile(path)
    assert path.read_bytes() == content


def test_a_place_that_cannot_hold_the_file_is_a_config_error(tmp_path) -> None:
    for bad in (tmp_path / "missing" / "a", tmp_path, Path("/dev/null")):
        with pytest.raises(ConfigError):
            AlertFile(bad)
