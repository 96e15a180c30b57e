"""What a target came to: counts, the slowest input, and one finding of each sort."""

import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = ("models", "config")


@dataclass(frozen=True, slots=True)
class Finding:
    """One way to fail, with the smallest input that was found for it.

    Attributes
    ----------
    sort
        Two findings of one sort have one cause, as far as a machine can tell.
    text
        What happened, for a person.
    data
        The input's bytes.
    """

    sort: str
    text: str
    data: bytes


@dataclass
class Tally:
    """Counts of one target.

    Attributes
    ----------
    inputs, accepted, rejected
        How many were tried, taken, and refused as they should be.
    crashes
        How many did anything else: every crash, hang, disagreement or forbidden act.
    slowest_ms
        CPU time of the slowest input (of the scanner: of the slowest block).
    found
        Sort → its first finding.
    """

    inputs: int = 0
    accepted: int = 0
    rejected: int = 0
    crashes: int = 0
    slowest_ms: float = 0.0
    found: dict[str, Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> bool:
        """Count a failure; true where it is the first of its sort."""
        self.crashes += 1
        is_new = finding.sort not in self.found
        self.found.setdefault(finding.sort, finding)
        return is_new

    def report(self) -> dict[str, Any]:
        """Numbers only, as they stand in the last line."""
        return {
            "inputs": self.inputs,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "crashes": self.crashes,
            "slowest_ms": round(self.slowest_ms, 1),
        }


def sort_of(error: BaseException) -> str:
    """The error's type and the innermost place of ours that it passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if any(str(ROOT / folder) in f.filename for folder in OURS)]
    if not ours:
        return type(error).__name__
    last = ours[-1]
    return f"{type(error).__name__} in {Path(last.filename).relative_to(ROOT)}:{last.name}"


def spoken(error: BaseException) -> str:
    """The sort and the error's own words, cut."""
    return f"{sort_of(error)}: {str(error)[:300]}"
