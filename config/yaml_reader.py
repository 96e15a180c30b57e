"""From a YAML file to a `Document`: PyYAML's events, and limits that hold while they arrive."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from config.yaml_nodes import (
    DEPTH_MAX,
    NODES_MAX,
    UNREADABLE,
    Document,
    Items,
    Node,
    Scalar,
    Table,
    read_text,
    shown,
)
from config.yaml_problems import HINT, syntax_problem
from models.errors import ConfigError, Place

_ANCHOR = re.compile(r"&\S+\s*")


def read_document(path: Path) -> Document:
    """Read and parse one file.

    Raises
    ------
    ConfigError
        Not readable, not UTF-8, not YAML, over the limits, a key twice in one mapping, a tag.
    """
    return parse_document(read_text(path), shown(path))


def parse_document(text: str, file: str) -> Document:
    """Parse YAML text.

    >>> document = parse_document("on: [NO]", "a.yaml")
    >>> document.data()["on"][0].value, str(document.place("on", 0))
    ('NO', 'a.yaml:1:6')
    """
    return Document(file, _Builder(text, file).build())


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    node: Items | Table
    anchor: str | None
    nodes_before: int
    height: int = 1
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A finished node that aliases may repeat."""

    node: Node
    size: int
    height: int


class _Builder:
    """Builds nodes from events without recursion."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._nodes = 0
        self._root: Node | None = None
        self._last = Place(file, 1)

    def build(self) -> Node:
        """Parse all of the text."""
        try:
            for event in yaml.parse(self._text, Loader=yaml.SafeLoader):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            raise syntax_problem(error, self._text, self._last) from None
        except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
            # PyYAML lets through what int() and chr() make of a bad escape or version
            raise ConfigError(
                "cannot read this YAML: a bad escape", hint=HINT, place=self._last
            ) from None
        if self._root is None:
            raise ConfigError("the file is empty", hint="write YAML", place=self._last)
        return self._root

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent() | yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._last = self._place(event)
                if event.tag is not None:
                    raise self._error(f"tags such as {event.tag[:40]} have no meaning here")
                self._start(event)
            case yaml.AliasEvent():
                self._last = self._place(event)
                self._alias(str(event.anchor))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = self._open.pop()
                size = self._nodes - done.nodes_before
                self._finish(done.node, done.anchor, size, done.height)
            case yaml.DocumentStartEvent() if self._root is not None:
                self._last = self._place(event)
                raise self._error("a second document begins here", "one document per file")
            case _:
                pass

    def _start(self, event: yaml.NodeEvent) -> None:
        before = self._nodes
        self._grow(1)
        if isinstance(event, yaml.ScalarEvent):
            if UNREADABLE.search(event.value):
                raise self._error("a character here is not readable", "remove the escape")
            scalar = Scalar(event.value, event.style is None, self._last)
            self._finish(scalar, event.anchor, 1, 0)
            return
        if len(self._open) >= DEPTH_MAX:
            raise self._error(f"nested more than {DEPTH_MAX} deep", "a pack needs about 6")
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = Items([], self._last) if is_list else Table({}, {}, self._last)
        self._open.append(_Open(node, event.anchor, before))

    def _alias(self, name: str) -> None:
        known = self._anchors.get(name)
        if known is None:
            raise self._error(f"no anchor is called {name[:40]}", 'a star stands in quotes: "*"')
        self._grow(known.size)
        if len(self._open) + known.height > DEPTH_MAX:
            raise self._error(f"nested more than {DEPTH_MAX} deep", "a pack needs about 6")
        self._finish(known.node, None, known.size, known.height)

    def _finish(self, node: Node, anchor: str | None, size: int, height: int) -> None:
        """Hand a complete node to the list or mapping around it."""
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, size, height)
        if not self._open:
            self._root = node
            return
        around = self._open[-1]
        around.height = max(around.height, height + 1)
        if isinstance(around.node, Items):
            around.node.nodes.append(node)
        elif around.key is not None:
            around.node.nodes[around.key] = node
            around.key = None
        else:
            around.key = self._key(node, around.node)

    def _key(self, node: Node, table: Table) -> str:
        if not isinstance(node, Scalar):
            raise ConfigError(
                "a key must be one word",
                hint="texts that begin with { or [ stand in quotes",
                place=node.place,
            )
        if node.text in table.keys:
            hint = f"the first is in line {table.keys[node.text].line}; remove or rename one"
            if len(self._open) > 1 and isinstance(self._open[-2].node, Items):
                hint += ", or begin a new item with a dash"
            raise ConfigError(f"{node.text[:60]} stands here twice", hint=hint, place=node.place)
        table.keys[node.text] = node.place
        return node.text

    def _grow(self, size: int) -> None:
        self._nodes += size
        if self._nodes > NODES_MAX:
            raise self._error(f"over {NODES_MAX} values, aliases counted", "split the file")

    def _place(self, event: yaml.Event) -> Place:
        """Where a node's first character stands, after anchor, quote or block header."""
        mark = event.start_mark
        assert mark is not None
        start = at = int(mark.index)
        if isinstance(event, yaml.NodeEvent) and event.anchor and self._text[at] == "&":
            skipped = _ANCHOR.match(self._text, at)
            at = skipped.end() if skipped else at
        if isinstance(event, yaml.ScalarEvent) and event.style in ("'", '"'):
            at += 1
        elif isinstance(event, yaml.ScalarEvent) and event.style in ("|", ">"):
            end = self._text.find("\n", at)
            body = re.compile(r"\s*").match(self._text, end) if end >= 0 else None
            at = body.end() if body and body.end() < len(self._text) else at
        if at == start:
            return Place(self._file, mark.line + 1, mark.column + 1)
        line = mark.line + self._text.count("\n", start, at) + 1
        return Place(self._file, line, at - self._text.rfind("\n", 0, at))

    def _error(self, message: str, hint: str = HINT) -> ConfigError:
        return ConfigError(message, hint=hint, place=self._last)
