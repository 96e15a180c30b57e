"""What PyYAML could not read, said at its place and with the mend that is most likely."""

import re
from typing import Final

import yaml

from models.errors import ConfigError, Place

HINT: Final = "texts that contain : { } [ ] , # or quotes stand in quotes"

_HINTS: Final = (
    ("'\\t'", "indent with spaces, not with tabs"),
    ("cannot start any token", "texts that begin with @ ` or % stand in quotes"),
    ("mapping values are not allowed", "texts that contain ': ' stand in quotes"),
    ("alphabetic or numeric character", 'a star stands in quotes: "*"'),
    ("expected ',' or", "close the bracket, or quote texts that contain brackets or commas"),
    ("expected ':'", "a key ends with a colon and a space: key: value"),
    ("end of stream", "close the quote or bracket that opens here"),
)
_WIDE: Final = dict(zip("，：；“”‘’｛｝［］　\u00a0", ",:;\"\"''{}[]  ", strict=True))
"""Characters that look like YAML's own, and what was meant: Chinese punctuation, odd spaces."""

_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'|#.*")


def syntax_problem(error: yaml.MarkedYAMLError, text: str, last: Place) -> ConfigError:
    """Make the error of a file that is not YAML.

    Parameters
    ----------
    error
        As PyYAML raised it.
    text
        The whole file.
    last
        Where the last value that was read stands.
    """
    said = str(error.problem or error.context)
    # an unclosed quote is found at the end of the file, but begins where the context says; what
    # lacks its colon is a line or more above
    at_end = "end of stream" in said or "<stream end>" in said or "expected ':'" in said
    mark = error.context_mark if at_end and error.context_mark else error.problem_mark
    if mark is None:
        return ConfigError(f"cannot read this YAML: {said[:120]}", hint=HINT, place=last)
    place = Place(last.file, mark.line + 1, mark.column + 1)
    lines = text.split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "found '<scalar>'" in said and _ends_quoted(text, error) and last.line < place.line:
        said = f"the quote that opens here closes in line {place.line}"
        return ConfigError(
            f"cannot read this YAML: {said}", hint="close it where its text ends", place=last
        )
    hint = _wide(line) or _hint(said, line, mark.column, error)
    return ConfigError(f"cannot read this YAML: {said[:120]}", hint=hint, place=place)


def _hint(said: str, line: str, column: int, error: yaml.MarkedYAMLError) -> str:
    before = line[:column].rstrip()
    opened = error.context_mark
    if before and ("found '<scalar>'" in said or "got '<scalar>'" in said):
        if before[-1] in "}]":
            return 'a text that begins with { or [ stands in quotes: "{n} payments"'
        if before[-1] in "'\"":
            return "a text that begins with a quote stands in quotes as a whole: \"'a' = b\""
    if "expected <block end>" in said and opened and "block collection" in str(error.context):
        if column == opened.column:
            return "an item of the list begins with a dash; a key of an item stands below its first"
    if "expected <block end>" in said or (
        "mapping values are not allowed" in said and ": " not in before
    ):
        return f"indent this line like its neighbours: it begins in column {_begin(line)}"
    hint = next((hint for words, hint in _HINTS if words in said), HINT)
    if opened and error.problem_mark and opened.line < error.problem_mark.line:
        if "flow" in str(error.context) and "end of stream" not in said:
            return f"{hint}; it opens in line {opened.line + 1}"
    return hint


def _begin(line: str) -> int:
    return len(line) - len(line.lstrip()) + 1


def _ends_quoted(text: str, error: yaml.MarkedYAMLError) -> bool:
    """Whether a quote closes right before the problem."""
    mark = error.problem_mark
    return mark is not None and text[: mark.index].rstrip().endswith(("'", '"'))


def _wide(line: str) -> str:
    """A hint at the first full-width character outside of quotes."""
    found = next((char for char in _QUOTED.sub("", line) if char in _WIDE), None)
    if found is None:
        return ""
    if _WIDE[found] == " ":
        return f"U+{ord(found):04X} is no plain space: delete it and type a space"
    return f"{found} is full-width: write {_WIDE[found]} and a space after it"
