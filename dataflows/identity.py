"""A state directory's name, by which what must not come twice is told from other directories'."""

import os
import time
import uuid
from pathlib import Path
from typing import Final

from models.errors import StateError

IDENTITY_WAIT_S: Final = 60.0


def make_identity(root: Path) -> None:
    """Give a new state directory a name that no other has.

    What must not be published twice is numbered from 1 in every new directory.
    """
    path = root / "identity"
    if not path.exists():
        write_whole(path, uuid.uuid4().hex)


def identity_of(root: Path) -> str:
    """The name of a state directory; the first host makes it before it starts anything.

    Raises
    ------
    StateError
        It is not there after `IDENTITY_WAIT_S`.
    """
    deadline = time.monotonic() + IDENTITY_WAIT_S
    while not (root / "identity").exists():
        if time.monotonic() > deadline:
            raise StateError(
                f"{root} has no identity", hint="start the first host; all must share the directory"
            )
        time.sleep(0.1)
    return (root / "identity").read_text()


def write_whole(path: Path, text: str) -> None:
    """Write a small file in one piece, whoever reads it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f"{path.name}.{os.getpid()}")
    written.write_text(text)
    written.replace(path)
