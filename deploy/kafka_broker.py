"""A real Kafka broker without Docker, for tests and benchmarks: one KRaft node on this machine."""

import contextlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.certificates import make_certificates
from deploy.kafka_settings import LISTENERS, PASSWORD, USERNAME, server_settings

ROOT = Path(__file__).resolve().parent.parent
LIB = ROOT / "build" / "kafka" / "lib"
_CLUSTER_ID = "cml2ZXJndWFyZC10ZXN0cw"
_STARTS_MAX = 3  # another process may take a port between our look and the broker's bind
_STOP_TIMEOUT_S = 30.0
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="kafka-starter")
_JAVA = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", f"{LIB}/*")


class BrokerUnavailableError(Exception):
    """No broker can be started here: no Java, no Maven, no network, or it ended at once."""


class KafkaBroker:
    """One Kafka broker that lives as long as this object; a context manager.

    Topics are not created by themselves and have one partition unless asked; a message may have
    16 MiB. Anonymous users may do everything; others may too, until an ACL names the resource.
    Where ``setpriv`` exists (Linux) the kernel kills the broker when this process is gone.

    Parameters
    ----------
    directory
        For data, certificates and ``kafka.log``; created when missing, kept on close. None uses a
        temporary one.
    advertised
        ``host:port`` of a proxy. The broker then has one more listener, at `proxied_port`, that
        sends its clients to this address.
    heap_mib
        Of the Java process.
    start_timeout_s
        How long a start may take, seconds.

    Attributes
    ----------
    bootstrap
        ``host:port`` without security.
    sasl_ssl_bootstrap
        The same with TLS and SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN as `USERNAME`, `PASSWORD`.
    ssl_bootstrap
        The same with TLS and a client's certificate.
    proxied_port
        Where the proxy must connect to, on 127.0.0.1; 0 without `advertised`.
    certificates
        The PEM files of `deploy.certificates`; `ca_path` is the authority's.
    log_path
        What the broker printed.

    Raises
    ------
    BrokerUnavailableError
        It cannot be fetched or does not start.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        advertised: str | None = None,
        heap_mib: int = 512,
        start_timeout_s: float = 60.0,
    ) -> None:
        fetch_kafka()
        with contextlib.ExitStack() as undo:
            if directory is None:
                directory = Path(tempfile.mkdtemp(prefix="riverguard-kafka-"))
                undo.callback(shutil.rmtree, directory, ignore_errors=True)
            self._directory = directory.resolve()
            self._advertised = advertised
            self._heap_mib = heap_mib
            self._start_timeout_s = start_timeout_s
            self._process: subprocess.Popen[bytes] | None = None
            self.log_path = self._directory / "kafka.log"
            self.certificates = make_certificates(self._directory / "certificates")
            self.ca_path = self.certificates.ca
            undo.callback(self.kill)  # after `stop` there is nothing left to kill
            undo.callback(self.stop)
            for attempt in range(_STARTS_MAX):
                self._configure()
                try:
                    self.start()
                except BrokerUnavailableError:
                    if attempt == _STARTS_MAX - 1 or "Address already in use" not in self._log():
                        raise
                else:
                    break
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
        """Stop, and remove a temporary directory."""
        self._stack.close()

    def start(self) -> None:
        """Start where it is stopped; return when it serves clients.

        Raises
        ------
        BrokerUnavailableError
            It ended, or did not answer in time.
        """
        command = [*_parent_death(), "java", f"-Xmx{self._heap_mib}m", *_JAVA]
        command += ["kafka.Kafka", str(self._directory / "server.properties")]
        with self.log_path.open("wb") as log:
            # from a thread that lives as long as we do: its end is the broker's
            self._process = _STARTER.submit(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests
            ).result()
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Shut down in order; harmless when it is not running."""
        if self._process is None:
            return
        self.resume()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_TIMEOUT_S)
        self.kill()

    def kill(self) -> None:
        """End it with SIGKILL; harmless when it is not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop and start; data and addresses stay."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _configure(self) -> None:
        """Choose addresses, write the settings and format the storage."""
        names = [name for name in LISTENERS if name != "PROXIED" or self._advertised]
        ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self.bootstrap, self.sasl_ssl_bootstrap, self.ssl_bootstrap = (
            f"127.0.0.1:{ports[name]}" for name in ("PLAINTEXT", "SASL_SSL", "SSL")
        )
        self.proxied_port = ports.get("PROXIED", 0)
        data = self._directory / "data"
        path = self._directory / "server.properties"
        path.touch(mode=0o600)
        settings = server_settings(data, ports, self._advertised, self.certificates)
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        if (data / "meta.properties").exists():
            return
        command = ["java", *_JAVA, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID]
        command += ["-c", str(path)]
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            command += ["--add-scram", f'{mechanism}=[name={USERNAME},password="{PASSWORD}"]']
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own
        if done.returncode:
            raise BrokerUnavailableError(f"Kafka cannot format {data}: {done.stderr.decode()}")

    def _wait(self) -> None:
        """Return when the broker has answered a client."""
        assert self._process is not None
        deadline = time.monotonic() + self._start_timeout_s
        host, _, port = self.bootstrap.partition(":")
        while True:
            try:
                # A plain connection first: a client would print that it was refused.
                socket.create_connection((host, int(port)), 1.0).close()
                AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}).list_topics(
                    timeout=5.0
                )
            except (OSError, KafkaException) as error:
                why = str(error)
            else:
                return
            if self._process.poll() is not None:
                why = f"it ended with code {self._process.returncode}"
            elif time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            raise BrokerUnavailableError(f"Kafka did not start: {why}\n{self._log()[-3000:]}")

    def _log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


def fetch_kafka() -> None:
    """Bring the broker's jars into `LIB`; quick when they are there.

    Raises
    ------
    BrokerUnavailableError
        Java or Maven is missing, or the download failed.
    """
    if shutil.which("java") is None:
        raise BrokerUnavailableError("Java 17 or later is needed to run Kafka")
    command = ["sh", str(ROOT / "deploy" / "kafka.sh")]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own script
    if done.returncode:
        raise BrokerUnavailableError(f"Kafka cannot be fetched: {done.stderr.decode()[-3000:]}")


def _parent_death() -> list[str]:
    setpriv = shutil.which("setpriv")
    if setpriv:
        return [setpriv, "--pdeathsig", "KILL"]
    return []


def _free_ports(count: int) -> list[int]:
    """Return ports below the range that the kernel hands out to outgoing connections."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found
