"""Hold what an inventory file says as plain nodes that know their line and column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

#: An inventory is four levels deep. More is a mistake or an attack.
DEEPEST = 32
#: The greatest weight of all nodes of a file: a scalar is 1, a collection 2. They then take some 80 MB. The size of the
#: file does not limit this, since two characters may be a collection.
HEAVIEST = 700_000

# YAML 1.2.2, 10.3.2 (core schema). `no`, `on`, 22:22 and dates are text.
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}|0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMERIC_START = frozenset("+-.0123456789")
_BASES = {"0o": 8, "0x": 16}


@dataclass(slots=True)
class Node:
    """A value and its place; ``line`` and ``column`` count from 1.

    ``value`` is a scalar, a list of nodes, or a mapping of keys to (key node, value node).
    ``text`` is a scalar as written: an option such as ``database: 007`` means the text.
    """

    value: Any
    line: int
    column: int
    text: str = ""

    def __getitem__(self, key: str) -> Node:
        """Return the value node of a mapping's key."""
        found: Node = self.value[key][1]
        return found

    def plain(self) -> Any:
        """Return the value without places; the nesting, and so the recursion, is limited."""
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        if isinstance(self.value, dict):
            return {key: node.plain() for key, (_, node) in self.value.items()}
        return self.value


def scalar(text: str) -> Any:
    """Return the value of a plain scalar in the core schema."""
    if text in _NULLS:
        return None
    if text[0] not in _NUMERIC_START:
        return _BOOLS.get(text, text)
    if text.count(".") > 1:  # an address
        return text
    if _INTEGER.fullmatch(text):
        return int(text, _BASES.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text
