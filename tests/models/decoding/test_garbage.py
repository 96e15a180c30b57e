"""Every sort of bad record is one dead letter with a code and a helpful sentence, alone."""

import hashlib
import json

import numpy as np
import pytest

from models.decoding.decoder import RAW_BYTES_KEPT, RECORD_BYTES_MAX
from models.events import FUTURE_TOLERANCE_MS

ARRIVAL_MS = 1_800_000_000_000
GOOD = (
    '{"event_id":"p1","event_time":1799999999000,"kind":"payment","account":"a1",'
    '"amount":12.5,"currency":"EUR"}'
)


def changed(old, new):
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def plus(more):
    return GOOD[:-1] + "," + more + "}"


def nested(levels):
    """Nest a good record so deeply, its own braces included."""
    return plus('"x":' + "[" * (levels - 1) + "]" * (levels - 1))


REJECTED = [
    # record, code, words of the reason
    ("", None, ""),
    (" \t\r", None, ""),
    (GOOD[:-1], "bad_json", "unexpected end of data"),
    (GOOD[:40], "bad_json", "unexpected end of data"),
    ("oops", "bad_json", "at byte 0"),
    (b"\x00\x01\x02", "bad_json", "at byte 0"),
    (b"\xff\xfe\x00", "bad_json", "UTF-8"),
    (changed("a1", "a\ud800").encode(errors="surrogatepass"), "bad_json", "UTF-8"),
    (changed("a1", "\\ud800"), "bad_json", "surrogate"),
    (changed("a1", "a\x01"), "bad_json", "control character"),
    (b"\xef\xbb\xbf" + GOOD.encode(), "bad_json", "BOM"),
    (GOOD + GOOD, "bad_json", "content after document"),
    (GOOD + ",", "bad_json", "content after document"),
    (changed("12.5", "NaN"), "bad_json", "at byte"),
    (changed("12.5", "Infinity"), "bad_json", "at byte"),
    (changed("12.5", "-Infinity"), "bad_json", "at byte"),
    (changed("12.5", "1e400"), "bad_json", "infinity"),
    (changed("12.5", "1" * 400), "bad_json", "infinity"),
    (changed("12.5", "01"), "bad_json", "at byte"),
    (changed("12.5", "+1"), "bad_json", "at byte"),
    (changed("12.5", ".5"), "bad_json", "at byte"),
    (changed("12.5", "5."), "bad_json", "at byte"),
    (changed("12.5", "0x10"), "bad_json", "at byte"),
    (GOOD.replace('"', "'"), "bad_json", "at byte"),
    (plus('"x":1,'), "bad_json", "trailing comma"),
    (f"[{GOOD}]", "not_an_object", "a JSON object, was [{"),
    ("[]", "not_an_object", "was []"),
    ("null", "not_an_object", "was null"),
    ("12", "not_an_object", "was 12"),
    ('"text"', "not_an_object", 'was "text"'),
    (nested(257), "too_deep", "256 levels"),
    (nested(1000), "too_deep", "256 levels"),
    (nested(100_000), "too_deep", "depth"),
    ("[" * 1000 + "]" * 1000, "too_deep", "256 levels"),
    ("[" * 100_000, "too_deep", "depth"),
    # hidden from view by a duplicate key, but a parser must still go down there
    (plus('"x":' + "[" * 1000 + "]" * 1000 + ',"x":1'), "too_deep", "256 levels"),
    ("{}", "missing_column", "event_id is missing"),
    (changed('"event_id":"p1",', ""), "missing_column", "event_id is missing"),
    (changed('"p1"', '""'), "missing_column", "event_id is empty"),
    (changed('"p1"', "null"), "missing_column", "event_id is empty"),
    (changed('"event_time":1799999999000,', ""), "missing_column", "event_time is missing"),
    (changed('"kind":"payment",', ""), "missing_column", "kind is missing"),
    (changed('"account":"a1",', ""), "missing_column", "account is missing"),
    (changed('"a1"', "null"), "missing_column", "account is empty"),
    (changed('"a1"', '""'), "missing_column", "account is empty"),
    (changed("12.5", "null"), "missing_column", "amount is empty"),
    (changed('"EUR"', '""'), "missing_column", "currency is empty"),
    (plus('"account":null'), "missing_column", "account is empty"),
    (changed('"payment"', '"login"'), "missing_column", "customer is missing"),
    (changed('"payment"', '"paymnet"'), "unknown_kind", "one of payment, login"),
    (changed('"payment"', '"Payment"'), "unknown_kind", 'was "Payment"'),
    (changed('"p1"', "1"), "wrong_type", "event_id must be text, was 1"),
    (changed('"a1"', "[1, 2]"), "wrong_type", "account must be text, was [1, 2]"),
    (changed('"a1"', '{"id":1}'), "wrong_type", 'was {"id": 1}'),
    (changed('"a1"', json.dumps(["x" * 500])), "wrong_type", "…"),
    (changed("12.5", "true"), "wrong_type", "amount must be a number, was true"),
    (changed("12.5", '"12,5"'), "wrong_type", 'was "12,5"'),
    (changed("12.5", '" 12.5"'), "wrong_type", 'was " 12.5"'),
    (changed("12.5", '"NaN"'), "wrong_type", 'was "NaN"'),
    (changed("12.5", '"１"'), "wrong_type", "amount must be a number"),
    (plus('"cash":1'), "wrong_type", "cash must be true or false, was 1"),
    (plus('"cash":"true"'), "wrong_type", 'was "true"'),
    (plus('"lat":"north"'), "wrong_type", 'lat must be a number, was "north"'),
    (plus('"lat":"1e400"'), "out_of_range", "lat is beyond float64"),
    (plus('"lat":"1e99999999999999999999"'), "out_of_range", "lat is beyond float64"),
    (changed("1799999999000", '"yesterday"'), "wrong_type", "RFC 3339"),
    (changed("1799999999000", '"2026-02-30T00:00:00Z"'), "wrong_type", "2026-02-30"),
    (changed("1799999999000", '"2026-01-30T00:00:00"'), "wrong_type", "RFC 3339"),
    (changed("1799999999000", '"2026-01-30T23:59:60Z"'), "wrong_type", "RFC 3339"),
    (changed("1799999999000", '"1799999999000"'), "wrong_type", "RFC 3339"),
    (changed("1799999999000", "1799999999000.0"), "wrong_type", "epoch milliseconds"),
    (changed("1799999999000", "1.8e12"), "wrong_type", "epoch milliseconds"),
    (changed("1799999999000", "true"), "wrong_type", "was true"),
    (changed("1799999999000", "1799999999"), "too_early", "are these seconds?"),
    (changed("1799999999000", "946684799999"), "too_early", "year 2000"),
    (changed("1799999999000", "-1"), "too_early", "was -1"),
    (changed("1799999999000", '"1999-12-31T23:59:59.999Z"'), "too_early", "2000"),
    (changed("1799999999000", "1800000300001"), "future_time", "five minutes after arrival"),
    (changed("1799999999000", "1799999999000000"), "future_time", "1799999999000000"),
    (changed("EUR", "EURO"), "unknown_currency", 'ISO 4217 code, was "EURO"'),
    (changed("EUR", "eur"), "unknown_currency", 'was "eur"'),
    (changed("EUR", "XAU"), "unknown_currency", 'was "XAU"'),
    (changed("EUR", "JPY"), "excess_decimals", "amount in JPY has 0 decimals, was 12.5"),
    (changed("12.5", "12.505"), "excess_decimals", "amount in EUR has 2 decimals, was 12.505"),
    (changed("12.5", "1.00001"), "excess_decimals", "more than 4 decimals, was 1.00001"),
    (changed("12.5", "1e-400"), "excess_decimals", "more than 4 decimals"),
    (changed("12.5", "1e-99999999999999999999"), "excess_decimals", "more than 4 decimals"),
    # 30 digits are more than decimal's default context keeps
    (changed("12.5", "123456789." + "0" * 24 + "1"), "excess_decimals", "more than 4 decimals"),
    (changed("12.5", "900719925474.0993"), "out_of_range", "amount is too large"),
    (changed("12.5", "900719925475"), "out_of_range", "amount is too large"),
    (changed("12.5", "-900719925475"), "out_of_range", "was -900719925475"),
    (changed("12.5", "9e15"), "out_of_range", "amount is too large"),
    (changed("12.5", "1" * 300), "out_of_range", "amount is too large"),
    (changed("12.5", '"1e99999999999999999999"'), "out_of_range", "amount is too large"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "code", "words"), REJECTED, ids=lambda value: str(value)[-60:])
def test_rejected(both, raw, code, words):
    raw = raw if isinstance(raw, bytes) else raw.encode()
    # between good neighbours, which must not notice
    events, dead = both.seen(b"\n".join([GOOD.encode(), raw, GOOD.encode()]))
    if code is None:
        assert ([offset for offset, *_ in events], dead) == ([0, 1], [])
        return
    assert [offset for offset, *_ in events] == [0, 2]
    (letter,) = dead
    assert (letter.partition, letter.offset, letter.code) == (2, 1, code)
    assert words in letter.reason
    assert len(letter.reason) < 250
    assert (letter.raw, letter.length) == (raw, len(raw))
    assert letter.sha256 == hashlib.sha256(raw).hexdigest()
    both.check([GOOD.encode(), raw, GOOD.encode()])


@pytest.mark.parametrize(
    ("raw", "column", "value"),
    [
        (
            changed("1799999999000", str(ARRIVAL_MS + FUTURE_TOLERANCE_MS)),
            "event_time",
            1_800_000_300_000,
        ),
        (changed("1799999999000", "946684800000"), "event_time", 946_684_800_000),
        (
            changed("1799999999000", '"2026-01-02T03:04:05.6789+08:00"'),
            "event_time",
            1_767_294_245_678,
        ),
        (changed("1799999999000", '"2026-01-02t03:04:05-00:30"'), "event_time", 1_767_324_845_000),
        (changed("1799999999000", '"2024-02-29 00:00:00Z"'), "event_time", 1_709_164_800_000),
        (changed("12.5", "-12.5"), "amount", -125_000),
        (changed("12.5", "-0.0"), "amount", 0),
        (changed("12.5", "0e30"), "amount", 0),
        (changed("12.5", "0e99999999999999999999"), "amount", 0),
        (changed("12.5", '"12.50"'), "amount", 125_000),
        (changed("12.5", "1.25e1"), "amount", 125_000),
        (changed("12.5", "12.50" + "0" * 40), "amount", 125_000),
        (changed("12.5", "900719925474.09"), "amount", 9_007_199_254_740_900),
        (changed('12.5,"currency":"EUR"', '12.345,"currency":"KWD"'), "amount", 123_450),
        (changed('12.5,"currency":"EUR"', '12.3450,"currency":"JOD"'), "amount", 123_450),
        (changed('12.5,"currency":"EUR"', '900719925474.0992,"currency":"CLF"'), "amount", 2**53),
        (changed('12.5,"currency":"EUR"', '12,"currency":"JPY"'), "amount", 120_000),
        (changed('12.5,"currency":"EUR"', '12.00,"currency":"JPY"'), "amount", 120_000),
        (plus('"account":"a2"'), "account", "a2"),
        (plus('"amount":13'), "amount", 130_000),
        (plus('"account":7,"account":"a2"'), "account", "a2"),
        (plus('"channel":"web","channel":null'), "channel", None),
        (plus('"channel":null,"channel":"web"'), "channel", "web"),
        (plus('"channel":"web","channel":""'), "channel", None),
        (plus('"lat":-0.0'), "lat", 0.0),
        (plus('"lat":"-0.0","x":"\\n"'), "lat", 0.0),
        (plus('"lat":1e-400'), "lat", 0.0),
        (plus('"lat":-1e-99999999999999999999'), "lat", 0.0),
        (plus('"price":9007199254740993'), "price", 9007199254740992.0),
        (plus('"price":0.1234567890123456789'), "price", 0.12345678901234568),
        (plus('"channel":"\\u94f6\\u884c\\ud83d\\ude00"'), "channel", "银行😀"),
        (plus('"ch\\u0061nnel":"web"'), "channel", "web"),
        (plus('"cash":false'), "cash", False),
        (nested(256), "account", "a1"),
        (nested(255), "account", "a1"),
        (GOOD + "\r", "account", "a1"),
        (" \t" + GOOD + " \t", "account", "a1"),
    ],
    ids=lambda value: str(value)[-60:],
)  # fmt: skip
def test_accepted(both, raw, column, value):
    raw = raw.encode()
    wanted = {} if value is None else {column: (type(value).__name__, repr(value))}
    ((_offset, _raw, event),), dead = both.check([raw])
    assert {name: found for name, found in event.items() if name == column} == wanted
    assert dead == []


def test_kwd_with_four_decimals(both):
    raw = changed('12.5,"currency":"EUR"', '12.3456,"currency":"KWD"').encode()
    _events, (letter,) = both.check([raw])
    assert letter.code == "excess_decimals"
    assert letter.reason == "amount in KWD has 3 decimals, was 12.3456"


@pytest.mark.parametrize("filler", ["x" * (10 << 20), "\\n" * (5 << 20)], ids=["plain", "escaped"])
@pytest.mark.parametrize("explicit", [False, True])
def test_too_large(both, filler, explicit):
    raw = plus(f'"note":"{filler}"').encode()
    good = GOOD.encode()
    data = good + b"\n" + raw + b"\n" + good
    ends = np.array([len(good) + 1, len(good) + len(raw) + 2, len(data)]) if explicit else None
    events, (letter,) = both.seen(data, ends=ends)
    whole = raw + b"\n" if explicit else raw
    assert [offset for offset, *_ in events] == [0, 2]
    assert (letter.offset, letter.code, letter.length) == (1, "too_large", len(whole))
    assert f"at most {RECORD_BYTES_MAX} bytes, was {len(whole)}" in letter.reason
    assert letter.raw == whole[:RAW_BYTES_KEPT]
    assert letter.sha256 == hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize("unit", ["x", "\\n"])
def test_the_largest_that_is_accepted(both, unit):
    room = RECORD_BYTES_MAX - len(plus('"note":""'))
    filler = (unit * room)[: room - room % 2]
    raw = plus(f'"note":"{filler}"').ljust(RECORD_BYTES_MAX).encode()
    assert len(raw) == RECORD_BYTES_MAX
    assert [len(found) for found in both.check([raw])] == [1, 0]
    _events, (letter,) = both.seen(raw + b" ")
    assert letter.code == "too_large"
