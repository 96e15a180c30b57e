"""Reference data as of event time: the kernel against its definition, and types that must fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError, Place
from models.events import Column, ColumnType
from models.hashing import Secret
from models.lookups import ALWAYS, NEVER, Entry, LookupSpec, LookupTable, arrays_of, join, words_of
from models.reference.lookups import look_up

SECRET = Secret(b"lookup test data")
PLACE = Place("table.csv", 3)
KEYS = ("IR", "KP", "伊朗", "x")
TIMES = st.integers(0, 12)


def spec(kind: ColumnType, value: str = "risk") -> LookupSpec:
    return LookupSpec(Column("found", kind, "found"), "table", value, "country", PLACE)


@st.composite
def tables(draw, values):
    begun = draw(st.lists(st.tuples(st.sampled_from(KEYS), TIMES | st.just(ALWAYS)), unique=True))
    entries = []
    for key, since in sorted(begun):
        until = draw(st.just(NEVER) | st.integers(max(since, 0) + 1, 14))
        text = draw(values)
        entries.append(Entry(key, since, until, {"risk": text} if text else {}, PLACE))
    return LookupTable(("risk",), tuple(entries))


def joined(found: LookupSpec, table: LookupTable, asked) -> np.ndarray:
    keys = np.array([SECRET.text(key) if key else 0 for key, _at in asked], np.uint64)
    out = np.full(len(asked), 7, np.uint64)
    times = np.array([at for _key, at in asked], np.int64)
    join(arrays_of(found, table, SECRET), keys, times, out)
    return out


ASKED = st.lists(st.tuples(st.sampled_from((*KEYS, "")), TIMES), min_size=1, max_size=20)


@given(st.data())
def test_texts_are_those_of_the_definition(data):
    table, asked = data.draw(tables(st.sampled_from(("", "low", "高")))), data.draw(ASKED)
    words = words_of(spec(ColumnType.TEXT), table, SECRET)

    for bits, (key, at) in zip(joined(spec(ColumnType.TEXT), table, asked), asked, strict=True):
        if not key:
            assert bits == 7  # NULL stays what it was
        else:
            wanted = look_up(table, "risk", key, at)
            assert (words[int(bits)] if bits else None) == wanted


@given(st.data())
def test_numbers_are_those_of_the_definition(data):
    table = data.draw(tables(st.sampled_from(("", "0", "-1.5", "1e3"))))
    asked = data.draw(st.lists(st.tuples(st.sampled_from(KEYS), TIMES), min_size=1))

    found = joined(spec(ColumnType.NUMBER), table, asked).view(np.float64)

    wanted = [look_up(table, "risk", key, at) for key, at in asked]
    expected = [np.nan if text is None else float(text) for text in wanted]
    assert np.array_equal(found, np.array(expected), equal_nan=True)


@given(st.data())
def test_whether_a_key_is_listed_is_as_defined(data):
    table = data.draw(tables(st.just("")))
    asked = data.draw(st.lists(st.tuples(st.sampled_from(KEYS), TIMES), min_size=1))

    found = joined(spec(ColumnType.FLAG, ""), table, asked).view(np.float64)

    assert found.tolist() == [float(look_up(table, "", key, at)) for key, at in asked]


@pytest.mark.parametrize(
    ("kind", "text"),
    [(ColumnType.NUMBER, "high"), (ColumnType.NUMBER, "inf"), (ColumnType.FLAG, "yes")],
)
def test_a_value_of_another_type_is_refused_with_its_place(kind, text):
    table = LookupTable(("risk",), (Entry("IR", ALWAYS, NEVER, {"risk": text}, PLACE),))

    with pytest.raises(ConfigError, match=f"risk of IR is '{text}'") as caught:
        arrays_of(spec(kind), table, SECRET)
    assert caught.value.place == PLACE
