"""The ways in which a torture run maltreats the engine and what it meets."""

import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.torture.disk import SmallDisk
from benchmarks.torture.engine import DEADLINE_S, Engine, wait_until
from benchmarks.torture.outside import Redis
from benchmarks.torture.proxy import Proxy
from deploy.kafka_broker import KafkaBroker

PROCESSES: Final = (1, 1, 2, 2, 4)
PATIENCE_S: Final = 2.0
"""With Redis, in a run that has "redis down"."""
RESTART_S: Final = 5.0
"""An engine that has put off its next start for longer is started anew."""
CLOCK_OFF_S: Final = 4 * 3600.0
"""How far the wall clock may be off, either way."""
CLOCK_AHEAD_S: Final = 3000.0
"""A broker refuses alerts from an hour ahead of its own clock, so that is not for long."""
BLOWS: Final = {
    "kill one": 5, "kill all": 3, "kill supervisor": 3, "terminate": 2, "kill at close": 3,
    "kill at base": 1, "kill at start": 2, "broker restart": 1, "broker pause": 1,
    "redis restart": 1, "redis pause": 1, "broker cut": 1, "redis cut": 1, "redis down": 2,
    "full disk": 2, "clock jump": 2,
}  # fmt: skip
"""Ways to maltreat, and how often each is chosen."""
SPECIAL: Final = ("redis down", "full disk", "clock jump")
"""Those that need a run prepared for them."""


@dataclass
class Scene:
    """One run's parts.

    Attributes
    ----------
    to_broker, to_redis
        Through which the engine reaches them.
    disk
        Which holds the engine's state, in a run that has "full disk".
    left_out
        Blow that is not possible here → why.
    ended
        How often the processes ended by themselves during a blow.
    """

    broker: KafkaBroker
    redis: Redis
    to_broker: Proxy
    to_redis: Proxy
    engine: Engine
    left_out: dict[str, str]
    disk: SmallDisk | None = None
    kills: int = 0
    blows: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)


def dealt(seed: int, special: Sequence[str]) -> Iterator[tuple[str, random.Random]]:
    """Blows by their weights, without end; each with what it may draw from.

    Parameters
    ----------
    seed
        Of all: nothing that happens in a run changes what is dealt next.
    special
        Of `SPECIAL`, what the run is prepared for.
    """
    chance = random.Random(f"blows {seed}")
    weights = {kind: n for kind, n in BLOWS.items() if kind not in SPECIAL or kind in special}
    while True:
        kind = chance.choices(list(weights), list(weights.values()))[0]
        yield kind, random.Random(chance.random())


def in_turn(seed: int, only: Sequence[str]) -> Iterator[tuple[str, random.Random]]:
    """The same, but these one after the other."""
    chance = random.Random(f"blows {seed}")
    for kind in itertools.cycle(only):
        yield kind, random.Random(chance.random())


def blow(scene: Scene, kind: str, chance: random.Random) -> None:
    """Maltreat once."""
    if kind in scene.left_out:
        return
    engine = scene.engine
    scene.blows[kind] += 1
    if not engine.running:
        engine.start(chance.choice(PROCESSES))
    if kind == "kill at start":
        time.sleep(chance.random() * 2.5)
        scene.kills += engine.kill_workers(chance, every=True) > 0
        return
    go_on(engine, chance)
    time.sleep(chance.random() * 1.2)
    if kind.startswith("kill"):
        kill(scene, kind, chance)
        return
    if kind == "terminate":
        engine.terminate()
        return
    workers = engine.workers()
    if kind == "clock jump":
        set_clock(scene, chance)
    elif kind == "full disk":
        fill_disk(scene, chance)
    else:
        cut_off(scene, kind, chance)
    scene.ended[kind] += engine.lost(workers)


def go_on(engine: Engine, chance: random.Random) -> None:
    """Wait until the engine commits; do not wait long for the next start that it has put off."""
    if not engine.commits(RESTART_S) and not engine.workers():
        engine.terminate()
        engine.start(chance.choice(PROCESSES))
    assert engine.commits(), f"no commit in {DEADLINE_S:g} s: {engine.folder}"


def kill(scene: Scene, kind: str, chance: random.Random) -> None:
    """End processes by SIGKILL."""
    engine = scene.engine
    if kind == "kill supervisor":
        engine.kill_supervisor()
        scene.kills += 1
        return
    every = kind == "kill all"
    if kind in {"kill at close", "kill at base"}:
        what = "log" if kind == "kill at close" else "base"
        before = engine.files(what)
        wait_until(lambda: bool(engine.files(what) - before), 12)
        every = chance.random() < 0.5
    scene.kills += engine.kill_workers(chance, every=every) > 0


def cut_off(scene: Scene, kind: str, chance: random.Random) -> None:
    """Take the broker or Redis away for a while."""
    seconds = 0.5 + 2.5 * chance.random()
    redis = scene.redis
    if kind == "redis restart":
        redis.kill()
        time.sleep(seconds / 3)
        redis.start()
    elif kind == "redis down":
        redis.kill()
        time.sleep(PATIENCE_S + 1 + chance.random())
        redis.start()
    elif kind == "redis pause":
        redis.signal(signal.SIGSTOP)
        time.sleep(seconds)
        redis.signal(signal.SIGCONT)
    elif kind == "broker restart":
        scene.broker.kill()
        scene.broker.start()
    elif kind == "broker pause":
        scene.broker.pause()
        time.sleep(seconds)
        scene.broker.resume()
    else:
        proxy = scene.to_broker if kind == "broker cut" else scene.to_redis
        proxy.cut(refuse=chance.random() < 0.5)
        time.sleep(seconds)
        proxy.heal()


def fill_disk(scene: Scene, chance: random.Random) -> None:
    """Leave no room for the state until the processes have ended, and a little longer."""
    assert scene.disk
    fill, workers = scene.disk.fill, scene.engine.workers()
    wait_until(lambda: fill() or scene.engine.lost(workers), 30)
    wait_until(lambda: fill() or not scene.engine.running, 2 * chance.random())
    scene.disk.free()


def set_clock(scene: Scene, chance: random.Random) -> None:
    """Let the wall clock jump, and wait until the engine goes on."""
    engine = scene.engine
    assert engine.clock
    offset_s = chance.uniform(-CLOCK_OFF_S, CLOCK_OFF_S)
    engine.clock.set(offset_s)
    if offset_s > CLOCK_AHEAD_S:
        workers = engine.workers()
        wait_until(lambda: engine.lost(workers), 10)
        engine.clock.set(chance.uniform(-CLOCK_OFF_S, CLOCK_AHEAD_S))
    # the first commit may have been on its way
    goes_on = engine.commits() and engine.commits()
    assert goes_on, f"no commit in {DEADLINE_S:g} s after a jump of the clock: {engine.folder}"
