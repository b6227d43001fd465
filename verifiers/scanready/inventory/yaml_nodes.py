"""Read YAML 1.2 text into plain nodes that know their line and column.

ruamel.yaml parses the syntax. This module builds the nodes from its events, not with its
composer, for three measured reasons: ten thousand flow mappings take 2.3 s instead of 4.2,
nesting needs no recursion, and aliases are counted before they are expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from scanready.catalogue.url_path import CONTROL

from .nodes import DEEPEST, HEAVIEST, Node, scalar
from .problems import MOST_PROBLEMS, InventoryError, Problem, too_many

#: The most nodes that aliases may add. A few shared lists need some hundred, the "billion laughs" attack 10^9.
MOST_FROM_ALIASES = 100_000

_INDENT = re.compile(r"[ \t]*")
#: The reader's names for an open collection or quote, each with the message for one that is not closed in its line.
_CLOSING = {
    "flow mapping": "this `{` is not closed: add `}`, or a comma between two keys",
    "flow sequence": "this `[` is not closed: add `]`, or a comma between two values",
    "quoted scalar": "this quote is not closed: add the same quote at the end of the text",
}
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))


@dataclass(slots=True)
class _Open:
    """An unfinished collection; ``key`` is the mapping key that waits for its value, ``size`` the number of nodes."""

    node: Node
    anchor: str | None
    key: Node | None = None
    size: int = 1


class _Builder:
    """Build nodes from events; collect problems such as duplicate keys, and stop if the structure is broken."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._from_aliases = 0
        self._weight = 0

    def take(self, event: Event) -> None:
        """Process the next event."""
        if isinstance(event, ScalarEvent):
            self._weigh(1, event)
            node = self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = node, 1
            self._add(node, 1)
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            self._weigh(2, event)
            self._begin(event)
        elif isinstance(event, CollectionEndEvent):
            done = self._stack.pop()
            if done.anchor:
                self._anchors[done.anchor] = done.node, done.size
            self._add(done.node, done.size)
        elif isinstance(event, AliasEvent):
            self._add(*self._alias(event))
        elif isinstance(event, DocumentStartEvent):
            self._document(event)

    def _weigh(self, more: int, event: Event) -> None:
        self._weight += more
        if self._weight > HEAVIEST:
            self._stop("this file has too many values: split it", event.start_mark)

    def _begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if len(self._stack) >= DEEPEST:
            self._stop(f"this is nested deeper than {DEEPEST} levels", event.start_mark)
        self._check_tag(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        place = event.start_mark
        value: Any = {} if isinstance(event, MappingStartEvent) else []
        self._stack.append(_Open(Node(value, place.line + 1, place.column + 1), event.anchor))

    def _add(self, node: Node, size: int) -> None:
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        parent.size += size
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            self._pair(parent.node.value, parent.key, node)
            parent.key = None

    def _pair(self, mapping: dict[str, tuple[Node, Node]], key: Node, value: Node) -> None:
        name = key.text
        if isinstance(key.value, (dict, list)):
            self._note("a key must be text", key)
        elif name in mapping:
            self._note(f"this key is repeated, first in line {mapping[name][0].line}: remove one", key)
        elif name == "<<":
            self._note("`<<` (merge) is not part of YAML 1.2: list several names in `hosts` instead", key)
        else:
            mapping[name] = key, value

    def _scalar(self, event: ScalarEvent) -> Node:
        mark = event.start_mark
        tag = self._check_tag(event)
        text: str = event.value
        place = mark.line + 1, mark.column + 1
        if CONTROL.search(text):
            self._note("this text contains a line end or control character: remove it", Node(None, *place))
        plain = event.implicit[0] if tag is None else tag not in ("!", "tag:yaml.org,2002:str")
        return Node(scalar(text) if plain else text, *place, text)

    def _check_tag(self, event: Any) -> str | None:
        tag = None if event.tag is None else str(event.tag)
        if tag not in _TAGS and tag not in (None, "!"):
            self._note("a tag (`!…`) is not allowed; quote the text if it begins with `!`", _at(event.start_mark))
        return tag

    def _alias(self, event: AliasEvent) -> tuple[Node, int]:
        mark = event.start_mark
        if event.anchor not in self._anchors:
            self._stop("this alias (`*…`) has no anchor; quote the text if it begins with `*`", mark)
        found = self._anchors[event.anchor]
        if found is None:
            self._stop("this alias refers to a value that contains the alias", mark)
        self._from_aliases += found[1]
        if self._from_aliases > MOST_FROM_ALIASES:
            self._stop(f"the aliases expand to more than {MOST_FROM_ALIASES:,} values", mark)
        return found

    def _document(self, event: DocumentStartEvent) -> None:
        if self.root is not None:
            self._stop("a second YAML document begins here: a file is one document", event.start_mark)
        if event.version is not None and tuple(event.version) != (1, 2):
            self._stop("this file must be YAML 1.2", event.start_mark)

    def _note(self, text: str, node: Node) -> None:
        self.problems.append(Problem(text, self.file, node.line, node.column))
        if len(self.problems) >= MOST_PROBLEMS:
            raise too_many(self.problems, self.file)

    def _stop(self, text: str, mark: StringMark) -> NoReturn:
        raise InventoryError([*self.problems, Problem(text, self.file, mark.line + 1, mark.column + 1)])


def _at(mark: StringMark) -> Node:
    return Node(None, mark.line + 1, mark.column + 1)


def compose(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read one YAML document; return its root (None if it is empty) and its problems.

    Raises:
        InventoryError: it is not YAML, or is an attack. The text is not repeated, since it may be a password.
    """
    builder = _Builder(file)
    broken: Problem | None = None
    mark: StringMark | None = None
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            mark = event.start_mark
            builder.take(event)
    except InventoryError:  # from the builder, with its place; it is also a ValueError
        raise
    except ReaderError:
        broken = _unreadable(text, file)
    except MarkedYAMLError as error:
        broken = _tab(text, file, error) or _open(file, error) or _syntax(file, error)
    except (YAMLError, ValueError, OverflowError) as error:  # an escape or a version that is not a number
        place = _at(mark) if mark else Node(None, 1, 1)
        broken = Problem(f"not YAML after this place ({type(error).__name__})", file, place.line, place.column)
    if broken:
        raise InventoryError([*builder.problems, broken])
    return builder.root, builder.problems


def _unreadable(text: str, file: str) -> Problem:
    """Return the problem of the first character that YAML forbids; the reader names only a place in its buffer."""
    found = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    at = found.start() if found else 0
    line = text.count("\n", 0, at) + 1
    return Problem(f"not YAML: the control character U+{ord(text[at]):04X}", file, line, at - text.rfind("\n", 0, at))


def _tab(text: str, file: str, error: MarkedYAMLError) -> Problem | None:
    """Return the problem of a line that is indented with a tab, if the reader stopped there."""
    mark = error.problem_mark
    if mark is None:
        return None
    line = text.split("\n")[mark.line : mark.line + 1]
    indent = _INDENT.match(line[0]) if line else None
    if indent is None or "\t" not in indent[0]:
        return None
    text = "this line is indented with a tab: use spaces"
    return Problem(text, file, mark.line + 1, indent[0].index("\t") + 1)


def _open(file: str, error: MarkedYAMLError) -> Problem | None:
    """Return the problem of a bracket or quote that is not closed, at its own place, not at the end of the text."""
    begun, met = error.context_mark, error.problem_mark
    sign = next((sign for words, sign in _CLOSING.items() if words in (error.context or "")), "")
    if not sign or begun is None or met is None or met.line == begun.line:
        return None
    return Problem(sign, file, begun.line + 1, begun.column + 1)


def _unquoted(quoted: re.Match[str]) -> str:
    inside = quoted[1] or quoted[2] or ""
    return quoted[0] if len(inside) <= 1 or re.fullmatch(r"<[a-z ]+>", inside) else "…"


def _syntax(file: str, error: MarkedYAMLError) -> Problem:
    """Return ruamel's message without its quotations, except single characters and ``<name>`` of the grammar."""
    mark = error.problem_mark or error.context_mark
    words = ", ".join(part for part in (error.context, error.problem) if part)
    words = re.sub(r"\"([^\"]*)\"|'([^']*)'", _unquoted, words.partition("\n")[0])
    place = (mark.line + 1, mark.column + 1) if mark else (None, None)
    return Problem(f"not YAML: {words}", file, *place)
