"""The compiled machine: runs a program over a batch, chunk by chunk, column by column.

A stack of selections says which rows are still undecided, so that a term of a conjunction costs
only the rows that the terms before it left.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import inline, kernel
from models.expressions import codes
from models.expressions.operations import binary, combine, load, other, unary
from models.expressions.program import Program

CHUNK: Final = 512
"""Rows per chunk: a register of them is 4 KiB, so that a rule's registers stay in the cache."""


class Inputs(NamedTuple):
    """What expressions read: the columns of `models.batch.Batch`, and the features' answers."""

    buffer: NDArray[np.uint8]
    kind: NDArray[np.int8]
    text_at: NDArray[np.int32]
    text_length: NDArray[np.int32]
    text_hash: NDArray[np.uint64]
    integers: NDArray[np.int64]
    numbers: NDArray[np.float64]
    features: NDArray[np.float64]
    feature_bits: NDArray[np.uint64]


@inline
def _narrow(
    selections: NDArray[np.int64],
    counts: NDArray[np.int64],
    level: int,
    row: NDArray[np.float64],
    settled: float,
) -> int:
    """Keep the selected rows of a level whose value is not `settled`; how many are left."""
    kept = 0
    for place in range(counts[level]):
        i = selections[level, place]
        if row[i] != settled:
            selections[level, kept] = i
            kept += 1
    counts[level] = kept
    return kept


@inline
def _select_kinds(
    kind: NDArray[np.int8], start: int, length: int, mask: int, selection: NDArray[np.int64]
) -> int:
    found = 0
    for i in range(length):
        if (mask >> kind[start + i]) & 1:
            selection[found] = i
            found += 1
    return found


@inline
def _differing(row: NDArray[np.float64], value: float, length: int) -> int:
    """How many rows are not `value`; NULL is not."""
    found = 0
    for i in range(length):
        found += row[i] != value
    return found


@inline
def _write(
    code: int,
    output: int,
    start: int,
    row: NDArray[np.float64],
    selection: NDArray[np.int64],
    count: int,
    outcomes: NDArray[np.int8],
    touched: NDArray[np.bool_],
    results: NDArray[np.float64],
    length: int,
) -> None:
    # most rules hit nowhere in a chunk, and a plain count over all rows is a vector's work
    if code == codes.OUT_RULE and count == length and _differing(row, 0.0, length) == 0:
        return
    for place in range(count):
        i = selection[place]
        if code == codes.OUT_NUMBER:
            results[output, start + i] = row[i]
        elif np.isnan(row[i]):
            outcomes[output, start + i] = codes.INSUFFICIENT
        elif row[i] != 0.0:
            outcomes[output, start + i] = codes.HIT
            touched[start + i] = True


@inline
def _open_level(
    level: int,
    target: NDArray[np.float64],
    term: NDArray[np.float64],
    settled: float,
    selections: NDArray[np.int64],
    counts: NDArray[np.int64],
    length: int,
) -> int:
    """Begin a level with its first term: the rows of the level above that it leaves undecided."""
    if counts[level - 1] == length:
        kept = _differing(term, settled, length)
        if kept == 0 or kept == length:
            for i in range(length):
                target[i] = term[i]
                selections[level, i] = i
            counts[level] = kept
            return kept
    kept = 0
    for place in range(counts[level - 1]):
        i = selections[level - 1, place]
        target[i] = term[i]
        if term[i] != settled:
            selections[level, kept] = i
            kept += 1
    counts[level] = kept
    return kept


@inline
def _control(
    code: int,
    target: int,
    a: int,
    b: int,
    c: int,
    start: int,
    length: int,
    kind: NDArray[np.int8],
    registers: NDArray[np.float64],
    selections: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> tuple[int, int]:
    """Change the selection: (where to go on, or −1 for the next instruction; the new level)."""
    if code == codes.KINDS:
        counts[0] = _select_kinds(kind, start, length, a, selections[0])
        return (b if counts[0] == 0 else -1), 0
    if code == codes.END_LOGIC:
        return -1, a
    settled = 0.0 if code <= codes.STEP_AND else 1.0
    row = registers[target]
    if code == codes.FIRST_AND or code == codes.FIRST_OR:
        left = _open_level(c, row, registers[a], settled, selections, counts, length)
    else:
        combine(row, registers[a], settled, selections[c], counts[c])
        left = _narrow(selections, counts, c, row, settled)
    return (b if left == 0 else -1), c


@kernel
def run_program(
    program: Program,
    inputs: Inputs,
    registers: NDArray[np.float64],
    register_bits: NDArray[np.uint64],
    selections: NDArray[np.int64],
    counts: NDArray[np.int64],
    outcomes: NDArray[np.int8],
    touched: NDArray[np.bool_],
    results: NDArray[np.float64],
) -> None:
    """Run every instruction on every chunk.

    Parameters
    ----------
    registers, register_bits
        (registers, `CHUNK`) float64, and the same memory as uint64: room to work in.
    selections, counts
        (depth, `CHUNK`) and (depth,): room for the selections.
    outcomes
        (rules, n), out, zero before: `models.expressions.codes.HIT` and its neighbours.
    touched
        (n,), out, false before: whether any rule hit.
    results
        (numbers, n), out, NaN before.
    """
    total = inputs.kind.shape[0]
    instructions = program.instructions
    for start in range(0, total, CHUNK):
        length = min(CHUNK, total - start)
        level = 0
        at = 0
        while at < instructions.shape[0]:
            code, target, a = instructions[at, 0], instructions[at, 1], instructions[at, 2]
            b, c = instructions[at, 3], instructions[at, 4]
            at += 1
            if codes.KINDS <= code <= codes.END_LOGIC:
                jump, level = _control(
                    code, target, a, b, c, start, length,
                    inputs.kind, registers, selections, counts,
                )  # fmt: skip
                at = jump if jump >= 0 else at
                continue
            selection, count = selections[level], counts[level]
            if code >= codes.OUT_RULE:
                _write(
                    code, b, start, registers[a], selection, count,
                    outcomes, touched, results, length,
                )  # fmt: skip
            elif code <= codes.CONSTANT_TEXT:
                load(
                    code, a, start, registers[target], register_bits[target],
                    selection, count, length, program, inputs,
                )  # fmt: skip
            elif code <= codes.GREATER_EQUAL:
                binary(
                    code, registers[target], registers[a], registers[b], selection, count, length
                )
            elif code <= codes.NOT:
                unary(code, registers[target], registers[a], selection, count)
            else:
                other(
                    code, target, a, b, c, start, registers, register_bits,
                    selection, count, program, inputs,
                )  # fmt: skip
