"""The one decorator that compiles a kernel.

A kernel takes primitive arrays and numbers, allocates little, raises nothing and releases the
GIL. It is cached on disk only when the program that starts us has pointed numba at a directory
whose name hashes every kernel's source (`cli/kernels.py`): numba's own key sees one function,
so it would run stale code after a callee in another file changed.
"""

from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

_njit: Final[Any] = numba.njit
_settings: Final[Any] = numba.config

to_int = cast("Callable[[object], int]", np.int64)
"""Inside a kernel, make a signed integer of an unsigned one: mixing the two gives a float."""


def _compiled(function: Callable[P, R], **options: bool) -> Callable[P, R]:
    """Without numba's run time: kernels allocate nothing, so nothing need count references."""
    return cast("Callable[P, R]", _njit(function, error_model="numpy", _nrt=False, **options))


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` on first call; exact floating point, no threads."""
    return _compiled(function, nogil=True, cache=bool(_settings.CACHE_DIR))


def inline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a small helper that only kernels call, always inlined.

    A call that is not inlined counts references to every array it passes, atomically: it made
    the scanner five times slower.
    """
    return _compiled(function, forceinline=True)


def outline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a helper that kernels call rarely, once: inlining it would only cost compile time."""
    return _compiled(function, cache=bool(_settings.CACHE_DIR))


def straight(compiled: Callable[P, R]) -> Callable[P, R]:
    """The same kernel, called without numba's look at the type of every argument.

    That look costs 0.1 µs per array: with two dozen of them more than the work on a small batch.
    Every call must pass what the first one passed: the same types, and C-contiguous arrays.
    """
    overloads: Any = getattr(compiled, "overloads", None)
    if overloads is None:
        return compiled  # not compiled at all, when numba is switched off
    entry: Callable[P, R] | None = None

    def call(*arguments: P.args, **named: P.kwargs) -> R:
        nonlocal entry
        if entry is not None:
            return entry(*arguments, **named)
        result = compiled(*arguments, **named)
        (found,) = overloads.values()
        entry = found.entry_point
        return result

    return call
