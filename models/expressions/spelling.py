"""How people write conditions elsewhere: spreadsheets, other languages, Chinese keyboards."""

import re
from typing import Final

from models.expressions.problems import ExpressionError

_QUOTED: Final = re.compile(r"'(?:[^']|'')*'")
_FOREIGN: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = tuple(
    (re.compile(pattern), message, hint)
    for pattern, message, hint in (
        ("[≥＞]=?", "{} is no comparison", "write >= or >"),
        ("[≤＜]=?", "{} is no comparison", "write <= or <"),
        ("≠", "≠ is no comparison", "write <>"),
        ("=>", "=> is no comparison", "write >="),
        ("=<", "=< is no comparison", "write <="),
        ("&&", "&& joins nothing here", "write AND"),
        (r"\|\|", "|| joins nothing here", "write OR"),
        ("!(?!=)", "! denies nothing here", "write NOT"),
        ("[‘’“”＇＂]", "{} opens no text", "texts stand in single quotes: 'x'"),
        ("[（）]", "{} is no bracket here", "write ( and )"),
        ("[，、]", "{} separates nothing here", "write a comma: ,"),
        ("[＝：；！％＋－＊／]", "{} means nothing here", "type it on an English keyboard"),
        (r"(?<=[<>=] )\d{1,3}(?:,\d{3})+\b", "{} is no number here", "write digits only: 1000"),
        (r"(?<=[<>=] )\d+(?:\.\d+)? ?%(?!\s*[\w('])", "{} is no number here", "write 0.05 for 5%"),
    )
)


def check_spelling(text: str) -> None:
    """Refuse what is written as it would be somewhere else.

    Raises
    ------
    ExpressionError
        At the first such word outside of texts.
    """
    # texts may hold anything; what stands for them keeps every place
    bare = _QUOTED.sub(lambda found: "'" + "x" * (len(found[0]) - 2) + "'", text)
    found = [
        (match.start(), message.format(match[0]), hint)
        for pattern, message, hint in _FOREIGN
        if (match := pattern.search(bare))
    ]
    if found:
        at, message, hint = min(found)
        raise ExpressionError(message, hint=hint, column=at + 1)
