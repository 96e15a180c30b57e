"""YAML text as nodes that know their line and column; nothing in it can run or explode.

Plain scalars follow YAML 1.2 rather than 1.1: ``on`` and ``NO`` stay texts, and so do dates,
``1:30`` and codes with leading zeros such as ``0042``.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.errors import ConfigError, Place

BYTES_MAX: Final = 1 << 20
NODES_MAX: Final = 100_000
DEPTH_MAX: Final = 32

UNREADABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""Control characters, stray byte order marks, surrogates and exotic line breaks."""

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})?(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

Value = None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Scalar:
    """One text, number or flag; `place` is where the first character of its text stands."""

    text: str
    plain: bool
    place: Place

    @property
    def value(self) -> Value:
        """What a plain scalar means; a quoted one is always text.

        >>> here = Place("a.yaml", 1)
        >>> [Scalar(text, True, here).value for text in ("on", "TRUE", "0042", "1e3", "")]
        ['on', True, '0042', 1000.0, None]
        """
        if not self.plain:
            return self.text
        if self.text in _WORDS:
            return _WORDS[self.text]
        if _WHOLE.fullmatch(self.text):
            return int(self.text)
        if _DECIMAL.fullmatch(self.text) and any(c.isdigit() for c in self.text.split("e")[0]):
            number = float(self.text)
            return number if math.isfinite(number) else self.text
        return self.text


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: list["Node"]
    place: Place


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; `keys` holds where each key stands."""

    nodes: dict[str, "Node"]
    keys: dict[str, Place]
    place: Place


Node = Scalar | Items | Table


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file.

    Attributes
    ----------
    file
        As shown in messages.
    root
        Its only document.
    """

    file: str
    root: Node

    def data(self, *path: str | int) -> Any:
        """Give the node at a path as dicts and lists, with `Scalar` leaves."""
        return _data(self._walk(path)[0])

    def place(self, *path: str | int) -> Place:
        """Where a value starts; of a path that leads nowhere, the last part that exists."""
        node, _key = self._walk(path)
        return node.place

    def key_place(self, *path: str | int) -> Place:
        """Where a value's key stands; the value itself where it has none."""
        node, key = self._walk(path)
        return key or node.place

    def places(self, *path: str | int) -> dict[str, Place]:
        """Dotted path below a node → where it stands, for every scalar."""
        found: dict[str, Place] = {}
        _collect(self._walk(path)[0], "", found)
        return found

    def error(self, path: tuple[str | int, ...], message: str, hint: str) -> ConfigError:
        """Make a ConfigError at a value."""
        return ConfigError(message, hint=hint, place=self.place(*path))

    def key_error(self, path: tuple[str | int, ...], message: str, hint: str) -> ConfigError:
        """Make a ConfigError at a key."""
        return ConfigError(message, hint=hint, place=self.key_place(*path))

    def _walk(self, path: tuple[str | int, ...]) -> tuple[Node, Place | None]:
        node, key = self.root, None
        for step in path:
            if isinstance(node, Table) and step in node.nodes:
                key = node.keys[str(step)]
                node = node.nodes[str(step)]
            elif isinstance(node, Items) and isinstance(step, int) and step < len(node.nodes):
                node, key = node.nodes[step], None
            else:
                break
        return node, key


def shown(path: Path) -> str:
    """Show a path in messages: relative to the working directory where it lies below."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)


def read_text(path: Path, bytes_max: int = BYTES_MAX) -> str:
    r"""Read a text file whole, with ``\n`` line ends; anything wrong with it is a ConfigError."""
    file = shown(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(bytes_max + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot read {file!r}: {reason}", hint="check the path") from None
    if len(raw) > bytes_max:
        raise ConfigError(
            f"the file is over {bytes_max} bytes", hint="split it", place=Place(file, 1)
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        place = _at(file, before, len(before))
        raise ConfigError(
            f"byte 0x{raw[error.start]:02x} is not UTF-8", hint="save it as UTF-8", place=place
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    bad = UNREADABLE.search(text)
    if bad:
        raise ConfigError(
            f"character U+{ord(bad[0]):04X} cannot stand here",
            hint="remove it",
            place=_at(file, text, bad.start()),
        )
    return text


def _at(file: str, text: str, index: int) -> Place:
    return Place(file, text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _data(node: Node) -> Any:
    if isinstance(node, Table):
        return {key: _data(value) for key, value in node.nodes.items()}
    if isinstance(node, Items):
        return [_data(value) for value in node.nodes]
    return node


def _collect(node: Node, path: str, found: dict[str, Place]) -> None:
    if isinstance(node, Scalar):
        found[path] = node.place
        return
    steps = node.nodes.items() if isinstance(node, Table) else enumerate(node.nodes)
    for step, value in steps:
        _collect(value, f"{path}.{step}" if path else str(step), found)
