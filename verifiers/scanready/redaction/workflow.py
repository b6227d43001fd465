"""Make commands to a build server harmless: GitHub, Azure Pipelines and TeamCity read them out of any output.

GitHub takes ``::name`` at the start of a line, where a table may have wrapped it, and ``##[name]`` anywhere; Azure
``##vso[`` and ``##[`` anywhere, TeamCity ``##teamcity[``. A space between the two marks is enough. An address such
as ``fe80::abcd`` has none of these names and stays.
"""

from __future__ import annotations

import re

# Few texts have such a mark, so the functions of `re` compile these patterns when one is found.
_MARK = r"#(?=#[A-Za-z]{0,32}\[)|:(?=:(?![0-9A-Fa-f]{1,4}(?![\w-]))[A-Za-z])"
_HASHES = r"#(?=#[A-Za-z]{0,32}\[)"
_AT_START = r"(?m)#(?=#[A-Za-z]{0,32}\[)|(?:^|(?<=\s)):(?=:(?![0-9A-Fa-f]{1,4}(?![\w-]))[A-Za-z])"


def has_mark(text: str) -> bool:
    """Return False if no such command can begin in ``text``; nearly every text has no mark of one."""
    return "::" in text or "##" in text


def harmless(text: str) -> str:
    """Return ``text`` with a space within whatever begins such a command."""
    return re.sub(_MARK, r"\g<0> ", text) if "::" in text or "##" in text else text


def harmless_lines(text: str) -> str:
    """Return ``text`` so that no line begins such a command; for texts of ours, which may hold ``[Net.Dns]::Name``."""
    return re.sub(_AT_START, r"\g<0> ", text) if "::" in text or "##" in text else text


def harmless_json(text: str) -> str:
    """Return a JSON text that means the same and has no such command: a line of JSON never begins with colons."""
    return re.sub(_HASHES, r"\\u0023", text) if "##" in text else text
