"""Recognise a target in the notation of other tools, and say how it is written here.

A connection string may hold a password. So a notation names the parts that it takes, and nothing else is repeated.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from .bounds import Line, Text

_NAME = r"[A-Za-z0-9_$#. -]+"
_SHORT = {
    "HOST": r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)",
    "PORT": r"(?::(?P<port>[0-9]{1,5}))?",
    "USER": r"(?:[^@/\s]*@)?",
}
#: A part of a form that is left out with the value in it.
_OPTIONAL = r"\[([^\]{]*)\{(\w+)\}\]"


@dataclass(frozen=True, slots=True)
class Notation:
    """Declare one notation of a type.

    Attributes:
        called: what people call it, as in "a JDBC URL".
        pattern: a regular expression over the whole text, case ignored; ``<HOST>``, ``<PORT>`` (with its colon, may be
            missing), ``<USER>`` (with ``@``, never repeated) and ``<NAME:word>`` stand for the usual parts.
        form: the target as it is written here; ``{word}`` is a part. Brackets, as in ``[?sid={sid}]``, are
            left out if their part is missing.
    """

    called: Line
    pattern: Annotated[str, Text(r".*", 300, "a regular expression")]
    form: Line

    def written(self, text: str) -> str | None:
        """Return the target in our notation; None if ``text`` is in another one."""
        found = re.fullmatch(_expanded(self.pattern), text, re.IGNORECASE)
        if found is None:
            return None
        parts = {name: value.replace("\\", "/") for name, value in found.groupdict().items() if value}
        form = re.sub(_OPTIONAL, lambda one: f"{one[1]}{{{one[2]}}}" if one[2] in parts else "", self.form)
        return form.format_map(parts)


def hint(text: str, notations: Iterable[Notation]) -> str:
    """Return the sentence that says how ``text`` is written here; empty if no notation fits."""
    for notation in notations:
        with contextlib.suppress(re.error, KeyError, ValueError):  # of another package, which declares it wrongly
            if written := notation.written(text):
                return f"{notation.called}; write `{written}`"
    return ""


def _expanded(pattern: str) -> str:
    pattern = re.sub(r"<NAME:(\w+)>", rf"(?P<\1>{_NAME})", pattern)
    return re.sub(r"<(HOST|PORT|USER)>", lambda one: _SHORT[one[1]], pattern)
