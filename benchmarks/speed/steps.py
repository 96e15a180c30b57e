"""Where the time goes: a timer around the core's functions, each without what it calls.

A function is wrapped once per batch or per commit, never per event, so the timer itself costs
nothing that could be seen. Processor time is kept beside wall time: the difference is waiting,
for the disk or for a core that others use.
"""

import functools
import gc
import importlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

WATCHED: Final = (
    # step, module, owner ("" for the module itself), function
    ("read the file", "connectors.file", "FileReader", "read"),
    ("decode", "models.decoding.decoder", "Decoder", "decode"),
    ("intake", "dataflows.components", "HomeIntake", "judge"),
    ("scatter", "models.scattering", "Scatterer", "scatter"),
    ("windows", "models.features.state", "SpaceState", "run"),
    ("score: rest", "models.scoring", "Scorer", "begin"),
    ("score: rest", "models.concluding", "Concluder", "conclude"),
    ("score: place answers", "models.placing", "Placer", "place"),
    ("{outer}: programs", "models.running", "Runner", "run"),
    ("score: detectors", "models.scoring", "Scorer", "_detect"),
    ("score: trees", "models.detectors.half_space_trees", "HalfSpaceTrees", "score"),
    ("score: evidence", "models.concluding", "", "evidence_of"),
    ("score: hits", "models.hits", "HitReader", "hits"),
    ("alerts", "models.alerting", "Alerting", "raise_alerts"),
    ("write alerts", "connectors.alert_file", "AlertFile", "write"),
    ("commit: flush alerts", "connectors.alert_file", "AlertFile", "flush"),
    ("commit: take logs", "dataflows.components", "ShardWindows", "take_log"),
    ("commit: take logs", "dataflows.components", "HomeIntake", "take_log"),
    ("commit: take logs", "dataflows.components", "HomeScoring", "take_log"),
    ("commit: pack", "dataflows.segments", "Segments", "pack"),
    ("commit: write", "dataflows.segments", "Segments", "write"),
    ("commit: rest", "dataflows.state", "StateStore", "manifest"),
)


class StepTimer:
    """Seconds per step of the thread that makes it; a step's time excludes the steps within it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._running: list[str] = []
        self._since = self._cpu_since = 0.0
        self._thread = threading.get_ident()

    @property
    def watches(self) -> bool:
        """Whether this thread is timed: the state store has one that is not."""
        return threading.get_ident() == self._thread

    def enter(self, step: str) -> None:
        """From now on time is this step's."""
        self._charge()
        step = step.format(outer=self._running[-1].partition(":")[0] if self._running else "")
        self._running.append(step)
        self.calls[step] = self.calls.get(step, 0) + 1

    def leave(self) -> None:
        """From now on time is the outer step's again."""
        self._charge()
        self._running.pop()

    def _charge(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        if self._running:
            step = self._running[-1]
            self.seconds[step] = self.seconds.get(step, 0.0) + now - self._since
            self.cpu_seconds[step] = self.cpu_seconds.get(step, 0.0) + cpu - self._cpu_since
        self._since, self._cpu_since = now, cpu

    def collected(self, phase: str, _info: dict[str, int]) -> None:
        """A callback of Python's garbage collector."""
        if not self.watches:
            return
        if phase == "start":
            self.enter("garbage collection")
        else:
            self.leave()

    def rows(self) -> list[tuple[str, float, float, int]]:
        """(step, seconds, processor seconds, calls) of every step."""
        return [
            (step, seconds, self.cpu_seconds[step], self.calls[step])
            for step, seconds in self.seconds.items()
        ]


def _timed(timer: StepTimer, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        if not timer.watches:
            return function(*arguments, **named)
        timer.enter(step)
        try:
            result = function(*arguments, **named)
            # a generator works when it is read: read it here
            return iter(list(result)) if isinstance(result, Iterator) else result
        finally:
            timer.leave()

    return call


@contextmanager
def profiled() -> Iterator[StepTimer]:
    """Time every watched function for as long as the context lasts."""
    timer = StepTimer()
    undo: list[tuple[Any, str, Any]] = []
    for step, module, owner, name in WATCHED:
        place = importlib.import_module(module)
        place = getattr(place, owner) if owner else place
        function = getattr(place, name)
        undo.append((place, name, function))
        setattr(place, name, _timed(timer, step, function))
    gc.callbacks.append(timer.collected)
    try:
        yield timer
    finally:
        gc.callbacks.remove(timer.collected)
        for place, name, function in undo:
            setattr(place, name, function)
