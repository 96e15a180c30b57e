"""Dead letters and late events: one line per (partition, offset), bytes kept whole."""

import base64
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.dead_letter_file import DeadLetterFile
from connectors.late_file import LateFile
from models.errors import ConfigError, StateError
from models.records import DeadLetter, LateEvent


def letter(partition: int, offset: int, raw: bytes = b"{") -> DeadLetter:
    return DeadLetter(partition, offset, "bad_json", "no end", raw, len(raw), "5a")


def late(partition: int, offset: int, raw: bytes = b"{}") -> LateEvent:
    return LateEvent(partition, offset, 61_000, raw)


SINKS = pytest.mark.parametrize(("sink", "make"), [(DeadLetterFile, letter), (LateFile, late)])


def lines(path: Path) -> list[dict]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_every_field_is_there(tmp_path) -> None:
    sink = DeadLetterFile(tmp_path / "a")
    sink.write([letter(2, 9, "一".encode()), letter(2, 10, b"\xff\n")])
    sink.flush()
    sink.close()
    common = {"partition": 2, "code": "bad_json", "reason": "no end", "sha256": "5a"}
    assert lines(tmp_path / "a") == [
        common | {"offset": 9, "length": 3, "raw": "一"},
        common | {"offset": 10, "length": 2, "raw_base64": "/wo="},
    ]
    sink = LateFile(tmp_path / "b")
    sink.write([late(0, 5)])
    sink.flush()
    sink.close()
    assert lines(tmp_path / "b") == [
        {"partition": 0, "offset": 5, "late_by_ms": 61_000, "raw": "{}"}
    ]


@given(st.binary())
@settings(deadline=None, max_examples=60)
def test_raw_comes_back(tmp_path_factory, raw) -> None:
    path = tmp_path_factory.getbasetemp() / "raw"
    path.unlink(missing_ok=True)
    sink = DeadLetterFile(path)
    sink.write([letter(0, 0, raw)])
    sink.flush()
    sink.close()
    (line,) = lines(path)
    back = line["raw"].encode() if "raw" in line else base64.b64decode(line["raw_base64"])
    assert back == raw


@SINKS
def test_a_replay_writes_only_what_is_missing(tmp_path, sink, make) -> None:
    path = tmp_path / "a"
    first = sink(path)
    first.write([make(0, 3), make(1, 0), make(0, 7)])
    first.flush()
    first.write([make(0, 9)])
    first.close()  # without flush, as in a crash: 0:9 is lost
    with path.open("ab") as file:
        file.write(b'{"partition":0,"offs')

    second = sink(path)
    second.write([make(0, 3), make(0, 7), make(0, 9), make(1, 0), make(1, 2), make(2, 0)])
    second.flush()
    assert (second.written, second.refused) == (3, 3)
    second.close()
    assert [(line["partition"], line["offset"]) for line in lines(path)] == [
        (0, 3), (1, 0), (0, 7), (0, 9), (1, 2), (2, 0),
    ]  # fmt: skip


@SINKS
def test_the_same_record_twice_in_one_run_is_one_line(tmp_path, sink, make) -> None:
    once = sink(tmp_path / "a")
    once.write([make(0, 0), make(0, 0)])
    once.flush()
    once.close()
    assert len(lines(tmp_path / "a")) == 1


@SINKS
def test_other_files_and_second_writers_are_refused(tmp_path, sink, make) -> None:
    path = tmp_path / "a"
    once = sink(path)
    with pytest.raises(ConfigError, match="another sink"):
        sink(path)
    once.close()
    path.write_bytes(b'{"id":1}\n')
    with pytest.raises(StateError, match="line 1"):
        sink(path)
