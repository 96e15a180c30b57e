"""Every error this program raises on purpose.

    RiverguardError
    ├── ConfigError      an operator must edit a file; raised before the flow starts
    ├── DeliveryError    the outside world may have lost our bytes: crash, restart, replay
    ├── StateError       stored state is missing or damaged: refuse, never guess
    ├── CapacityError    a bounded table is full: raise its limit or add shards
    └── PoisonError      too much of the input is rejected: look before going on

A bad *event* is not here: it is data, so it travels as a dead letter and never raises.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands; lines and columns count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class RiverguardError(Exception):
    """Base class: catches everything we raise on purpose and nothing else.

    >>> print(RiverguardError("the tank is empty", hint="fill it"))
    the tank is empty
      hint: fill it
    """

    def __init__(self, message: str, *, hint: str, place: Place | None = None) -> None:
        where = f"{place}: " if place else ""
        super().__init__(f"{where}{message}\n  hint: {hint}")
        self.message = message
        self.hint = hint
        self.place = place


class ConfigError(RiverguardError):
    """A setting, a pack or an expression is wrong; the start stops here."""


class DeliveryError(RiverguardError):
    """Output was not confirmed; the process must die and replay from its last commit."""


class StateError(RiverguardError):
    """Stored state is missing, damaged or of another version."""


class CapacityError(RiverguardError):
    """A bounded table is full."""


class PoisonError(RiverguardError):
    """Too large a share of the input became dead letters: something upstream is broken."""
