"""`riverguard tick`: tell every partition of the topic of events what time it is, until stopped."""

import threading
import time
from pathlib import Path

from rich.console import Console

from cli.deployment import load
from cli.outside import kafka_config
from cli.signals import stop_on_signals
from config.durations import duration_ms
from connectors.kafka_ticks import KafkaTicks
from models.errors import ConfigError


def tick(config: Path | None, every: str, behind: str) -> None:
    """Send ticks until a signal comes.

    Parameters
    ----------
    every
        From one to the next, as a duration.
    behind
        How far behind the clock they are: what is older has surely come.
    """
    every_ms, behind_ms = _duration("--every", every, 100), _duration("--behind", behind, 0)
    settings, blueprint = load(None, config)
    keys = blueprint.schema.keys
    ticks = KafkaTicks(kafka_config(settings), settings.kafka.topics.events, keys)
    stopping = threading.Event()
    stop_on_signals(stopping)
    said = False
    while not stopping.is_set():
        now_ms = time.time_ns() // 1_000_000
        # whole steps, so that several writers tell the same times
        partitions = ticks.send((now_ms - behind_ms) // every_ms * every_ms)
        if not said:
            line = f"riverguard: ticks to {partitions} partitions every {every}, {behind} behind"
            Console(stderr=True).print(line, highlight=False, soft_wrap=True)
            said = True
        stopping.wait(every_ms / 1000 - now_ms % every_ms / 1000)


def _duration(option: str, text: str, least_ms: int) -> int:
    found = duration_ms(text)
    if found is None:
        raise ConfigError(f"{option} {text} is not a duration", hint="write 10s, 5m or 1h")
    if found < least_ms:
        raise ConfigError(f"{option} {text} is too short", hint=f"{least_ms}ms or more")
    return found
