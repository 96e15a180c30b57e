"""Where compiled kernels are kept between runs, and how they are compiled ahead.

The folder's name hashes every source that a kernel can be made of: the files that compile
something, and all that they import of ours. So an edited helper can never be met by machine code
that was compiled from its older text, and editing anything else compiles nothing anew.
"""

import hashlib
import os
import platform
import re
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import llvmlite.binding

COMPLETE = "complete"
"""Marks a cache in which every kernel is."""
ROOT = Path(__file__).resolve().parent.parent


def kernel_sources() -> list[Path]:
    """Every file of `models` that defines a kernel, and those that it imports, in turn."""
    compiled = b"from models.compiled import"
    found = {path for path in (ROOT / "models").rglob("*.py") if compiled in path.read_bytes()}
    waiting = list(found)
    while waiting:
        fresh = _imports(waiting.pop()) - found
        found |= fresh
        waiting.extend(fresh)
    return sorted(found)


def _imports(path: Path) -> set[Path]:
    """The files of `models` that a file imports names from."""
    names = set(re.findall(r"^from (models\.[\w.]+) import", path.read_text(), re.MULTILINE))
    files = {ROOT / (name.replace(".", "/") + ".py") for name in names}
    return {file for file in files if file.exists()}


def cache_directory() -> Path:
    """The folder for this state of the sources, this Python and this processor."""
    digest = hashlib.sha256()
    for source in kernel_sources():
        digest.update(source.relative_to(ROOT).as_posix().encode())
        digest.update(source.read_bytes())
    # numba finds compiled code by the path of its source, so every checkout has its own
    processor = llvmlite.binding.get_host_cpu_name()
    digest.update(f"{ROOT} {sys.version} {platform.machine()} {processor}".encode())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "riverguard" / "kernels" / digest.hexdigest()[:16]


def use_kernel_cache() -> Path:
    """Point numba at the cache; call it before anything of `models` is imported."""
    import numba  # noqa: PLC0415 - the setting must be in place before kernels are defined

    directory = cache_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        writable = False
    else:
        writable = os.access(directory, os.W_OK)
    if not writable:
        # without a place to write kernels are compiled anew at every start, nothing worse
        directory = Path(tempfile.mkdtemp(prefix="riverguard-kernels-"))
    settings: Any = numba.config
    settings.CACHE_DIR = str(directory)
    return directory


def ensure_compiled() -> None:
    """Compile every kernel once, before the first event, and say why it takes a while."""
    complete = cache_directory() / COMPLETE
    if complete.exists():
        return
    print("compiling the kernels, once: about a minute", file=sys.stderr, flush=True)  # noqa: T201
    _score_a_little()
    if os.access(complete.parent, os.W_OK):
        complete.touch()


def _score_a_little() -> None:
    """Run a few simulated events through everything: that compiles what the engine uses."""
    from cli.deployment import load  # noqa: PLC0415 - after the cache is in place
    from dataflows.offline import Offline  # noqa: PLC0415
    from models.records import RawBlock  # noqa: PLC0415
    from models.simulator.world import World, WorldConfig  # noqa: PLC0415

    _settings, blueprint = load(None, None)
    offline = Offline(blueprint)
    first, second = islice(World(WorldConfig(accounts=2000)).batches(), 2)
    escaped = b'{"event_id":"\\u0061","event_time":1767542400000,"kind":"trade"}\n'
    # out of order, so that what puts events in order is compiled too
    offline.feed(RawBlock(0, second.lines, first.events, second.last_ms))
    offline.feed(RawBlock(1, first.lines + escaped, 0, second.last_ms))
    offline.finish()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    use_kernel_cache()
    ensure_compiled()
