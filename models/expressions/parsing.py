"""SQL text to a checked tree: names resolved, types agreed, nothing that can fail later.

SQL is the syntax, not the evaluator. Allowed are comparison, AND, OR, NOT, arithmetic, IN,
BETWEEN, LIKE, IS NULL, CASE, COALESCE and the functions of `FUNCTIONS`.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlglot import expressions as sql
from sqlglot.errors import SqlglotError

from models.expressions.agreement import TERMS_MAX, check_size, expect, is_null, type_of
from models.expressions.problems import (
    CLOCK,
    HINTS,
    SELECT,
    ExpressionError,
    nearest,
    problem,
    syntax_problem,
)
from models.expressions.reading import read_sql
from models.expressions.spelling import check_spelling
from models.expressions.tree import Call, Constant, Name, Node, Type
from models.expressions.words import FUNCTIONS, ZONED, called, constant, literal, zones

Parameter = float | str | bool | tuple[float | str, ...]

_CHARACTERS_MAX: Final = 20_000
_COMPARISONS: Final[dict[type[sql.Expr], str]] = {
    sql.EQ: "=", sql.NEQ: "<>", sql.LT: "<", sql.LTE: "<=", sql.GT: ">", sql.GTE: ">=",
}  # fmt: skip
_ARITHMETIC: Final[dict[type[sql.Expr], str]] = {
    sql.Add: "+", sql.Sub: "-", sql.Mul: "*", sql.Div: "/", sql.Mod: "%",
}  # fmt: skip


class Parser:
    """Parses expressions over one set of names.

    Parameters
    ----------
    names
        Column or feature name → where it is.
    parameters
        The pack's ``params``: numbers, texts, flags and lists, put in as constants.
    joined
        Names whose texts are known by their hash alone.
    later
        Names that are known only after the windows have been read.
    derived
        Names that stand for expressions.

    Examples
    --------
    >>> from models.expressions.tree import Source
    >>> parser = Parser({"amount": Name("amount", Source.MONEY)}, {"limit": 10.0})
    >>> parser.parse("amount >= limit", Type.FLAG).operator
    '>='
    """

    def __init__(
        self,
        names: Mapping[str, Name],
        parameters: Mapping[str, Parameter] | None = None,
        joined: Collection[str] = (),
        later: Collection[str] = (),
        derived: Mapping[str, Node] | None = None,
    ) -> None:
        self.names, self.joined, self._later = names, joined, later
        self.derived = {} if derived is None else derived
        self.parameters = parameters or {}

    def parse(self, text: str, wanted: Type | None) -> Node:
        """Parse and check one expression of a type, or of any for None.

        Raises
        ------
        ExpressionError
            With the position, the word and the nearest good one.
        """
        if not text.strip():
            raise ExpressionError("an expression was empty", hint="write TRUE if it always holds")
        if len(text) > _CHARACTERS_MAX:
            message = f"an expression has at most {_CHARACTERS_MAX} characters, was {len(text)}"
            raise ExpressionError(message, hint="use a list and IN, or features")
        check_spelling(text)
        try:
            root = read_sql(text)
            if sum(1 for _ in root.walk()) > TERMS_MAX:
                raise ExpressionError(f"over {TERMS_MAX} terms", hint="use a list and IN")
            node = self._node(root)
            if wanted is not None:
                expect(node, wanted, root)
            check_size(node)
        except SqlglotError as error:
            raise syntax_problem(error, text) from None
        except RecursionError:
            raise ExpressionError("nested too deeply", hint="split it into features") from None
        return node

    def _node(self, e: sql.Expr) -> Node:
        match e:
            case sql.Paren():
                return self._node(e.this)
            case sql.Column():
                return self._name(e)
            case sql.Literal():
                return literal(e)
            case sql.Boolean():
                return Constant(bool(e.this), Type.FLAG)
            case sql.Null():
                return Constant(None, Type.NUMBER)
            case sql.And() | sql.Or():
                return self._logic(e)
            case sql.Not():
                return Call("not", (self._typed(e.this, Type.FLAG),), Type.FLAG)
            case sql.Neg():
                value = self._typed(e.this, Type.NUMBER)
                if isinstance(value, Constant) and value.value is not None:
                    return Constant(-float(value.value), Type.NUMBER)
                return Call("neg", (value,), Type.NUMBER)
            case sql.Between():
                return self._between(e)
            case sql.In():
                return self._in(e)
            case sql.Like():
                return self._like(e)
            case sql.Is():
                return self._is(e)
            case sql.Case() | sql.If():
                return self._case(e)
            case sql.Coalesce():
                return self._same_typed("coalesce", [e.this, *e.expressions])
            case _ if type(e) in _COMPARISONS:
                return self._comparison(e)
            case _ if type(e) in _ARITHMETIC:
                sides = self._typed(e.this, Type.NUMBER), self._typed(e.expression, Type.NUMBER)
                return Call(_ARITHMETIC[type(e)], sides, Type.NUMBER)
            case _:
                return self._function(e)

    def _typed(self, e: sql.Expr, wanted: Type) -> Node:
        node = self._node(e)
        expect(node, wanted, e)
        return node

    def _name(self, e: sql.Column) -> Node:
        name = ".".join(part.name for part in e.parts)
        if any(part.args.get("quoted") for part in e.parts):
            hint = f"a text stands in single quotes: '{name}', a name in none"
            raise problem(e, f"double quotes around {name}", hint)
        if name in self.names or name in self.derived:
            return self.names.get(name) or self.derived[name]
        value = self.parameters.get(name)
        if isinstance(value, tuple):
            raise problem(e, f"{name} is a list", f"write: column IN ({name})")
        if value is not None:
            return constant(value)
        if name in self._later:
            hint = "this reads columns of the event only"
            raise problem(e, f"{name} is not known yet here", hint)
        hint = nearest(name, [*self.names, *self.derived, *self.parameters])
        raise problem(e, f"no column, feature or parameter is called {name}", hint)

    def _logic(self, e: sql.Expr) -> Node:
        operator = "and" if isinstance(e, sql.And) else "or"
        terms: list[Node] = []
        for term in e.flatten():
            node = self._typed(term, Type.FLAG)
            # a derived condition means what it would mean if it were written out here
            named = node if isinstance(term, sql.Column) and isinstance(node, Call) else None
            terms += named.arguments if named and named.operator == operator else (node,)
        return Call(operator, tuple(terms), Type.FLAG)

    def _pair(self, e: sql.Expr, left: Node, right: Node) -> None:
        """Refuse a comparison of two things that cannot be compared."""
        if is_null(left) or is_null(right):
            raise problem(e, "a comparison with NULL is never true", "write IS NULL or IS NOT NULL")
        if left.type is not right.type:
            sides = f"{e.this.sql()} ({left.type}) with {e.expression.sql()} ({right.type})"
            hint = "text stands in single quotes, numbers in none"
            raise problem(e, f"cannot compare {sides}", hint)

    def _comparison(self, e: sql.Expr) -> Node:
        left = self._node(e.this)
        if left.type is Type.TEXT and isinstance(e.expression, sql.Column):
            self._check_quoted(e.expression, f"no column is called {e.expression.name}")
        return self._compare(_COMPARISONS[type(e)], e, left, self._node(e.expression))

    def _check_quoted(self, e: sql.Column, message: str) -> None:
        """Refuse what looks like a text without quotes, not like a misspelt name."""
        known, name = [*self.names, *self.derived, *self.parameters, *self._later], e.name
        if name not in known and not nearest(name, known).startswith("did you mean"):
            raise problem(e, message, f"a text stands in single quotes: '{name}'")

    def _between(self, e: sql.Between) -> Node:
        if e.args.get("symmetric"):
            raise problem(e, "BETWEEN SYMMETRIC is not available here", "x BETWEEN low AND high")
        # read once: twice at every level would double the work with each level
        value, ends = self._node(e.this), (e.args["low"], e.args["high"])
        terms = tuple(
            self._compare(operator, bound(this=e.this, expression=end), value, self._node(end))
            for operator, bound, end in zip((">=", "<="), (sql.GTE, sql.LTE), ends, strict=True)
        )
        return Call("and", terms, Type.FLAG)

    def _compare(self, operator: str, e: sql.Expr, left: Node, right: Node) -> Node:
        self._pair(e, left, right)
        if left.type is Type.TEXT and operator not in ("=", "<>"):
            raise problem(e, f"{operator} does not work on text", "use =, <>, IN or LIKE")
        return Call(operator, (left, right), Type.FLAG)

    def _in(self, e: sql.In) -> Node:
        needle = self._node(e.this)
        values: list[Node] = []
        field = e.args.get("field")
        for item in [*e.expressions, *([field] if field else [])]:
            listed = self.parameters.get(item.name) if isinstance(item, sql.Column) else None
            if isinstance(listed, tuple):
                values.extend(constant(value) for value in listed)
            else:
                if isinstance(item, sql.Column):
                    self._check_quoted(item, f"no list is called {item.name}")
                values.append(self._node(item))
        for value in values:
            if not isinstance(value, Constant) or value.type is not needle.type:
                raise problem(e, "IN takes constants of the same type", "x IN ('a', 'b') or a list")
        if not values:
            hint = SELECT if e.args.get("query") else "x IN ('a', 'b')"
            raise problem(e, "IN needs a list", hint)
        return Call("in", (needle, *values), Type.FLAG)

    def _like(self, e: sql.Like) -> Node:
        text, pattern = self._typed(e.this, Type.TEXT), self._typed(e.expression, Type.TEXT)
        constant = isinstance(pattern, Constant) and pattern.value is not None
        if not constant or not isinstance(text, Name) or not text.of_event:
            raise problem(e, "LIKE takes a column and a constant pattern", "name LIKE 'A%'")
        if text.name in self.joined:
            raise problem(e, f"LIKE does not work on {text.name}: it is looked up", "use = or IN")
        found = Call("like", (text, pattern), Type.FLAG)
        return Call("not", (found,), Type.FLAG) if e.args.get("negate") else found

    def _is(self, e: sql.Is) -> Node:
        node = self._node(e.this)
        if isinstance(e.expression, sql.Null):
            return Call("is_null", (node,), Type.FLAG)
        if isinstance(e.expression, sql.Boolean) and node.type is Type.FLAG:
            wanted = Constant(bool(e.expression.this), Type.FLAG)
            plain = Call("=", (node, wanted), Type.FLAG)
            return Call("coalesce", (plain, Constant(value=False, type=Type.FLAG)), Type.FLAG)
        raise problem(e, f"cannot read {e.sql()}", "IS NULL, IS NOT NULL, IS TRUE, IS FALSE")

    def _case(self, e: sql.Case | sql.If) -> Node:
        if isinstance(e, sql.Case) and e.this is not None:
            raise problem(e, "CASE x WHEN … is not supported", "write CASE WHEN x = … THEN … END")
        branches = e.args["ifs"] if isinstance(e, sql.Case) else [e]
        otherwise = e.args.get("default") if isinstance(e, sql.Case) else e.args.get("false")
        parts: list[Node] = []
        values: list[sql.Expr] = []
        for branch in branches:
            parts.append(self._typed(branch.this, Type.FLAG))
            values.append(branch.args["true"])
        values.append(otherwise or sql.Null())
        typed = self._same_typed("case", values).arguments
        woven = [node for pair in zip(parts, typed, strict=False) for node in pair]
        return Call("case", (*woven, typed[-1]), type_of(typed))

    def _same_typed(self, operator: str, items: Sequence[sql.Expr]) -> Call:
        nodes = [self._node(item) for item in items]
        kind = type_of(nodes)
        for node, item in zip(nodes, items, strict=True):
            if not is_null(node):
                expect(node, kind, item)
        return Call(operator, tuple(nodes), kind)

    def _function(self, e: sql.Expr) -> Node:
        name, arguments = called(e)
        if name not in FUNCTIONS:
            hints = [hint for kind, hint in HINTS.items() if isinstance(e, kind)]
            shown = name if isinstance(e, sql.Func) and not isinstance(e, sql.Cast) else e.sql()
            hints += [CLOCK] if name in ("now", "today", "sysdate", "getdate") else []
            hint = hints[0] if hints else nearest(name, sorted(FUNCTIONS))
            raise problem(e, f"{shown} is not available here", hint)
        least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise problem(e, f"{name} takes {least} to {most} arguments", f"was {len(arguments)}")
        zone = (self._zone(name, arguments.pop()),) if name in ZONED else ()
        nodes = tuple(self._typed(argument, Type.NUMBER) for argument in arguments)
        return Call(name, nodes + zone, Type.NUMBER)

    def _zone(self, name: str, e: sql.Expr) -> Node:
        node = self._typed(e, Type.TEXT)
        if not isinstance(node, Constant) or node.value is None:
            raise problem(e, f"{name} takes a constant time zone", "'Asia/Shanghai'")
        if node.value not in zones():
            hint = nearest(str(node.value), sorted(zones()))
            raise problem(e, f"no time zone is called {node.value}", hint)
        return node
