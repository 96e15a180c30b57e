"""Run a compiled expression program over a batch: room for its registers, and its outputs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.batch import Batch
from models.expressions.machine import CHUNK, Inputs, run_program
from models.expressions.program import Program


class Outputs(NamedTuple):
    """What a program wrote.

    Attributes
    ----------
    outcomes
        (rules, n) int8: `models.expressions.codes.HIT` and its neighbours.
    touched
        (n,): whether any rule hit.
    results
        (numbers, n) float64; NaN is NULL.
    """

    outcomes: NDArray[np.int8]
    touched: NDArray[np.bool_]
    results: NDArray[np.float64]


class Runner:
    """One program with its room to work in; not for two threads at once."""

    def __init__(self, program: Program, rules: int, numbers: int) -> None:
        self._program = program
        self._rules, self._numbers = max(rules, 1), max(numbers, 1)
        registers, depth = (int(n) for n in program.registers)
        self._registers = np.zeros((registers, CHUNK))
        self._selections = np.zeros((depth + 1, CHUNK), np.int64)
        self._counts = np.zeros(depth + 1, np.int64)

    def run(
        self, batch: Batch, features: NDArray[np.float64], into: Outputs | None = None
    ) -> Outputs:
        """Run over a batch whose answers are `features` (columns, n); `into` continues outputs."""
        n = len(batch)
        out = into or Outputs(
            np.zeros((self._rules, n), np.int8),
            np.zeros(n, np.bool_),
            np.full((self._numbers, n), np.nan),
        )
        inputs = Inputs(
            batch.buffer, batch.kind, batch.text_at, batch.text_length, batch.text_hash,
            batch.integers, batch.numbers, features, features.view(np.uint64),
        )  # fmt: skip
        run_program(
            self._program, inputs, self._registers, self._registers.view(np.uint64),
            self._selections, self._counts, *out,
        )  # fmt: skip
        return out
