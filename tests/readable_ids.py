"""Names of parametrised cases that a person can read and type: words in place of raw bytes and control characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: The longest part that one value contributes, and the longest name in all.
PART, LONGEST = 32, 100
_READ = 1000  # characters of a value that are looked at, since some values are megabytes
_WORDS = re.compile(rb"[A-Za-z0-9][A-Za-z0-9 ._/:+-]{2,}")
_CONTROLS = {"\0": " nul ", "\n": " ", "\r": " ", "\t": " tab ", "\x1b": " escape ", "\\": " "}


def readable(value: object) -> str | None:
    """Return a name for one value of a case, None where pytest's own is readable."""
    if isinstance(value, bytes):
        return _of_bytes(value)
    if value == "":
        return "empty"
    if isinstance(value, str) and (len(value) > PART or not value.isascii() or re.search(r"[^ -\[\]-~]", value)):
        return _cut("".join(map(_plain, value[:_READ]))) or f"{len(value)}-characters"
    return None


def unreadable(ids: Iterable[str]) -> list[str]:
    """Return the tests whose case has a name with a backslash or of more than 100 characters."""
    cases = ((test, test.partition("[")[2]) for test in ids)
    return [test for test, case in cases if "\\" in case or len(case) > LONGEST]


def _of_bytes(value: bytes) -> str:
    """The first text in it; or its length and first bytes in hexadecimal."""
    words = _WORDS.search(value)
    if words and re.search(rb"[A-Za-z]{2}", words[0]):
        return _cut(words[0].decode())
    return f"{len(value)}-bytes-{value[:6].hex()}" if value else "no-bytes"


def _plain(character: str) -> str:
    """Spell a character in ASCII."""
    if character in _CONTROLS:
        return _CONTROLS[character]
    if " " <= character <= "~":
        return character
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return base if base.isalnum() else f" {unicodedata.name(character, f'u{ord(character):04x}').lower()} "


def _cut(text: str) -> str:
    """Join the words with hyphens, as many as there is room for."""
    words = re.findall(r"[^\s-]+(?:-[^\s-]+)*", text)
    name = ""
    for word in words:
        if name and len(name) + 1 + len(word) > PART:
            break
        name = f"{name}-{word}" if name else word[:PART]
    return name
