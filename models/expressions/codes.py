"""Instruction codes of the expression machine.

An instruction is five int64: code, target register, and three operands. Registers hold one
value per row of a chunk: numbers and flags as float64 (NaN is NULL, 1 and 0 are true and false),
texts as their 64-bit hash (0 is NULL).
"""

from typing import Final

(
    LOAD_NUMBER, LOAD_MONEY, LOAD_TIME, LOAD_FEATURE, LOAD_TEXT, LOAD_FEATURE_TEXT,
    CONSTANT, CONSTANT_TEXT,
    ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO, POWER, LEAST, GREATEST,
    EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL,
    NEGATE, ABS, CEIL, FLOOR, ROUND, SIGN, EXP, LN, LOG10, SQRT, NOT,
    IS_NULL, IS_NULL_TEXT, TEXT_EQUAL, TEXT_NOT_EQUAL, TEXT_IN, LIKE,
    CHOOSE, COALESCE, COALESCE_TEXT, KM, LOCAL_HOUR, LOCAL_WEEKDAY,
    KINDS, FIRST_AND, STEP_AND, FIRST_OR, STEP_OR, END_LOGIC,
    OUT_RULE, OUT_NUMBER,
) = range(53)  # fmt: skip

BINARY: Final = {
    "+": ADD, "-": SUBTRACT, "*": MULTIPLY, "/": DIVIDE, "%": MODULO, "power": POWER,
    "=": EQUAL, "<>": NOT_EQUAL, "<": LESS, "<=": LESS_EQUAL, ">": GREATER, ">=": GREATER_EQUAL,
}  # fmt: skip
UNARY: Final = {
    "neg": NEGATE, "abs": ABS, "ceil": CEIL, "floor": FLOOR, "round": ROUND, "sign": SIGN,
    "exp": EXP, "ln": LN, "log10": LOG10, "sqrt": SQRT, "not": NOT,
}  # fmt: skip

LOCAL: Final = {"local_hour": LOCAL_HOUR, "local_weekday": LOCAL_WEEKDAY}

CLEAN, HIT, INSUFFICIENT = range(3)
"""A rule's outcome on a row; a NULL `when` is insufficient: neither hit nor clean."""
