"""Where compiled kernels are kept between runs, and how they are compiled ahead.

The folder's name hashes every source that a kernel can be made of, so an edited helper can never
be met by machine code that was compiled from its older text.
"""

import hashlib
import os
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cache_directory() -> Path:
    """The folder for this state of the sources, this Python and this processor."""
    digest = hashlib.sha256()
    for source in sorted((ROOT / "models").rglob("*.py")):
        digest.update(source.relative_to(ROOT).as_posix().encode())
        digest.update(source.read_bytes())
    digest.update(f"{sys.version} {platform.machine()} {platform.processor()}".encode())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "riverguard" / "kernels" / digest.hexdigest()[:16]


def use_kernel_cache() -> Path:
    """Point numba at the cache; call it before anything of `models` is imported."""
    import numba  # noqa: PLC0415 - the setting must be in place before kernels are defined

    directory = cache_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        # without a writable home kernels are compiled anew at every start, nothing worse
        return directory
    numba.config.CACHE_DIR = str(directory)
    return directory
