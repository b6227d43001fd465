"""Read the flat shapes that most inventories have, without a YAML parser.

A large inventory is a list of URLs, of one-line mappings, or of hosts in brackets. For such a text this reader returns
the nodes of :func:`scanready.inventory.yaml_nodes.compose`, at a tenth of its time. It returns None for everything
that it does not know, right or wrong, so that all errors, and all that YAML has beside, stay in one place.

It knows block mappings and lists whose values are in one line: plain scalars, ``[a, b]`` and ``{key: a, list: [b]}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .nodes import DEEPEST, HEAVIEST, Node, scalar
from .problems import InventoryError, Problem

# All of these texts mean the same in every place: no indicator of YAML begins them, and `: ` and ` #` are not in them.
_KEY = r"[A-Za-z_][A-Za-z0-9_-]{0,99}+"
_WORDS = r"[A-Za-z0-9_./](?:[^ :\n]|:(?=[^ \n]))*+(?: [^ :#\n](?:[^ :\n]|:(?=[^ \n]))*+)*+"
_IN_BRACKETS = r"[A-Za-z0-9_./](?:[A-Za-z0-9_./=;+$@%^~()-]|:(?=[A-Za-z0-9_./]))*+"
_END = r"(?: *(?<![^ \n])#[^\n]*+| *)(?:\n|\Z)"
#: The begin of a line: indentation, `- `, a key, a plain scalar; and the end of the line, unless brackets follow.
_LINE = re.compile(rf"( *+)(- ++)?(?:({_KEY}):(?=[ \n]|\Z)(?: ++(?=[^ #\n]))?)?({_WORDS})?(?:({_END})|(?=[\[{{]))")
_REST = re.compile(_END)
_ITEM = re.compile(rf" *+({_IN_BRACKETS}) *+([,\]])")
_PAIR = re.compile(rf" *+({_KEY}): ++(?:({_IN_BRACKETS}) *+([,}}])|(?=\[))")
_NEXT = re.compile(r" *+([,}])")
#: The longest text in characters that the parser of YAML reads, at 0.1 ms for a line: half a minute.
LONGEST_FOR_PARSER = 8 << 20
#: A character that ends a line elsewhere, is invisible, or is no text: the parser decides.
_ODD = re.compile(r"[^\n\x20-\x7e\xa1-\u167f]")
_TOO_LARGE = (
    f"an inventory larger than {LONGEST_FOR_PARSER >> 20} MiB is read only if `targets` is its last part, and if all "
    "of its lines are plain, such as `- ssh://db7`: change this line, or split the inventory"
)


class _Unknown(Exception):
    """Raise for a shape that is not known here."""


def read_nodes(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read one YAML document; return its root (None if it is empty) and its problems.

    The targets of a long text are read one by one, as they are taken from the iterator that is the value of their
    node. A problem that ends them is added to the list then.

    Raises:
        InventoryError: it is not YAML, is an attack, or is too large and not plain.
    """
    if len(text) > LONGEST_FOR_PARSER:
        problems: list[Problem] = []
        root = _Lines(text.replace("\r\n", "\n")).before_targets(
            lambda line: problems.append(Problem(_TOO_LARGE, file, line))
        )
        if problems:
            raise InventoryError(problems)
        return root, problems
    if (root := plain_nodes(text)) is not None:
        return root, []
    from .yaml_nodes import compose  # loaded late: the parser takes 40 ms, and most inventories need none

    return compose(text, file)


def plain_nodes(text: str) -> Node | None:
    """Return the root node of a YAML text of a known shape without any problem; None for every other text."""
    return _Lines(text.replace("\r\n", "\n")).whole()


class _Open:
    """A block that is not finished: its indentation, its node, and for a mapping the key that waits for a value."""

    __slots__ = ("indent", "key", "node")

    def __init__(self, indent: int, node: Node) -> None:
        self.indent, self.node = indent, node
        self.key: Node | None = None


class _Lines:
    """Read a text line by line into nodes; ``line`` is the last one that was looked at, from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.line = self._start = self._weight = 0
        self._stack: list[_Open] = []
        self._root: Node | None = None
        self._keys: dict[str, str] = {}

    def whole(self) -> Node | None:
        """Return the node of the whole text; None if ``line`` has what is not known here."""
        if self._odd():
            return None
        at, length = 0, len(self._text)
        try:
            while at < length:
                at = self._next(at)
            self._close(-1)
        except _Unknown:
            return None
        return self._root

    def before_targets(self, unknown: Callable[[int], None]) -> Node | None:
        """Return the root of a text whose last part is the list ``targets``: an iterator that reads it entry by entry.

        Args:
            unknown: called with the line that is not known here; nothing after it is read.
        """
        at, length = 0, len(self._text)
        try:
            if self._odd():
                raise _Unknown
            while at < length:
                at = self._next(at)
                if (
                    self._root
                    and len(self._stack) > 1
                    and isinstance(self._stack[1].node.value, list)
                    and "targets" in self._root.value
                    and self._root.value["targets"][1] is self._stack[1].node
                ):
                    key, listed = self._root.value["targets"]
                    entries = self._one_by_one(at, self._stack[1], unknown)
                    self._root.value["targets"] = key, Node(entries, listed.line, listed.column)
                    return self._root
            self._close(-1)
            return self._root
        except _Unknown:
            unknown(self.line)
        return None

    def _one_by_one(self, at: int, block: _Open, unknown: Callable[[int], None]) -> Iterator[Node]:
        """Yield each entry of an open list once the next one begins, and keep none."""
        entries: list[Node] = block.node.value
        length = len(self._text)
        try:
            while at < length:
                at = self._next(at)
                if self._stack[1:2] != [block]:
                    raise _Unknown
                if len(entries) > 1:
                    self._weight = 0
                    yield entries.pop(0)
            self._close(-1)
        except _Unknown:
            unknown(self.line)
        yield from entries

    def _odd(self) -> bool:
        """Return True if a character is not known here; ``line`` is then its line."""
        odd = _ODD.search(self._text)
        if odd:
            self.line = self._text.count("\n", 0, odd.start()) + 1
        return odd is not None

    def _next(self, at: int) -> int:
        """Read the line that begins at ``at``; return the begin of the one after it."""
        self.line += 1
        self._start = at
        found = _LINE.match(self._text, at)
        if found is None:
            raise _Unknown
        at = found.end()
        indent, dash, key, words, end = found.groups()
        value = None
        if end is None:
            if words:
                raise _Unknown
            value, at = self._brackets(at)
            rest = _REST.match(self._text, at)
            if rest is None:
                raise _Unknown
            at = rest.end()
        elif words:
            value = self._scalar(words, found.start(4))
        elif not (dash or key):
            return at  # blank, or a comment
        self._take(len(indent), len(dash or ""), key, value, found.start(3))
        return at

    def _take(self, indent: int, dash: int, key: str | None, value: Node | None, key_at: int) -> None:
        """Put what a line says into the block that it belongs to."""
        if dash:
            block = self._block(indent, is_list=True)
            if key is None:
                if value is None:
                    raise _Unknown
                block.node.value.append(value)
                return
            block = self._opened(indent + dash, {})
            # the stack ends with the new mapping, below it the list
            self._stack[-2].node.value.append(block.node)
        elif key is None:
            raise _Unknown
        else:
            block = self._block(indent, is_list=False)
        named = self._key(key or "", key_at)
        if value is None:
            block.key = named
        else:
            self._pair(block.node, named, value)

    def _block(self, indent: int, *, is_list: bool) -> _Open:
        """Return the block that a line continues or begins at this indentation."""
        self._close(indent)
        stack = self._stack
        top = stack[-1] if stack else None
        if top and top.indent == indent and not is_list and isinstance(top.node.value, list):
            stack.pop()  # a list at the indentation of its key ends
            top = stack[-1] if stack else None
        if top and top.indent == indent and top.key is None and isinstance(top.node.value, list) == is_list:
            return top
        if top is None:
            if self._root is not None or indent or is_list:
                raise _Unknown
            opened = self._opened(indent, {})
            self._root = opened.node
            return opened
        if top.key is None or not (indent > top.indent or (is_list and indent == top.indent)):
            raise _Unknown
        opened = self._opened(indent, [] if is_list else {})
        self._pair(top.node, top.key, opened.node)
        top.key = None
        return opened

    def _opened(self, indent: int, value: list[Node] | dict[str, tuple[Node, Node]]) -> _Open:
        if len(self._stack) >= DEEPEST - 2:
            raise _Unknown
        self._weigh(2)
        opened = _Open(indent, Node(value, self.line, indent + 1))
        self._stack.append(opened)
        return opened

    def _close(self, indent: int) -> None:
        """Close the blocks that are indented deeper."""
        stack = self._stack
        while stack and stack[-1].indent > indent:
            if stack.pop().key is not None:
                raise _Unknown

    def _brackets(self, at: int) -> tuple[Node, int]:
        """Read ``[...]`` or ``{...}``; return its node and the place after it."""
        if self._text[at] == "[":
            return self._list(at)
        node = Node({}, self.line, at + 1 - self._start)
        self._weigh(2)
        sign, at = ",", at + 1
        while sign == ",":
            found = _PAIR.match(self._text, at)
            if found is None:
                raise _Unknown
            key, words, closing = found.groups()
            named, at = self._key(key, found.start(1)), found.end()
            if words:
                sign, value = closing, self._scalar(words, found.start(2))
            else:
                value, at = self._list(at)
                after = _NEXT.match(self._text, at)
                if after is None:
                    raise _Unknown
                sign, at = after[1], after.end()
            self._pair(node, named, value)
        return node, at

    def _list(self, at: int) -> tuple[Node, int]:
        line, start, text, match = self.line, self._start, self._text, _ITEM.match
        items: list[Node] = []
        node = Node(items, line, at + 1 - start)
        sign, at = ",", at + 1
        while sign == ",":
            found = match(text, at)
            if found is None or len(items) > HEAVIEST:
                raise _Unknown
            words, sign = found.groups()
            at = found.end()
            items.append(Node(scalar(words), line, found.start(1) + 1 - start, words))
        self._weigh(2 + len(items))
        return node, at

    def _weigh(self, more: int) -> None:
        self._weight += more
        if self._weight > HEAVIEST:
            raise _Unknown  # as an attack is

    def _scalar(self, words: str, at: int) -> Node:
        self._weigh(1)
        return Node(scalar(words), self.line, at + 1 - self._start, words)

    def _key(self, words: str, at: int) -> Node:
        return self._scalar(self._keys.setdefault(words, words), at)

    def _pair(self, node: Node, key: Node, value: Node) -> None:
        if key.text in node.value:
            raise _Unknown  # a repeated key is a problem
        node.value[key.text] = key, value
