"""The one decorator that compiles a kernel.

A kernel takes primitive arrays and numbers, allocates little, raises nothing and releases the
GIL. It is cached on disk only when the program that starts us has pointed numba at a directory
whose name hashes every kernel's source (`cli/kernels.py`): numba's own key sees one function,
so it would run stale code after a callee in another file changed.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` on first call; exact floating point, no threads."""
    cache = bool(numba.config.CACHE_DIR)
    return cast("Callable[P, R]", numba.njit(function, cache=cache, nogil=True, error_model="numpy", _nrt=False))


def inline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a small helper that only kernels call, always inlined.

    A call that is not inlined counts references to every array it passes, atomically: it made
    the scanner five times slower.
    """
    return cast("Callable[P, R]", numba.njit(function, forceinline=True, error_model="numpy", _nrt=False))


def outline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a helper that kernels call rarely, once: inlining it would only cost compile time."""
    cache = bool(numba.config.CACHE_DIR)
    return cast("Callable[P, R]", numba.njit(function, cache=cache, error_model="numpy", _nrt=False))
