"""Expressions: those of the repository's packs, and SQL that must not mean anything here."""

import re
from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

import sqlglot
from sqlglot import expressions as sql

from benchmarks.fuzz.mutation import spoil_tokens, times
from models.pack import PackSpec

_TOKEN: Final = re.compile(
    r"'[^']*'|[A-Za-z_][\w.]*|[0-9.]+(?:[eE][-+]?\d+)?|\s+|<=|>=|<>|.", re.DOTALL
)

_WORDS: Final = tuple(
    r"""
    AND OR NOT IN BETWEEN LIKE ILIKE RLIKE GLOB SIMILAR IS NULL TRUE FALSE CASE WHEN THEN ELSE END
    ESCAPE ANY ALL SOME EXISTS DISTINCT AS FROM SELECT UNION WITH OVER FILTER ( ) (( )) [ ] { } , ;
    . .. : :: := = == <> != < <= > >= <=> + - * / % // ** ^ & | || && ~ ! ? @ # $ $1 :x @x ` " ' ''
    -- /* */ /**/ --x \ \\ \' => -> ->> #> @> <@ << >> 0 1 -1 1e5 1e308 1e309 1e-400 1e 1e+ .5 5.
    0x1F 0b1 1_000 999999999999999999999999999 1.5.5 '' 'x' '%' '_' '%a%a%a%a%a%a%b' 'a''b' '\x00'
    N'x'
    E'\n' X'41' b'x' r'x' U&'x' "amount" `amount` [amount] amount event_time account cash price kind
    status currency payments_1m nope Amount AMOUNT a.b.c.d NaN Infinity nan inf CURRENT_TIMESTAMP
    CURRENT_DATE INTERVAL DATE TIMESTAMP ARRAY MAP STRUCT OBJECT CHAR ROW VALUES LATERAL UNNEST
    PIVOT
    银行 é 😀 ﹪ ｘ 𝟙 ∞ ≥ ‘x’
    """.split()  # noqa: SIM905 - a list of quoted words reads worse
)
_TRICKS: Final = tuple(
    line.strip()
    for line in r"""
    (SELECT 1)
    amount IN (SELECT amount FROM events)
    EXISTS (SELECT 1)
    1; DROP TABLE events
    1 = 1 -- and so on
    amount /* inside */ > 1
    amount > 1 /* open
    read_csv('/etc/passwd') IS NULL
    read_text('/etc/passwd') LIKE 'root%'
    pg_read_file('/etc/passwd') = 'x'
    LOAD_FILE('/etc/passwd') = 'x'
    load_extension('x.so')
    COPY events TO '/tmp/x'
    CAST(account AS INT) > 1
    account::int > 1
    TRY_CAST(account AS INT) > 1
    CONVERT(INT, account) > 1
    amount > NOW()
    event_time > CURRENT_TIMESTAMP
    SUM(amount) OVER (PARTITION BY account ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) > 1
    ROW_NUMBER() OVER () = 1
    COUNT(*) > 1
    SUM(amount) FILTER (WHERE cash) > 1
    amount > ALL (1, 2)
    amount > ANY (ARRAY[1, 2])
    account LIKE 'a' ESCAPE 'a'
    account LIKE account
    account LIKE '%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%b'
    account RLIKE '(a+)+$'
    account SIMILAR TO '(a|b)*'
    REGEXP_LIKE(account, '(a+)+$')
    account || 'x' = 'ax'
    CONCAT(account, 'x') = 'ax'
    amount BETWEEN SYMMETRIC 2 AND 1
    amount BETWEEN NULL AND 1
    NOT NOT NOT cash
    - - - amount > 1
    + amount > 1
    CASE amount WHEN 1 THEN TRUE END
    CASE WHEN cash THEN TRUE END
    IF(cash, TRUE, FALSE)
    IFF(cash, amount, 1) > 1
    COALESCE(NULL, NULL) IS NULL
    COALESCE() IS NULL
    NULLIF(amount, 1) > 1
    NULL
    NULL = NULL
    NULL IS NULL
    (1, 2) = (1, 2)
    (amount, price) IN ((1, 2))
    amount IN ()
    amount IN (NULL)
    account IN ('a', NULL)
    cash IN (TRUE, FALSE)
    cash IS NOT TRUE
    amount IS TRUE
    amount IS DISTINCT FROM 1
    1 / 0 = 1
    amount % 0 IS NULL
    power(1e308, 2) > 1
    sqrt(-1) IS NULL
    LOG(2, 8) = 3
    LOG10(0) IS NULL
    round(amount, 2) = 1
    greatest() > 1
    least(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17) > 1
    {'a': 1}
    [1, 2, 3]
    x -> x + 1
    @variable > 1
    $1 = 1
    ? = 1
    :name = 1
    {{ jinja }} = 1
    {% if x %}
    $$text$$ = 'x'
    amount AS x
    * = 1
    events.* IS NULL
    account COLLATE nocase = 'a'
    account AT TIME ZONE 'UTC' > 1
    INTERVAL '1' DAY > 1
    EXTRACT(YEAR FROM event_time) > 1
    DATE '2024-01-01' > event_time
    JSON_EXTRACT(account, '$.a') = 1
    account -> 'a' = 1
    XMLTABLE('x' PASSING account)
    TRANSFORM(account) USING 'x' AS y
    VALUES (1)
    WITH x AS (SELECT 1) SELECT * FROM x
    SET x = 1
    PRAGMA table_info(x)
    ATTACH 'x' AS y
    CREATE TABLE x (y INT)
    GRANT ALL ON x TO y
    """.splitlines()
    if line.strip()
)
_NESTED: Final = (
    ("(", "cash", ")"), ("NOT (", "cash", ")"), ("-(", "amount", ")"), ("NOT ", "cash", ""),
    ("- ", "amount", ""), ("CASE WHEN cash THEN ", "1", " END"), ("abs(", "amount", ")"),
    ("CASE WHEN ", "cash", " THEN TRUE END"), ("coalesce(", "amount", ", 1)"), ("(1 + ", "1", ")"),
    ("(cash AND ", "cash", ")"), ("amount BETWEEN 1 AND (", "1", ")"), ("(SELECT ", "1", ")"),
    ("[", "1", "]"), ("{", "1", "}"), ("cast(", "amount", " AS INT)"), ("/*", "x", "*/"),
    ("amount IN (", "1", ")"), ("ARRAY<", "INT", ">"), ("x::", "STRUCT", ""),
    ("", "cash", " AND cash"),
    ("", "amount", " + 1"), ("", "amount", "::int"), ("", "amount", "[1]"), ("", "a", ".a"),
    ("least(1, ", "amount", ")"), ("EXISTS(", "SELECT 1", ")"), ("", "cash", " IS NULL"),
    ("INTERVAL ", "1", ""), ("x -> ", "1", ""), ("((", "cash", ") OR cash)"), ("'", "a", "'"),
)  # fmt: skip
_ARGUMENTS: Final = (
    "", "1", "1, 2", "1, 2, 3", "1, 2, 3, 4, 5, 6, 7", "'x'", "'x', 'y'", "amount", "amount, 'x'",
    "*", "DISTINCT 1", "NULL", "1 AS x", "'a': 1", "x -> 1", "1 FROM 2", "(1)", "SELECT 1", "[1]",
    "1 ORDER BY 2", "INTERVAL 1 DAY", "x => 1", "'%', '%'", "1.5", "'$.['", "DATE 'x'", "1 AS INT",
)  # fmt: skip
_FORMS: Final = ("{0}({1})", "{0} {1}", "{0}[{1}]", "{0}<{1}>", "1 {0} {1}", "amount::{0}({1})")
_COUNTS: Final = (3, 12, 24, 49, 98, 101, 130, 400, 1500, 6000)
_CALLED: Final = tuple(
    sorted(
        {name for name in sqlglot.Tokenizer.KEYWORDS if name.isidentifier()}
        | set(sql.FUNCTION_BY_NAME)
    )
)
"""Every word that the parser knows: some of them it reads in ways of their own."""


def expressions_of(packs: Iterable[PackSpec]) -> list[str]:
    """Every expression that stands in these packs."""
    found = set()
    for pack in packs:
        for feature in pack.features:
            found |= {feature.where, feature.value if " " in feature.value else ""}
        found |= {one.text for one in pack.derived.values()}
        for rule in pack.rules:
            found |= {rule.absent.where} if rule.absent else set()
            found |= {rule.when, *(condition for _severity, condition in rule.severity)}
    return sorted(found - {""})


def nasty_words(chance: Random) -> str:
    """A token, a trick, or something nested."""
    sort = chance.random()
    if sort < 0.75:
        return f" {chance.choice(_WORDS)} " if chance.random() < 0.6 else chance.choice(_WORDS)
    if sort < 0.9:
        return f"({called(chance) if chance.random() < 0.5 else chance.choice(_TRICKS)})"
    return nested(chance, _COUNTS[:3])


def nested(chance: Random, counts: Sequence[int] = _COUNTS) -> str:
    """The same thing within itself, many times; the word may be any that the parser knows."""
    count = chance.choice(counts)
    if chance.random() < 0.4:
        begin, inner, end = chance.choice(_NESTED)
        return begin * count + inner + end * count
    word = chance.choice(_CALLED)
    opened, closed = chance.choice((("(", ")"), ("(", ")"), ("<", ">"), ("[", "]"), (" ", "")))
    more = chance.choice(("", "", ", 1", " AS INT", " FROM x"))
    if chance.random() < 0.3:
        other = chance.choice(_CALLED)
        return f"{word}{opened}{other}{opened}" * count + "1" + f"{closed}{closed}" * count
    return f"{word}{opened}" * count + "1" + f"{more}{closed}" * count


def called(chance: Random) -> str:
    """Any word that the parser knows, as a function, type or operator, with all sorts of things."""
    form, word = chance.choice(_FORMS), chance.choice(_CALLED)
    return form.format(word, chance.choice(_ARGUMENTS))


def chained(chance: Random) -> str:
    """Very wide instead of very deep."""
    count = chance.choice((10, 300, 660, 1000, 2100, 5000))
    match chance.randrange(4):
        case 0:
            return f"amount IN ({', '.join(str(i) for i in range(count))})"
        case 1:
            return chance.choice((" OR ", " AND ")).join(["amount > 1"] * count)
        case 2:
            return "x" * count * 5 + " > 1"
        case _:
            return "amount" + chance.choice((" + 1", " * amount", "-1")) * count + " > 0"


class Sentences:
    """Spoiled expressions, from a pool of good ones."""

    def __init__(self, pool: Sequence[str]) -> None:
        self._pool = pool
        self._tokens = [_TOKEN.findall(text) for text in pool]

    def make(self, chance: Random) -> str:
        """Make one expression, spoiled or not."""
        sort = chance.random()
        if sort < 0.03:
            return nested(chance)
        if sort < 0.035:
            return chained(chance)
        if sort < 0.08:
            return chance.choice(_TRICKS)
        if sort < 0.2:
            return f"{called(chance)}{chance.choice(('', ' > 1', ' IS NULL', ' = 1'))}"
        at = chance.randrange(len(self._pool))
        rounds = times(chance, 0.15)
        if not rounds:
            return self._pool[at]
        tokens = list(self._tokens[at])
        other = self._tokens[chance.randrange(len(self._pool))]
        for _ in range(rounds):
            spoil_tokens(tokens, chance, other, nasty_words)
        text = "".join(tokens)
        if chance.random() < 0.2:
            joiner = chance.choice((" AND ", " OR ", " = ", " + ", ", "))
            text = f"({text}){joiner}({''.join(other)})"
        return text
