"""A pack's `map:` — other names on the wire, and constants where a record has none."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.events import Column, ColumnType

ALIASES = {"amt": "amount", "payer": "account", "value_paid": "amount", "ch": "channel"}
CONSTANTS = {"tenant": "bank-1", "kind": "payment", "channel": "转账", "currency": "EUR"}
BASE = {"event_id": "p1", "event_time": 1_799_999_999_000, "payer": "a1", "amt": 12.5}


@pytest.fixture(scope="module")
def mapped(make_both):
    extra = {"terminal": Column("terminal", ColumnType.TEXT, "terminal")}
    return make_both(aliases=ALIASES, constants=CONSTANTS, extra=extra)


def written(**changes):
    return orjson.dumps({k: v for k, v in (BASE | changes).items() if v is not ...})


def test_aliases_and_constants(mapped):
    ((_offset, _raw, event),), dead = mapped.check([written()])
    assert dead == []
    found = {name: event[name][1] for name in ("amount", "account", "tenant", "channel", "kind")}
    assert found == {
        "amount": "125000",
        "account": "'a1'",
        "tenant": "'bank-1'",
        "channel": "'转账'",
        "kind": "'payment'",
    }


@pytest.mark.parametrize("absent", [None, ""])
def test_absent_null_and_empty_are_the_same_for_constants(mapped, absent):
    ((_offset, _raw, event),), _dead = mapped.check([written(tenant=absent)])
    assert event["tenant"] == ("str", "'bank-1'")


def test_a_record_outdoes_a_constant(mapped):
    ((_offset, _raw, event),), _dead = mapped.check([written(tenant="bank-2", ch="银行")])
    assert (event["tenant"][1], event["channel"][1]) == ("'bank-2'", "'银行'")


def test_a_renamed_column_no_longer_goes_by_its_own_name(mapped):
    raw = written(amt=..., amount=5)
    _events, (letter,) = mapped.check([raw])
    assert (letter.code, "is missing" in letter.reason) == ("missing_column", True)


def test_reasons_speak_the_wires_names(mapped):
    _events, (letter,) = mapped.check([written(payer=7)])
    assert letter.reason == "payer must be text, was 7"


def test_constants_stand_beside_slow_records(mapped):
    # an escape sends the record the slow way
    raw = json.dumps(BASE | {"payer": "银行"}).encode()
    mapped.check([written(), raw, written(tenant="t"), b"{oops", written()])


@given(
    events=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                key: st.sampled_from([None, "", "a", "银行", "12.5", 7, 0.5])
                for key in [*ALIASES, *CONSTANTS, "amount", "account", "device", "event_id"]
            },
        ).map(lambda changes: BASE | changes),
        max_size=6,
    ),
    write=st.sampled_from([orjson.dumps, lambda value: json.dumps(value).encode()]),
    backwards=st.booleans(),
)
def test_mapped_blocks_are_each_record_alone(mapped, events, write, backwards):
    if backwards:
        events = [dict(reversed(event.items())) for event in events]
    mapped.check([write(event) for event in events])
