"""A Debian ``redis-server`` as in production: on disk, with TLS, killed and paused at will."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from redis.exceptions import RedisError

from connectors.redis import RedisConfig
from deploy.certificates import Certificates, make_certificates

START_TIMEOUT_S = 30.0


@dataclass
class RedisServer:
    """A server on a unix socket, and with TLS on 127.0.0.1; its data outlives `kill`.

    Attributes
    ----------
    directory
        For data, socket and log; a short path, a socket's name has 107 bytes at most.
    settings
        Of redis.conf, beside appendonly yes and appendfsync always.
    """

    directory: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"unix://{self.directory}/redis.sock"

    def config(self, **changes) -> RedisConfig:
        return RedisConfig(**{"url": self.url, "patience_s": 60.0, **changes})

    def admin(self) -> "redis.Redis":
        return redis.Redis.from_url(self.url, protocol=2)

    def start(self) -> None:
        settings = {
            "port": "0",
            "unixsocket": str(self.directory / "redis.sock"),
            "dir": str(self.directory),
            "logfile": str(self.directory / "redis.log"),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            **self.settings,
        }
        command = [executable()]
        for name, value in settings.items():
            command += [f"--{name}", *value.split()]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        with self.admin() as client:
            while True:
                with contextlib.suppress(RedisError):
                    client.ping()
                    return
                log = self.directory / "redis.log"
                assert self.process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.005)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def executable() -> str:
    """Return the path of redis-server; without one fail under CI, else skip."""
    found = shutil.which("redis-server")
    if found is None:
        reason = "no redis-server on PATH; apt-get install redis-server"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextlib.contextmanager
def running(directory: Path, **settings: str) -> Iterator[RedisServer]:
    """Run a server; underscores in the settings' names stand for hyphens."""
    names = {name.replace("_", "-"): value for name, value in settings.items()}
    server = RedisServer(directory, names)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def production_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path) as server:
        yield server


@contextlib.contextmanager
def running_tls(directory: Path) -> Iterator[tuple[str, Certificates]]:
    """Run a server that asks every client for a certificate; its url and the certificates."""
    certificates = make_certificates(directory)
    server = str(certificates.server)
    for attempt in range(5):
        port = free_port()
        settings = {
            "bind": "127.0.0.1 127.0.0.2",
            "tls_port": str(port),
            "tls_cert_file": server,
            "tls_key_file": server,
            "tls_ca_cert_file": str(certificates.ca),
        }
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(running(directory, **settings))
            except AssertionError:
                # Another process may have taken the port since we saw it free.
                if attempt == 4:
                    raise
                continue
            yield f"rediss://localhost:{port}", certificates
            return
