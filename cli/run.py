"""`riverguard run`: the production job, Kafka to Kafka and Redis, on every core of every host."""

import sys
import time
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console

from cli.deployment import SETTINGS, load
from cli.signals import stop_on_signals
from cli.state import change_lines, sealer
from cli.work import addresses_of, recovery_of
from config.settings import Settings
from dataflows.adoption import take_up
from dataflows.cluster import EXIT_GOOD, Supervisor, lock
from dataflows.identity import make_identity
from dataflows.recovery import sweep
from models.errors import ConfigError

_LARGEST: Final = frozenset({"seconds", "close_ms_p50", "close_ms_p99"})
"""Counters of which the largest counts; the others are added up."""


def run(config: Path | None, host: str | None, *, until_end: bool) -> int:
    """Run this host's processes; return the exit code.

    Parameters
    ----------
    config
        Settings.
    host
        Which of `hosts` this is; may be left out where there is one.
    until_end
        End when the topic has been read to the end that it has now.
    """
    settings, blueprint = load(None, config)
    number = _number(settings, host)
    console = Console(stderr=True)

    def say(line: str) -> None:
        console.print(f"riverguard: {line}", highlight=False, soft_wrap=True)

    def prepare() -> None:
        recovery = recovery_of(settings, number)
        if number == 0:
            make_identity(settings.state)
            taken = take_up(settings.state, blueprint, settings.ordering, sealer())
            if taken.changed:
                for line in change_lines(taken):
                    say(line)
            sweep(recovery, settings.state / "state")
        else:
            recovery.mkdir(parents=True, exist_ok=True)

    def command(process: int) -> list[str]:
        index = number * settings.processes + process
        words = [sys.executable, "-m", "cli", "work", str(index)]
        words += ["--config", str(config or SETTINGS)]
        return [*words, "--until-end"] if until_end else words

    held = lock(settings.state / f"lock-{number}")
    supervisor = Supervisor(command, settings.processes, prepare, say, inherited=(held,))
    stop_on_signals(supervisor.stopping)
    if settings.is_development:
        say("secret is the public one of the shipped settings: for development only")
    every = len(addresses_of(settings)) or 1
    say(f"{settings.processes} of {every} processes, state in {settings.state}")
    began = time.monotonic()
    code = supervisor.run()
    seconds = time.monotonic() - began
    print(orjson.dumps(_summary(supervisor, seconds, code)).decode(), flush=True)  # noqa: T201
    return code


def _number(settings: Settings, host: str | None) -> int:
    if host is None and len(settings.hosts) == 1:
        return 0
    if host not in settings.hosts:
        raise ConfigError(
            f"hosts are {', '.join(settings.hosts)}, this one was named {host or 'not at all'}",
            hint="riverguard run --host NAME",
        )
    return settings.hosts.index(host)


def _summary(supervisor: Supervisor, seconds: float, code: int) -> dict[str, Any]:
    """The processes' counters since the last start, added up."""
    totals: dict[str, Any] = {}
    for output in supervisor.outputs:
        # a process that did not end well has no summary
        lines = [line for line in output.splitlines() if line.startswith(b'{"events":')]
        found = orjson.loads(lines[-1]) if lines else {}
        for name, value in found.items():
            before = totals.get(name, 0)
            totals[name] = max(before, value) if name in _LARGEST else before + value
    return totals | {
        "restarts": supervisor.restarts,
        "stopped": "good" if code == EXIT_GOOD else "problem",
        "wall_seconds": round(seconds, 3),
    }
