"""What an analyst reads after a mistake; and that no text can do anything but be refused."""

import builtins
import os
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.errors import ConfigError
from models.expressions.parsing import ExpressionError
from models.expressions.program import Root, compile_program
from models.expressions.tree import Type

MISTAKES = [
    # text, column, words of the message, words of the hint
    ("payd_1h > 3", 1, "payd_1h", "did you mean paid_1h"),
    ("price > 1 AND chanel = 'card'", 15, "chanel", "did you mean channel"),
    ("price > 1\n  AND chanel = 'card'", 17, "chanel", "did you mean channel"),
    ("pack.payd_1h > 3", 1, "pack.payd_1h", "pack.paid_1h"),
    ("Country = 'CN'", 1, "Country", "did you mean country"),
    ("country IN wotch", 12, "wotch", "did you mean watch"),
    ('country = "CN"', 11, "CN", "single quotes: 'CN'"),
    ('country = "channel"', 11, "channel", "single quotes: 'channel'"),
    ("country = CN", 11, "CN", ""),
    ("km(price, 1, 2) > 3", 1, "km takes 4 to 4 arguments", "was 3"),
    ("local_hour(event_time) > 3", 1, "local_hour takes 2 to 2", "was 1"),
    ("local_hour(event_time, country) > 3", 24, "a constant time zone", "'Asia/Shanghai'"),
    ("local_hour(event_time, 'Asia/Shangai') > 3", 24, "called Asia/Shangai", "Asia/Shanghai"),
    ("price = NULL", 1, "NULL", "IS NULL"),
    ("price <> NULL", 1, "NULL", "IS NOT NULL"),
    ("channel = 5", 1, "channel (text) with 5 (number)", "single quotes"),
    ("price = 'x'", 1, "price (number) with 'x' (text)", "single quotes"),
    ("cash = 1", 1, "cash (true or false)", ""),
    ("1 < price < 5", 1, "1 < price", ""),
    ("channel > 'a'", 1, "> does not work on text", "LIKE"),
    ("channel BETWEEN 'a' AND 'b'", 1, ">= does not work on text", "LIKE"),
    ("price BETWEEN SYMMETRIC 5 AND 1", 1, "SYMMETRIC", "low AND high"),
    ("channel + 1 > 2", 1, "channel is text", "number"),
    ("ABS(channel) > 1", 5, "channel is text", "number"),
    ("price", 1, "price is number", "compare it"),
    ("cash AND price", 10, "price is number", "compare it"),
    ("NOT price", 5, "price is number", "compare it"),
    ("CASE WHEN cash THEN 1 ELSE 'a' END > 1", 28, "'a' is text", "number"),
    ("CASE channel WHEN 'a' THEN 1 END > 0", 6, "CASE x WHEN", "CASE WHEN x ="),
    ("SUM(price) > 1", 1, "sum", "feature"),
    ("COUNT(*) > 1", 1, "count", "feature"),
    ("SUM(price) OVER (PARTITION BY channel) > 1", 1, "OVER", "feature"),
    ("NOW() > 1", 1, "now", "event_time"),
    ("CURRENT_TIMESTAMP > 1", 1, "current_timestamp", "event_time"),
    ("CAST(price AS INT) > 1", 6, "CAST", "types"),
    ("price::int > 1", 1, "CAST(price AS INT)", "types"),
    ("(price > 1", 10, "'1'", "parenthesis"),
    ("price > 1)", 10, "')'", ""),
    ("price > 1 AND", 11, "'AND'", ""),
    ("price > 1 AND AND cash", 15, "'AND'", ""),
    ("price >\n 1 AND", 12, "'AND'", ""),
    ("cash && cross_border", 6, "&&", "AND"),
    ("cash || cross_border", 6, "||", "OR"),
    ("price ≥ 5", 7, "≥ is no comparison", ">="),
    ("price => 5", 7, "=> is no comparison", ">="),
    ("price ≠ 5", 7, "≠", "<>"),
    ("channel = “card”", 11, "“ opens no text", "'x'"),
    ("（price > 5）", 1, "（ is no bracket", "( and )"),
    ("channel IN ('a'，'b')", 16, "， separates nothing", "comma"),
    ("price >= 1,000", 10, "1,000 is no number", "digits only"),
    ("!cash", 1, "! denies nothing", "NOT"),
    ("channel IN (card, 'b')", 13, "no list is called card", "'card'"),
    ("price := 3", 1, ":=", "="),
    ("price > 1; price < 3", 1, ";", "semicolon"),
    ("price IN (SELECT 1)", 1, "IN", "SELECT"),
    ("(SELECT 1) > 1", 9, "SELECT", "SELECT"),
    ("EXISTS (SELECT 1)", 16, "exists", "SELECT"),
    ("watch = 'CN'", 1, "watch is a list", "IN (watch)"),
    ("channel IN ()", 1, "IN needs a list", "IN ('a', 'b')"),
    ("price IN (1, 'a')", 1, "same type", ""),
    ("price IN (quantity)", 1, "constants", ""),
    ("flor(price) > 1", 1, "flor", "did you mean floor"),
    ("ROUND(price, 2) > 1", 1, "round takes 1 to 1", "was 2"),
    ("POWER(price) > 1", 12, "')'", ""),
    ("LOG(price) > 1", 1, "log", "log10"),
    ("LOG(2, price) > 1", 1, "log", "log10"),
    ("channel LIKE country", 1, "constant pattern", "LIKE 'A%'"),
    ("channel LIKE NULL", 1, "constant pattern", "LIKE 'A%'"),
    ("last_device LIKE 'a%'", 1, "LIKE", "LIKE 'A%'"),
    ("channel LIKE 'a' ESCAPE '!'", 1, "ESCAPE", ""),
    ("price IS 5", 1, "IS 5", "IS NULL"),
    ("price > 1e", 9, "1e is not a number", "1e6"),
    ("price > 1e400", 9, "1e400", "1.8e308"),
    ("price > 10k", 1, "10 AS k", "digits"),
    ("price > 1_000", 1, "1 AS _000", "digits"),
    ("price > 5%", 9, "5% is no number", "0.05"),
    ("channel = 'card", 1, "no end", "single quotes"),
    ("price > 1 /* x", 1, "no end", ""),
    ("", 1, "empty", "TRUE"),
    (" \n\t", 1, "empty", "TRUE"),
    ("-- nothing", 1, "cannot read", ""),
    ("(" * 1000 + "cash" + ")" * 1000, 1, "too deeply", "features"),
    ("(" * 9000, 1, "too deeply", "features"),
    ("NOT " * 1000 + "cash", 1, "too deeply", "features"),
    ("price + " * 300 + "1 > 1", 1, "too deeply", "features"),
    (" OR ".join(f"price = {i}" for i in range(1200)), 1, "2000 terms", "IN"),
    (" OR ".join(f"price = {i}" for i in range(6500)), 1, "20000 characters", "IN"),
    ("x" * 100_000, 1, "20000 characters, was 100000", ""),
]


@pytest.mark.parametrize(
    ("sql", "column", "said", "hinted"), MISTAKES, ids=lambda value: str(value)[:40]
)
def test_mistake(harness, sql, column, said, hinted):
    with pytest.raises(ExpressionError) as caught:
        harness.parser.parse(sql, Type.FLAG)
    assert isinstance(caught.value, ConfigError)
    assert said in caught.value.message
    assert hinted in caught.value.hint
    assert caught.value.hint
    assert caught.value.column == column


@pytest.mark.parametrize(
    "sql",
    [
        "__import__('os').system('touch {path}')",
        "eval('open(1)') > 1",
        "price.__class__ = 'x'",
        "read_csv('/etc/passwd') = 'x'",
        "pg_read_file('/etc/passwd') = 'x'",
        "load_file('/etc/passwd') = 'x'",
        "COPY price FROM '/etc/passwd'",
        "COPY price TO PROGRAM 'touch {path}'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "price > 1; DROP TABLE price",
        "price > 1 UNION SELECT 1",
        "ATTACH '/etc/passwd' AS x",
        "INSTALL httpfs",
        "PRAGMA x",
        "SET x = 1",
        "EXECUTE IMMEDIATE 'x'",
        "CREATE FUNCTION f() RETURNS INT LANGUAGE python AS 'x'",
        "{{ ''.__class__ }}",
        "{% include '/etc/passwd' %}",
        "${{HOME}} > 1",
        "$$x$$ = 'x'",
        "@@version = 'x'",
        "lambda: 0",
        "x -> x + 1",
        "[x for x in price]",
        "price[0] > 1",
        "*",
        "price > ?",
        "price > :limit",
        "`price` > 1 `",
        "price > 0x10",
        "X'414243' = 'x'",
        "\0",
        "\\",
    ],
)
def test_hostile_text_is_only_refused(harness, monkeypatch, tmp_path, sql):
    def forbidden(*arguments, **named):
        raise AssertionError(arguments)

    monkeypatch.setattr(builtins, "eval", forbidden)
    monkeypatch.setattr(builtins, "open", forbidden)
    monkeypatch.setattr(os, "system", forbidden)
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    with pytest.raises(ExpressionError):
        harness.parser.parse(sql.replace("{path}", str(tmp_path / "made")), Type.FLAG)
    monkeypatch.undo()
    assert not (tmp_path / "made").exists()


WORDS = """\
price amount channel cash watch paid_1h pack . , ; ( ) [ ] { } + - * / % = <> < <= > >= := :: &
&& | || ! ~ ^ ? : @ $ # AND OR NOT IN BETWEEN LIKE ESCAPE IS NULL TRUE FALSE CASE WHEN THEN
ELSE END COALESCE IF SUM COUNT OVER PARTITION BY SELECT FROM WHERE CAST AS INT INTERVAL DATE
EXISTS ANY ALL DISTINCT NOW ROUND POWER LEAST LOG 1 2.5 .5 1. 1e 1e5 1e999 0x1f 007 'a' 'a%'
"a" "price" `a` -- /* */ '\\ " ' 卡 é LAMBDA -> => STRUCT ARRAY MAP FILTER WITHIN GROUP ORDER
EXTRACT TRIM SUBSTRING POSITION DROP TABLE SET VALUES JOIN ON UNION LIMIT AT TIME ZONE COLLATE
SIMILAR TO RLIKE GLOB ISNULL NOTNULL XOR DIV MOD UNNEST LATERAL PIVOT USING PRIOR CONNECT
TRY_CAST CONVERT NEXT VALUE FOR""".split()  # noqa: SIM905


@given(words=st.lists(st.sampled_from(WORDS), max_size=14), glue=st.sampled_from([" ", ""]))
@example(words=["price", "NOT", "LIKE", "'a'"], glue=" ")
def test_any_words_parse_or_are_refused(harness, words, glue):
    refused_or_compiled(harness, glue.join(words))


@given(text=st.text(max_size=60))
def test_any_text_parses_or_is_refused(harness, text):
    refused_or_compiled(harness, text)


def refused_or_compiled(harness, text):
    node = None
    try:
        node = harness.parser.parse(text, Type.FLAG)
    except ExpressionError as caught:
        error = caught
    if node is None:
        assert 1 <= error.column <= max(len(text), 1)
        assert error.hint
        return
    compile_program([Root(node, 0, 1, is_rule=True)], harness.secret, harness.locate)


HEADS = """( [ { - ~ NOT abs( coalesce(1, least( cast( if( case@when@ in( price@in@( (select@ x-> a.
a[ a:: not@exists( {fn@ array[ struct( object( union( char( case@when@price@between@"""


@pytest.mark.parametrize("head", HEADS.split())
@pytest.mark.parametrize("times", [12, 24, 60, 400])
def test_unfinished_nesting_is_refused_soon(harness, head, times):
    with pytest.raises(ExpressionError):
        harness.parser.parse(head.replace("@", " ") * times + "price", Type.NUMBER)


def test_the_deepest_that_parses_also_compiles_and_runs(harness, row):
    deepest = 0
    for depth in range(10, sys.getrecursionlimit(), 10):
        sql = "price + " * depth + "1 > 0"
        try:
            node = harness.parser.parse(sql, Type.FLAG)
        except ExpressionError:
            break
        deepest = depth
        assert harness.number(node, [row(price=1.0)])[0] == 1.0
    assert deepest >= 50
