"""SQL text to sqlglot's tree, in bounded time, whatever the text."""

from itertools import pairwise
from typing import Final

import sqlglot
from sqlglot import expressions as sql
from sqlglot.errors import SqlglotError
from sqlglot.parser import Parser as SqlParser
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from models.expressions.problems import ExpressionError

_RETRIED: Final = frozenset({"char", "object", "struct", "union"})
_RETRIED_MAX: Final = 8
"""The parser tries these words twice, and names of types before what opens something, and so takes
twice as long with each level of them."""
_OPENS: Final = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.LT})


def read_sql(text: str) -> sql.Expr:
    """SQL text to sqlglot's tree; whatever it raises is the text's fault."""
    try:
        tokens = sqlglot.tokenize(text)
        retried = sum(token.text.lower() in _RETRIED for token in tokens)
        retried += sum(
            token.token_type in SqlParser.TYPE_TOKENS and following.token_type in _OPENS
            for token, following in pairwise(tokens)
        )
        if retried > _RETRIED_MAX:
            raise ExpressionError("nested too deeply", hint="split it into features")
        return sqlglot.parse_one(text)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, SqlglotError):
            raise
        raise ExpressionError(
            "this is no condition", hint="compare columns and features, joined by AND and OR"
        ) from error
