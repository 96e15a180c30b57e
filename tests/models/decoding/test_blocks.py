"""Blocks and texts at their edges: blank lines, explicit ends, every sort of character."""

import json

import numpy as np
import pytest

from models.decoding.decoder import RECORD_BYTES_MAX

ARRIVAL_MS = 1_800_000_000_000
GOOD = (
    '{"event_id":"p1","event_time":1799999999000,"kind":"payment","account":"a1",'
    '"amount":12.5,"currency":"EUR"}'
)


def plus(more):
    return GOOD[:-1] + "," + more + "}"


@pytest.mark.parametrize("data", ["", "\n", "\n\n\n", " \r\n\t\n", "\r"])
def test_no_records(both, data):
    assert both.seen(data.encode()) == ([], [])


def test_no_records_by_ends(both):
    assert both.seen(b"", ends=np.zeros(0, np.int64)) == ([], [])


def test_blank_lines_are_not_counted(both):
    data = f"\n\n{GOOD}\r\n \n{{oops\n\n{GOOD}".encode()
    events, dead = both.seen(data, first=100)
    assert [offset for offset, *_ in events] == [100, 102]
    assert [letter.offset for letter in dead] == [101]


def test_records_that_hold_newlines(both):
    lines = [json.dumps(json.loads(GOOD), indent=2).encode(), b"{\noops\n}", GOOD.encode(), b""]
    ends = np.cumsum([len(line) for line in lines]).astype(np.int64)
    events, dead = both.check(lines, b"".join(lines), ends=ends)
    assert [offset for offset, *_ in events] == [0, 2]
    assert [(letter.offset, letter.code) for letter in dead] == [(1, "bad_json"), (3, "bad_json")]


def test_evidence_of_records_at_one_mebibyte_is_whole(both):
    raw = b"x" * RECORD_BYTES_MAX
    _events, (letter,) = both.seen(raw)
    assert (letter.code, letter.raw) == ("bad_json", raw)


def test_many_keys(both):
    raw = plus(",".join(f'"unknown{i}":{i}' for i in range(500))).encode()
    both.check([raw, raw, GOOD.encode(), raw])


def test_a_key_that_begins_like_the_one_before(both):
    # the previous record's key is predicted by its bytes: neither a longer nor a shorter fits
    pairs = ['"lat":1', '"lat_":2', '"la":3', '"latitude_of_it":4', '"lax":5', '"lat":6']
    both.check([plus(pair).encode() for pair in pairs])


@pytest.mark.parametrize("key", ["account", "unknown"])
def test_every_sort_of_utf8(both, key):
    records = []
    for lead in range(0x80, 0x100):
        for second in (0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0):
            for more in (b"", b"\x80", b"\x80\xbf", b"\x80\xbf\x80", b"\x80\xc0"):
                text = bytes([lead, second]) + more
                records.append(plus(f'"{key}":"@"').encode().replace(b"@", text))
    events, _dead = both.check(records)
    assert len(events) > 100


@pytest.mark.parametrize("key", ["account", "unknown"])
def test_every_sort_of_escape(both, key):
    units = ["0041", "d7FF", "D800", "dbff", "DC00", "dfff", "e000", "00g0", "12", "", "0000"]
    escapes = [f"\\u{unit}" for unit in units] + [f"\\{chr(code)}" for code in range(32, 127)]
    texts = [one + two for one in escapes for two in ("", "x", *escapes[: len(units)])]
    events, dead = both.check([plus(f'"{key}":"{text}"').encode() for text in texts])
    assert min(len(events), len(dead)) > 50


def test_numbers_are_rounded_once(both):
    random = np.random.default_rng(3)
    texts = []
    for digits in range(1, 20):
        for mantissa in random.integers(10 ** (digits - 1), min(10**digits, 2**63 - 1), 100):
            point = random.integers(0, digits)
            whole, rest = str(mantissa)[: digits - point], str(mantissa)[digits - point :]
            texts.append(f"{whole}.{rest}" if rest else whole)
    records = [plus(f'"price":{text}').encode() for text in texts]
    events, _dead = both.check(records)
    assert [event["price"][1] for _offset, _raw, event in events] == [repr(float(t)) for t in texts]
