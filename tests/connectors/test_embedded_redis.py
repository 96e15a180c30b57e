"""The embedded server: its data comes back, nothing of it stays behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from connectors.embedded_redis import URL_FILE, EmbeddedRedis, find_url
from models.errors import ConfigError

ROOT = Path(__file__).parents[2]

OWNER = """
import sys, threading
from pathlib import Path
from connectors.embedded_redis import EmbeddedRedis
def start():
    server = EmbeddedRedis(Path(sys.argv[1]))
    print(server.pid, server.url, flush=True)
    keep.append(server)
keep = []
if sys.argv[2] == "thread":
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
else:
    start()
sys.stdin.read()
"""


def connect(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, protocol=2)


def put(url: str, key: str) -> None:
    with connect(url) as client:
        client.set(key, "here")


def get(url: str, key: str) -> bytes | None:
    with connect(url) as client:
        return client.get(key)


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody reaps does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def test_the_data_survives_a_reopen_and_no_process_does(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "new" / "data") as server:
        put(server.url, "a")
        assert alive(server.pid)
    assert not alive(server.pid)
    assert not Path(server.url.removeprefix("unix://")).parent.exists()
    with EmbeddedRedis(tmp_path / "new" / "data") as again:
        assert get(again.url, "a") == b"here"
    server.close()  # twice is harmless


def test_the_server_is_persistent_and_private(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        config = client.config_get("*")
        socket = Path(server.url.removeprefix("unix://"))
        assert (config["appendonly"], config["appendfsync"]) == ("yes", "everysec")
        assert config["port"] == "0"
        assert socket.stat().st_mode & 0o077 == 0
        assert socket.parent.stat().st_mode & 0o077 == 0


def test_without_a_directory_nothing_stays() -> None:
    with EmbeddedRedis() as server:
        put(server.url, "a")
    assert not alive(server.pid)
    assert not server.directory.exists()


def test_a_killed_server_does_not_block_the_next(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        put(server.url, "a")
        os.kill(server.pid, signal.SIGKILL)
    with EmbeddedRedis(tmp_path) as again:
        assert get(again.url, "a") == b"here"


@pytest.mark.parametrize("start", ["main", "thread"])
def test_a_killed_owner_does_not_block_the_next(tmp_path: Path, start: str) -> None:
    """A server started from another thread outlives its owner; the next start stops it."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), start],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as owner:
        pid, url = owner.stdout.readline().split()
        assert find_url(tmp_path) == url
        put(url, "a")
        with pytest.raises(ConfigError, match="in use by another"):
            EmbeddedRedis(tmp_path)
        assert get(url, "a") == b"here", "the refused start must leave the server alone"
        owner.kill()
    if start == "main" and shutil.which("setpriv"):
        assert until(lambda: not alive(int(pid)))
    elif start == "thread":
        assert alive(int(pid))
    with EmbeddedRedis(tmp_path) as again:
        assert again.url != url
        assert not alive(int(pid))
        assert get(again.url, "a") == b"here"
        assert not Path(url.removeprefix("unix://")).parent.exists()


def test_ctrl_c_is_for_us_alone(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert os.getpgid(server.pid) != os.getpgid(0)


def test_another_process_finds_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no embedded Redis runs"):
        find_url(tmp_path)
    with EmbeddedRedis(tmp_path) as server:
        assert find_url(tmp_path) == server.url == (tmp_path / URL_FILE).read_text()
    with pytest.raises(ConfigError, match="no embedded Redis runs"):
        find_url(tmp_path)


def test_long_and_odd_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / ("long " * 20) / 'with "quotes" % 25'
    (odd / "tmp").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(odd / "tmp"))
    for _ in range(2):
        with EmbeddedRedis(odd) as server:
            put(server.url, "a")
            assert get(find_url(odd), "a") == b"here"
    with tempfile.TemporaryDirectory(prefix="rg %41 ", dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        with EmbeddedRedis(odd) as server:
            assert server.url.startswith("unix:///tmp/rg%20%2541%20")
            put(server.url, "a")


def test_a_server_that_cannot_start_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*3\r\nnonsense that is no command at all\r\n" * 9)
    with pytest.raises(ConfigError, match=r"did not start.*ended with code 1") as raised:
        EmbeddedRedis(tmp_path)
    assert "redis-check-aof" in raised.value.hint
    assert "append only file" in raised.value.message
    assert not (tmp_path / URL_FILE).exists()
    (tmp_path / "appendonly.aof").unlink()
    EmbeddedRedis(tmp_path).close()  # the failed start left no lock behind

    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot create"):
        EmbeddedRedis(tmp_path / "file" / "data")
