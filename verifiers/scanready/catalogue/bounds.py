"""Bounds of declared values, written beside their types: ``port: Port``, ``log: Line``.

A row of another package is checked against the types of its fields and these bounds before anything uses it; the
built-in rows are checked by a test. Each bound says in ``wanted`` what an author is to write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

#: A field without bounds of its own holds at most this many items, or a text of this many characters.
MOST_ITEMS, LONGEST_TEXT = 1000, 4000


@dataclass(frozen=True, slots=True)
class Range:
    """Bound a whole number: ``least`` to ``most``, both included."""

    least: int
    most: int

    @property
    def wanted(self) -> str:
        """Say what to write."""
        return f"a whole number from {self.least} to {self.most}"

    def holds(self, value: int) -> bool:
        """Return whether the number is within."""
        return self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class Text:
    """Bound a text: the whole of it matches ``pattern``, and it has at most ``most`` characters."""

    pattern: str
    most: int
    words: str

    @property
    def wanted(self) -> str:
        """Say what to write."""
        return f"{self.words}, at most {self.most} characters"

    def holds(self, value: str) -> bool:
        """Return whether the text is one."""
        return len(value) <= self.most and re.fullmatch(self.pattern, value) is not None and value.isprintable()


@dataclass(frozen=True, slots=True)
class OneOf:
    """Bound a text to one of several words."""

    words: tuple[str, ...]

    @property
    def wanted(self) -> str:
        """Say what to write."""
        return "one of " + ", ".join(map(repr, self.words))

    def holds(self, value: str) -> bool:
        """Return whether the text is one of the words."""
        return value in self.words


@dataclass(frozen=True, slots=True)
class PortRanges:
    """Bound a text to ports and ranges of ports, separated by commas; ``words`` are accepted in their place."""

    words: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """Say what to write."""
        return " or ".join(("ports as text, as in '445', '49152-65535' or '80,443'", *map(repr, self.words)))

    def holds(self, value: str) -> bool:
        """Return whether the text names ports from 1 to 65535, each range upwards."""
        return value in self.words or (len(value) <= 200 and all(map(_is_range, value.split(","))))


def _is_range(ports: str) -> bool:
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", ports)
    return found is not None and 1 <= int(found[1]) <= int(found[2] or found[1]) <= 65535


_NAME = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_WORDS = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
NAME = Text(_NAME, 40, "a word of lower-case letters, digits and hyphens that begins with a letter")

Port = Annotated[int, Range(1, 65535)]
Count = Annotated[int, Range(0, 1000)]
#: A number that only orders: the lowest first.
Place = Annotated[int, Range(0, 1_000_000)]
#: The name of a target type: a URL's scheme, and a word of an inventory.
TypeName = Annotated[str, NAME]
#: An id of a protocol, as in ``speaks``.
Protocol = Annotated[str, Text(r"[A-Za-z0-9][A-Za-z0-9.+/_-]*", 40, "a word of letters, digits and . + / _ -")]
Title = Annotated[str, Text(r".*\S.*", 100, "words on one line")]
#: One line of prose; may be empty.
Line = Annotated[str, Text(r".*", 300, "text on one line")]
OptionName = Annotated[str, Text(r"[a-z][a-z0-9_]*", 40, "a word of lower-case letters, digits and _")]
Module = Annotated[str, Text(_WORD, 100, "the name of a sibling module, as in 'verify'")]
Package = Annotated[str, Text(rf"|{_WORD}(?:\.{_WORD})*", 200, "the row's own package: __package__")]
Import = Annotated[str, Text(rf"{_WORD}(?:\.{_WORD})*", 100, "the import name of a module")]
#: A word that is put into a shell line or a URL as it is; may be empty.
Scheme = Annotated[str, Text(r"|[a-z][a-z0-9+.-]*", 40, "a word of lower-case letters, digits and + . -, or ''")]
TypeOrNone = Annotated[str, Text(rf"|{_NAME}", 40, "the name of a target type, or ''")]
Lowered = Annotated[str, Text(r"[^A-Z]*", 100, "words in lower case")]
Ports = Annotated[str, PortRanges()]
Transport = Annotated[str, OneOf(("tcp", "udp", "tcp,udp"))]
#: Where the ports of a requirement come from; :class:`scanready.catalogue.requirement.Requirement` has the meanings.
Confidence = Annotated[str, OneOf(("stated", "corrected", "inferred"))]
#: The word for a condition in a profile; empty for one that no profile names.
ConditionName = Annotated[
    str, Text(rf"|{_WORDS}", 40, "a word of lower-case letters, digits and hyphens that begins with a letter or digit")
]
#: The name of a profile: its file without ``.yaml``.
ProfileName = Annotated[
    str,
    Text(rf"{_WORDS}(?:\.{_WORDS})*", 40, "words of lower-case letters and digits, joined by hyphens and full stops"),
]
RequiredPorts = Annotated[str, PortRanges(("dynamic",))]
#: ``platform.system()`` of the agents that a requirement may demand.
Platform = Annotated[str, OneOf(("Windows", "Linux", "Darwin", "FreeBSD", "SunOS", "AIX", "HP-UX"))]
