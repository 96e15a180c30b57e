"""The processes of one host: as one they start, fail, start again and stop."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import dataflows.cluster
from dataflows.cluster import (
    EXIT_CONFIG,
    EXIT_CRASH,
    EXIT_FATAL,
    EXIT_GOOD,
    EXIT_PROBLEM,
    SUPERVISOR,
    Supervisor,
    lock,
)
from models.errors import StateError

ROOT = Path(__file__).resolve().parents[2]
FOR_EVER = "import time\ntime.sleep(600)"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(dataflows.cluster, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(dataflows.cluster, "PEERS_S", 0.05)


@pytest.fixture
def supervised(tmp_path):
    """A supervisor of small programs; each notes its process id in a file."""
    said, prepared = [], []

    def make(*programs, grace_s=30.0):
        def command(number):
            path = str(tmp_path / f"pid-{number}")
            note = f"import os\nwith open({path!r}, 'w') as f: print(os.getpid(), file=f)\n"
            return [sys.executable, "-S", "-c", note + programs[number]]

        found = Supervisor(
            command, len(programs), lambda: prepared.append(len(prepared)), said.append, grace_s
        )
        found.said, found.prepared = said, prepared
        return found

    return make


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pid_of(path):
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def test_all_good_is_good_and_outputs_are_kept(supervised):
    supervisor = supervised("print('a' * 200_000)", "print('b')")

    assert supervisor.run() == EXIT_GOOD
    assert [len(supervisor.outputs[0]), supervisor.outputs[1]] == [200_001, b"b\n"]
    assert (supervisor.restarts, len(supervisor.prepared), supervisor.said) == (0, 1, [])


def test_one_that_dies_takes_the_others_with_it_and_all_start_again(supervised, tmp_path):
    again = tmp_path / "again"
    head = f"import sys, time\nfrom pathlib import Path\np = Path({str(again)!r})\n"
    dies = """
runs = int(p.read_text()) if p.exists() else 0
p.write_text(str(runs + 1))
sys.exit(70 if runs < 2 else 0)
"""
    stays = "while not p.exists() or p.read_text() != '3': time.sleep(0.01)"
    supervisor = supervised(head + dies, head + stays)

    assert supervisor.run() == EXIT_GOOD
    assert (supervisor.restarts, len(supervisor.prepared)) == (2, 3)
    assert all("code 70, signal SIGKILL" in line for line in supervisor.said)
    delays = [line.rpartition("in ")[2] for line in supervisor.said]
    assert delays == ["0.01 s", "0.02 s"]


def test_a_start_that_finds_no_room_is_tried_again_but_not_the_first(supervised):
    supervisor, codes = supervised(""), iter([[EXIT_CRASH], [EXIT_GOOD]])
    supervisor._once = lambda: next(codes)
    tries = iter([None, OSError("no room"), sqlite3.OperationalError("disk is full"), None])

    def prepare():
        if error := next(tries):
            raise error

    supervisor.prepare = prepare

    assert supervisor.run() == EXIT_GOOD
    told = [line for line in supervisor.said if line.startswith("cannot start")]
    assert told == ["cannot start: no room", "cannot start: disk is full"]
    tries, supervisor.restarts = iter([OSError("no room")]), 0
    with pytest.raises(OSError, match="no room"):
        supervisor.run()


def test_the_delay_grows_to_a_limit_and_begins_anew_after_a_long_run(supervised, monkeypatch):
    monkeypatch.setattr(dataflows.cluster, "LONGEST_DELAY_S", 0.02)
    supervisor = supervised("")
    lasted = iter([0, 0, 0, 0, 1000, 0])
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def once():
        try:
            clock[0] += next(lasted)
        except StopIteration:
            return [EXIT_GOOD]
        return [EXIT_CRASH]

    supervisor._once = once

    assert supervisor.run() == EXIT_GOOD
    delays = [line.rpartition("in ")[2] for line in supervisor.said]
    assert delays == ["0.01 s", "0.02 s", "0.02 s", "0.02 s", "0.01 s", "0.02 s"]


@pytest.mark.parametrize(
    ("code", "expected"), [(EXIT_CONFIG, EXIT_CONFIG), (EXIT_FATAL, EXIT_PROBLEM)]
)
def test_what_would_go_wrong_again_is_not_tried_again(supervised, code, expected, tmp_path):
    supervisor = supervised(FOR_EVER, f"import sys\nsys.exit({code})")

    assert supervisor.run() == expected
    assert supervisor.restarts == 0
    assert not is_running(pid_of(tmp_path / "pid-0"))


ORDERLY = """
import signal, sys, time
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
print('ready', flush=True)
open({path!r}, 'w').close()
while not stopped: time.sleep(0.01)
print('stopped')
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({path!r}, 'w').close()
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("second", "grace_s", "expected"), [(ORDERLY, 30.0, EXIT_GOOD), (STUBBORN, 0.3, EXIT_PROBLEM)]
)
def test_a_stop_asks_all_and_ends_those_that_do_not_listen(
    supervised, tmp_path, second, grace_s, expected
):
    ready = [tmp_path / "ready-0", tmp_path / "ready-1"]
    programs = [
        program.format(path=str(path))
        for program, path in zip((ORDERLY, second), ready, strict=True)
    ]
    supervisor = supervised(*programs, grace_s=grace_s)
    codes = []
    thread = threading.Thread(target=lambda: codes.append(supervisor.run()))
    thread.start()
    wait_until(lambda: all(path.exists() for path in ready))

    supervisor.stopping.set()
    thread.join(60)

    assert codes == [expected]
    assert supervisor.outputs[0] == b"ready\nstopped\n"
    assert supervisor.restarts == 0
    assert not any(is_running(pid_of(tmp_path / f"pid-{number}")) for number in (0, 1))


def test_a_stop_ends_the_waiting_for_a_restart(supervised, monkeypatch):
    monkeypatch.setattr(dataflows.cluster, "FIRST_DELAY_S", 600)
    supervisor = supervised("import sys\nsys.exit(70)")
    codes = []
    thread = threading.Thread(target=lambda: codes.append(supervisor.run()))
    thread.start()
    wait_until(lambda: supervisor.said)

    supervisor.stopping.set()
    thread.join(60)

    assert codes == [EXIT_GOOD]
    assert len(supervisor.prepared) == 1


def test_a_stop_before_the_start_starts_nothing(supervised):
    supervisor = supervised(FOR_EVER)
    started = []
    supervisor._once = lambda: started.append(1) or [EXIT_GOOD]
    supervisor.stopping.set()

    assert supervisor.run() == EXIT_GOOD
    assert not started
    assert supervisor.restarts == 0


def test_a_stop_that_finds_nobody_listening_yet_is_good(supervised, tmp_path):
    supervisor = supervised(FOR_EVER)
    codes = []
    thread = threading.Thread(target=lambda: codes.append(supervisor.run()))
    thread.start()
    pid = pid_of(tmp_path / "pid-0")

    supervisor.stopping.set()
    thread.join(60)

    assert codes == [EXIT_GOOD]
    assert not is_running(pid)


def child(program):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_watchdog_ends_a_process_that_does_not_commit():
    process = child(
        "from dataflows.cluster import Watchdog\nimport time\n"
        "dog = Watchdog(0.2)\ntime.sleep(0.6)\nprint('not before the first', flush=True)\n"
        "for _ in range(6):\n    dog.committed()\n    time.sleep(0.05)\n"
        "print('not while it commits', flush=True)\ntime.sleep(600)"
    )
    out, err = process.communicate(timeout=60)

    assert process.returncode == EXIT_CRASH
    assert out.splitlines() == ["not before the first", "not while it commits"]
    assert "nothing was committed for 0.2 s" in err


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent death signal is Linux's")
def test_a_process_ends_with_its_parent():
    inner = (
        "from dataflows.cluster import end_with_supervisor as ends\nimport os, time\nends()\n"
        "print(os.getpid(), flush=True)\ntime.sleep(600)"
    )
    parent = child(
        f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {inner!r}])\n"
        "time.sleep(600)"
    )
    pid = int(parent.stdout.readline())
    assert is_running(pid)

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    wait_until(lambda: not is_running(pid))
    parent.stdout.close()
    parent.stderr.close()


def test_a_process_whose_supervisor_is_already_gone_ends():
    code = "from dataflows.cluster import end_with_supervisor as ends\nends()\nprint('lives')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), SUPERVISOR: "1"},
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (EXIT_CRASH, b"")


def test_a_state_directory_has_one_run_until_its_last_process_is_gone(tmp_path):
    held = lock(tmp_path / "lock-0")
    process = subprocess.Popen([sys.executable, "-c", "input()"], pass_fds=[held],
                               stdin=subprocess.PIPE)  # fmt: skip
    os.close(held)
    with pytest.raises(StateError, match="used by another run"):
        lock(tmp_path / "lock-0", patience_s=0.0)

    process.communicate(b"\n")

    os.close(lock(tmp_path / "lock-0", patience_s=0.0))
