"""The targets by name, and what each of them must be able to do."""

from collections.abc import Callable
from typing import Final, Protocol

from benchmarks.fuzz.expressions import ExpressionTarget
from benchmarks.fuzz.files import pack_target, settings_target
from benchmarks.fuzz.scanner import ScannerTarget
from benchmarks.fuzz.tally import Tally


class Target(Protocol):
    """Something that reads input, with its generator and its oracle.

    Attributes
    ----------
    warm_up
        How many inputs fill every cache, so that what follows needs no import and no memory.
    """

    warm_up: int

    def run(self, inputs: int, beat: Callable[[str], None]) -> Tally:
        """Try so many more inputs; `beat` is told where it is."""
        ...

    def reset(self) -> None:
        """Forget what was counted; begin again with the first input."""
        ...


TARGETS: Final[dict[str, Callable[[int], Target]]] = {
    "scanner": ScannerTarget,
    "packs": pack_target,
    "expressions": ExpressionTarget,
    "settings": settings_target,
}
