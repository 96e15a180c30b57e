"""What fuzzing found: the smallest inputs, kept so that no cause comes back.

Run `python -m benchmarks.fuzz.run` to look for more.
"""

from contextlib import suppress

import pytest

from benchmarks.fuzz.files import load_and_draw
from benchmarks.fuzz.guard import guarded
from models.errors import ConfigError
from models.expressions.parsing import Parser
from models.expressions.tree import Name, Source, Type

CAP_IN_A_SEVERITY = """
pack: p
on: [payment]
event_cap: 100
features:
  n: {count: "*", by: account, over: 1m}
rules:
  - id: F01
    name: {en: a, zh: b}
    when: amount > 1
    subject: account
    severity: {high: n >= 100, low: TRUE}
    because: {en: a, zh: b}
"""


def test_found_threshold_beyond_the_cap_in_a_severity_is_a_config_error(tmp_path):
    """It raised StopIteration: only rules' conditions were searched for who compares."""
    path = tmp_path / "pack.yaml"
    path.write_text(CAP_IN_A_SEVERITY)
    with pytest.raises(ConfigError, match=r"n is compared with 100, but at most 100 events"):
        load_and_draw(path)


def test_found_a_feature_may_sum_a_constant(tmp_path):
    """It raised ValueError: a constant is no column, and was not among the derived ones either."""
    path = tmp_path / "pack.yaml"
    sums = CAP_IN_A_SEVERITY.replace('count: "*"', "sum: 5").replace("n >= 100", "n > 5")
    path.write_text(sums)
    with suppress(ConfigError):  # refusing it is as good
        load_and_draw(path)


@pytest.mark.parametrize("word", ["longblob", "int", "varchar", "timestamp"])
def test_found_nested_type_words_are_refused_soon(word):
    """Every level doubled the parser's time: it tries a type's name as a type, then as a call."""
    parser = Parser({"amount": Name("amount", Source.MONEY)})
    text = f"{word}(" * 24 + "1" + ")" * 24
    with guarded(), pytest.raises(ConfigError):
        parser.parse(text, Type.FLAG)


@pytest.mark.parametrize("text", ["VAR_MAP(1)", "NULLABLE<NULL>"])
def test_found_whatever_the_sql_parser_raises_is_a_config_error(text):
    """The parser's builders raised IndexError and KeyError, which nobody caught."""
    parser = Parser({"amount": Name("amount", Source.MONEY)})
    with pytest.raises(ConfigError):
        parser.parse(text, Type.FLAG)
