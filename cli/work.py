"""One process of `riverguard run`: its source, its sinks, its part of the flow."""

import logging
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import orjson

from cli.deployment import load
from cli.errors import report
from cli.outside import outside, source
from cli.state import sealer
from config.settings import Settings
from dataflows.adoption import PLAN_WAIT_S, adopted
from dataflows.breaker import Breaker
from dataflows.cluster import EXIT_CONFIG, EXIT_CRASH, EXIT_FATAL, Watchdog, end_with_supervisor
from dataflows.counters import Counters
from dataflows.execute import Member, execute
from dataflows.guarding import Guard
from dataflows.score import Run
from dataflows.shared import Shared
from dataflows.state import StateStore
from models.errors import ConfigError, DeliveryError, RiverguardError
from models.planning.blueprint import Blueprint


def addresses_of(settings: Settings) -> list[str]:
    """``host:port`` of every process, host by host; none where there is one process."""
    every = [
        f"{host}:{settings.port + number}"
        for host in settings.hosts
        for number in range(settings.processes)
    ]
    return every if len(every) > 1 else []


def recovery_of(settings: Settings, host: int) -> Path:
    """The engine's store: on the first host the deployment's, elsewhere an empty one."""
    return settings.state / ("recovery" if host == 0 else f"recovery-host-{host}")


def work(config: Path | None, index: int, *, until_end: bool) -> None:
    """Run process `index` of the deployment to its end; ends the process on any error."""
    end_with_supervisor()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings, blueprint = load(None, config)
        _run(settings, blueprint, index, until_end=until_end)
    except BaseException as error:  # noqa: BLE001 - the process ends, with a code that says why
        end(error)


def _run(settings: Settings, blueprint: Blueprint, index: int, *, until_end: bool) -> None:
    addresses = addresses_of(settings)
    # the first host takes the state over before it starts anything; others may be earlier
    patience_s = PLAN_WAIT_S if index >= settings.processes else 0.0
    blueprint = adopted(settings.state, blueprint, settings.ordering, patience_s)
    watchdog = Watchdog(settings.hang_after_ms / 1000)
    store = StateStore(settings.state / "state", alone=not addresses, sealer=sealer())
    counters = Counters()
    breaker = Breaker(settings.poison_limit)
    shared = Shared(blueprint, settings.ordering, store, counters, breaker=breaker)
    shared.progress.committed = watchdog.committed
    run = Run(shared, settings.idle_after_ms / 1000, guard=Guard(end))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: run.stopping.set())
    sinks = outside(settings)
    events = source(settings, until_end=until_end)
    member = Member(index, addresses, recovery_of(settings, index // settings.processes))
    began = time.monotonic()
    execute(events, sinks.outlets, (settings.state, run), settings.commit_every_ms, member)
    sinks.close()
    store.close()
    progress = shared.progress
    summary = counters.summary() | {
        "seconds": round(time.monotonic() - began, 3),
        "cpu_seconds": round(time.process_time(), 3),
        "close_ms_p50": progress.close_ms(0.5),
        "close_ms_p99": progress.close_ms(0.99),
    }
    print(orjson.dumps(summary).decode(), flush=True)  # noqa: T201


def end(error: BaseException) -> None:
    """Tell of an error and end this process at once: nothing more may be committed."""
    if isinstance(error, RiverguardError):
        report(error)
    else:
        traceback.print_exception(error)
    sys.stderr.flush()
    if isinstance(error, ConfigError):
        os._exit(EXIT_CONFIG)
    if isinstance(error, RiverguardError) and not isinstance(error, DeliveryError):
        os._exit(EXIT_FATAL)
    os._exit(EXIT_CRASH)
