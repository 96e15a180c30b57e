"""Whether the parts of an expression agree in type, and how large it may be."""

from collections.abc import Sequence
from typing import Final

from sqlglot import expressions as sql

from models.expressions.problems import ExpressionError, problem
from models.expressions.tree import Call, Constant, Node, Type

TERMS_MAX: Final = 2000
_DEPTH_MAX: Final = 100


def is_null(node: Node) -> bool:
    """Whether it is the literal NULL, which has any type."""
    return isinstance(node, Constant) and node.value is None


def type_of(nodes: Sequence[Node]) -> Type:
    """The type that several parts share."""
    return next((node.type for node in nodes if not is_null(node)), Type.NUMBER)


def expect(node: Node, wanted: Type, e: sql.Expr) -> None:
    """Refuse a part of another type."""
    if node.type is not wanted and not is_null(node):
        hint = "compare it with something" if wanted is Type.FLAG else f"it must be {wanted}"
        raise problem(e, f"{e.sql()} is {node.type}, not {wanted}", hint)


def check_size(node: Node) -> None:
    """Refuse trees whose compilation would take too long or recurse too deeply."""
    terms, depth, level = 0, 0, [node]
    while level:
        terms, depth = terms + len(level), depth + 1
        if depth > _DEPTH_MAX:
            raise ExpressionError("nested too deeply", hint="split it into features")
        if terms > TERMS_MAX:
            raise ExpressionError(f"over {TERMS_MAX} terms", hint="split it into features")
        inner = (part for call in level if isinstance(call, Call) for part in call.arguments)
        level = [part for part in inner if not isinstance(part, Constant)]
