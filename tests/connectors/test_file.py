"""The file source: what counts is each record's bytes and number, however it was cut."""

import gzip
import hashlib
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.file import FileReader, FileSource
from models.errors import ConfigError, StateError
from models.records import DeadLetter

ROOT = Path(__file__).parents[2]
LIMIT = 9  # bytes of a record in the property test

lines = st.one_of(
    st.sampled_from(
        [b"", b"\r", b" ", b" \t\r", b"  \t    \t    ", b" x ", b"\tx", b"x\r", b"\r\r"]
    ),
    st.binary(max_size=2 * LIMIT).map(lambda b: b.replace(b"\n", b"n")),
)
Record = bytes | tuple[int, str]


def drain(reader: FileReader) -> dict[int, Record]:
    """Read to the end; the records by number, oversized ones as (length, sha256)."""
    found: dict[int, Record] = {}
    while not reader.finished:
        take(reader, found)
    reader.close()
    return found


def take(reader: FileReader, found: dict[int, Record]) -> None:
    block = reader.read()
    for letter in reader.oversized():
        assert letter.code == "too_large"
        assert letter.offset == max(found, default=letter.offset - 1) + 1
        found[letter.offset] = (letter.length, letter.sha256)
    if block is not None:
        number = block.first
        for line in block.data.removesuffix(b"\n").split(b"\n"):
            if line.strip(b" \t\r"):
                assert number not in found
                found[number] = line
                number += 1
        assert number > block.first, "a block without records"


def expected(content: bytes, limit: int = LIMIT) -> dict[int, Record]:
    records = [line for line in content.split(b"\n") if line.strip(b" \t\r")]
    return {
        number: line if len(line) <= limit else (len(line), hashlib.sha256(line).hexdigest())
        for number, line in enumerate(records)
    }


@pytest.mark.parametrize("suffix", ["ndjson", "gz"])
@settings(deadline=None, max_examples=150)
@example(lines=[b"x" * (LIMIT + 1), b" " * 40, b"y" * LIMIT, b"", b"\r", b"z"], end=False, block=3)
@given(lines=st.lists(lines, max_size=12), end=st.booleans(), block=st.integers(1, 70))
def test_any_block_size_and_any_resume_give_the_same_records(
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    lines: list[bytes],
    end: bool,
    block: int,
) -> None:
    content = b"\n".join(lines) + (b"\n" if end else b"")
    path = tmp_path_factory.getbasetemp() / f"any.{suffix}"
    path.write_bytes(gzip.compress(content) if suffix == "gz" else content)
    whole = expected(content)
    source = FileSource((str(path),), block_bytes=block, line_bytes_max=LIMIT)
    reader, found = source.open(0), {}

    while not reader.finished:
        take(reader, found)
        position = reader.position()
        assert position["record"] == len(found)
        rest = drain(source.open(0, position))
        assert found | rest == whole
        assert not found.keys() & rest.keys()
    reader.close()

    assert found == whole
    assert reader.position() == {"byte": len(content), "record": len(whole)}


def test_several_files_are_partitions(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode() * 3)
    source = FileSource((str(tmp_path / "a"), str(tmp_path / "b")), as_of_ms=77)
    assert source.partitions() == [0, 1]
    reader = source.open(1)
    block = reader.read()
    assert block is not None
    assert (block.partition, block.data, block.arrival_ms, block.ends) == (1, b"bbb", 77, None)
    reader.close()


def test_arrival_is_the_clock_unless_given(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\n")
    reader = FileSource((str(tmp_path / "a"),)).open(0)
    before = time.time_ns() // 1_000_000
    block = reader.read()
    assert block is not None
    assert before <= block.arrival_ms <= time.time_ns() // 1_000_000
    reader.close()


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\t\n", b"\n" * 5000])
def test_nothing_but_blank_lines_is_no_record(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert drain(FileSource((str(tmp_path / "a"),)).open(0)) == {}


def test_a_block_is_about_as_long_as_asked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456\n" * 10_000)
    reader = FileSource((str(tmp_path / "a"),), block_bytes=4096).open(0)
    sizes = []
    while (block := reader.read()) is not None:
        sizes.append(len(block.data))
    reader.close()
    assert set(sizes[:-1]) == {4096}
    assert sum(sizes) == 80_000


def test_a_huge_line_is_one_dead_letter_in_bounded_memory(tmp_path: Path) -> None:
    huge = bytes(range(11, 251)) * (40 * 1024 * 1024 // 240)
    path = tmp_path / "a"
    path.write_bytes(b"first\n\n" + huge + b"\r\nlast")
    tracemalloc.start()
    reader = FileSource((str(path),), as_of_ms=0, block_bytes=1 << 20).open(0)
    blocks, letters, inside = [], list[DeadLetter](), 0
    while not reader.finished:
        block = reader.read()
        letters += reader.oversized()
        if block is not None:
            blocks.append((block.first, block.data))
        elif not letters:
            inside += 1
            assert reader.position() == {"byte": 7, "record": 1}
    reader.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert blocks == [(0, b"first\n\n"), (2, b"last")]
    assert inside > 1, "a huge line must let others work now and then"
    (letter,) = letters
    whole = huge + b"\r"
    assert (letter.partition, letter.offset, letter.length) == (0, 1, len(whole))
    assert letter.sha256 == hashlib.sha256(whole).hexdigest()
    assert letter.raw == whole[: 64 * 1024]
    assert str(len(whole)) in letter.reason
    assert "1048576" in letter.reason
    assert peak < 5 << 20, "two fillings, a copy of one, the head"


def test_one_mebibyte_is_the_longest_record(tmp_path: Path) -> None:
    content = b"x" * (1 << 20) + b"\n" + b"y" * ((1 << 20) + 1) + b"\nz\n"
    (tmp_path / "a").write_bytes(content)
    found = drain(FileSource((str(tmp_path / "a"),)).open(0))
    assert found == expected(content, 1 << 20)
    assert [type(found[n]) for n in range(3)] == [bytes, tuple, bytes]


def test_standard_input() -> None:
    program = """
from connectors.file import FileSource
reader = FileSource(("-",)).open(0)
while not reader.finished:
    block = reader.read()
    if block:
        for number, line in enumerate(filter(None, block.data.split(b"\\n")), block.first):
            print(number, line.decode())
print(reader.position())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], input=b"a\n\nb", capture_output=True, check=True, cwd=ROOT
    )
    assert ended.stdout == b"0 a\n1 b\n{'byte': 4, 'record': 2}\n"


def test_an_idle_pipe_does_not_block() -> None:
    out, into = os.pipe()
    reader = FileSource((f"/dev/fd/{out}",), as_of_ms=0).open(0)
    assert reader.read() is None
    os.write(into, b"one\ntw")
    block = reader.read()
    assert block is not None
    assert (block.first, block.data) == (0, b"one\n")
    assert reader.read() is None
    assert not reader.finished
    os.write(into, b"o")
    os.close(into)
    block = reader.read()
    assert block is not None
    assert (block.first, block.data) == (1, b"two")
    assert reader.read() is None
    assert reader.finished
    reader.close()
    os.close(out)


def test_a_pipe_cannot_resume() -> None:
    out, into = os.pipe()
    for path in ("-", f"/dev/fd/{out}"):
        with pytest.raises(StateError, match="a pipe is read once") as raised:
            FileSource((path,)).open(0, {"byte": 0, "record": 0})
        assert raised.value.hint
    os.close(out)
    os.close(into)


def test_bad_settings_are_refused_before_the_start(tmp_path: Path) -> None:
    good = tmp_path / "good.gz"
    good.touch()
    missing = str(tmp_path / "missing.ndjson")
    with pytest.raises(ConfigError, match=missing) as raised:
        FileSource((str(good), missing))
    assert "path" in raised.value.hint
    with pytest.raises(ConfigError, match="not a readable file"):
        FileSource((str(tmp_path),))
    with pytest.raises(ConfigError, match="no input"):
        FileSource(())
    with pytest.raises(ConfigError, match="named twice"):
        FileSource(("-", "-"))
    with pytest.raises(ConfigError, match="block_bytes must be positive, was 0"):
        FileSource((str(good),), block_bytes=0)
    for path in ("-", str(good)):
        with pytest.raises(ConfigError, match="cannot follow"):
            FileSource((path,), follow=True)


@pytest.mark.parametrize("suffix", ["ndjson", "gz"])
@pytest.mark.parametrize(
    ("content", "word"), [(b"aa\nb", "cut"), (b"", "cut"), (b"aaaaaaaaa\nbb\n", "replaced")]
)
def test_a_changed_file_is_not_resumed(
    tmp_path: Path, suffix: str, content: bytes, word: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(gzip.compress(content) if suffix == "gz" else content)
    with pytest.raises(StateError, match=word):
        FileSource((str(path),)).open(0, {"byte": 6, "record": 2})


def test_a_strange_position_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\n")
    with pytest.raises(StateError, match="not a position"):
        FileSource((str(tmp_path / "a"),)).open(0, {"offset": 3})


@pytest.mark.parametrize("suffix", ["ndjson", "gz"])
def test_resume_after_a_last_line_that_has_since_been_ended(tmp_path: Path, suffix: str) -> None:
    pack = gzip.compress if suffix == "gz" else bytes
    path = tmp_path / f"a.{suffix}"
    position = {"byte": 3, "record": 2}  # read "a", and "b" without its newline
    path.write_bytes(pack(b"a\nb"))
    source = FileSource((str(path),))
    assert drain(source.open(0, position)) == {}
    path.write_bytes(pack(b"a\nb\nc\n"))
    reader = source.open(0, position)
    assert drain(reader) == {2: b"c"}
    assert reader.position() == {"byte": 6, "record": 3}
    path.write_bytes(pack(b"a\nbc\n"))  # "b" was not the whole record
    with pytest.raises(StateError, match="replaced"):
        source.open(0, position)


def test_damaged_gzip_stops_the_run(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(os.urandom(5000))[:-20])
    with pytest.raises(StateError, match=r"cannot read .*a\.gz"):
        drain(FileSource((str(path),)).open(0))
    path.write_bytes(b"not gzip")
    with pytest.raises(StateError, match="cannot read"):
        drain(FileSource((str(path),)).open(0))
