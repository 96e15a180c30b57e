"""A followed file: lines as they are ended, and no guessing after a rotation."""

import os
from pathlib import Path

import pytest

from connectors.file import FileSource
from models.errors import StateError


def test_following_waits_for_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\ntw")
    reader = FileSource((str(path),), follow=True).open(0)
    block = reader.read()
    assert block is not None
    assert block.data == b"one\n"
    assert reader.read() is None
    assert reader.position() == {"byte": 4, "record": 1}
    with path.open("ab") as file:
        file.write(b"o\nthree")
    block = reader.read()
    assert block is not None
    assert (block.first, block.data) == (1, b"two\n")
    assert reader.read() is None
    assert not reader.finished
    reader.close()


@pytest.mark.parametrize("how", ["cut", "replaced", "removed"])
def test_following_refuses_a_changed_file(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\ntw")
    reader = FileSource((str(path),), follow=True).open(0)
    assert reader.read() is not None
    assert reader.read() is None
    if how == "cut":
        os.truncate(path, 5)
    elif how == "replaced":
        (tmp_path / "b").write_bytes(b"one\ntwo\nthree\n")
        (tmp_path / "b").replace(path)
    else:
        path.unlink()
    with pytest.raises(StateError, match="while it was followed"):
        reader.read()
    reader.close()
