"""Ask for memory before it is needed.

Entities are visited in random order, so nearly every event waits for its table place, its row
and its block, one after the other. Asking for those of the next entries together turns most of
those waits into one: 1,110 → 650 ns per event on 50,000 accounts and 16 features.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from models.compiled import inline, to_int
from models.features.layout import (
    BASE,
    CAPACITY,
    D_COLUMN,
    END,
    ENTRY_KEY,
    FIRST,
    S_STRIDE,
    S_WORDS,
    Plan,
    Store,
)
from models.hashing import cgutils

AHEAD = 16
_LINE_WORDS = 8
_HIGH = np.uint64(0xFFFF_FFFF_0000_0000)
_LOW = np.uint64(0xFFFF_FFFF)


def _start_load(typingctx: Any, array: Any, at: Any) -> Any:  # noqa: ARG001 - numba's protocol
    """Start loading the cache line of a flat array's element; any index is harmless."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        flat = context.make_array(sig.args[0])(context, builder, args[0])
        pointer = cgutils.gep(builder, flat.data, context.cast(builder, args[1], at, types.intp))
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, word, word, word]),
            "llvm.prefetch.p0",
        )
        builder.call(function, [builder.bitcast(pointer, byte), word(1), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, at), codegen


_prefetch = cast("Callable[[NDArray[Any], int], None]", intrinsic(_start_load))


@inline
def _likely_row(store: Store, key: np.uint64) -> int:
    """The row whose table tag fits a key, not verified; −1 for none."""
    mask = store.table.shape[0] - 1
    place = to_int(key & np.uint64(mask))
    while store.table[place] != np.uint64(0):
        found = store.table[place]
        if (found ^ key) & _HIGH == np.uint64(0):
            return to_int(found & _LOW) - 1
        place = (place + 1) & mask
    return -1


@inline
def look_ahead(
    store: Store,
    plan: Plan,
    flat_rows: NDArray[np.int64],
    entries: NDArray[np.int64],
    start: int,
    likely: NDArray[np.int64],
) -> None:
    """Ask for what the next `AHEAD` entries will touch; `likely` is room for their rows."""
    mask = np.uint64(store.table.shape[0] - 1)
    words, stride = plan.sizes[S_WORDS], plan.sizes[S_STRIDE]
    stop = min(start + AHEAD, entries.shape[0])
    for number in range(start, stop):
        _prefetch(store.table, to_int(np.uint64(entries[number, ENTRY_KEY]) & mask))
    for number in range(start, stop):
        row = _likely_row(store, np.uint64(entries[number, ENTRY_KEY]))
        likely[number - start] = row
        if row >= 0:
            for word in range(0, words + _LINE_WORDS, _LINE_WORDS):
                _prefetch(flat_rows, row * words + word)
    for number in range(start, stop):
        row = likely[number - start]
        if row < 0:
            continue
        base, capacity = store.rows[row, BASE], store.rows[row, CAPACITY]
        end = store.rows[row, END]
        _prefetch(store.arena, base + end * stride)
        _prefetch(store.arena, base + (end + 1) * stride)
        for counted in range(plan.distincts.shape[0]):
            column = base + plan.distincts[counted, D_COLUMN] * capacity
            _prefetch(store.arena, column + end)
            _prefetch(store.arena, column + max(end - 8, store.rows[row, FIRST]))
            _prefetch(store.arena, column + max(end - 16, store.rows[row, FIRST]))
