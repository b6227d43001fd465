"""Recognise a target in the notation of other tools, and say how it is written here.

A connection string may hold a password. So a notation names the parts and settings that it takes. Every other
setting is reported by its name only, so that a reader knows what the target leaves out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote

from .bounds import Line, Lowered, OptionName, Text

_NAME = r"[A-Za-z0-9_$#. -]+"
_SHORT = {
    "HOST": r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)",
    "PORT": r"(?::(?P<port>[0-9]{1,5}))?",
    "USER": r"(?:(?P<no_account>[^@/\s]*)@)?",
    "SETTINGS": r"(?P<settings>.*)",
}
#: A part of a form that is left out with the value in it.
_OPTIONAL = r"\[([^\]{]*)\{(\w+)\}\]"
#: The sign between settings, by the sign before the first one; otherwise a semicolon.
_BETWEEN = {"?": "&", "/": ","}
_SETTING = r"(?P<name>[A-Za-z][\w. -]{0,39}?)\s*=\s*(?P<value>\{(?:[^}]|\}\})*\}|'[^']*'|\"[^\"]*\"|[^%s]*)"
#: Values of settings that are repeated: one word of a name, which needs no quotes.
_PLAIN = re.compile(r"[\w$#.-]{1,128}")
#: Groups with this prefix are recognised, and a target has no place for them.
_NO_PLACE = "no_"
#: Most names of settings that are listed.
_MOST_LISTED = 8


@dataclass(frozen=True, slots=True)
class Notation:
    """Declare one notation of a type.

    Attributes:
        called: what people call it, as in "a JDBC URL".
        pattern: a regular expression over the whole text, case ignored; ``<HOST>``, ``<PORT>`` (with its colon, may be
            missing), ``<USER>`` (with ``@``, never repeated), ``<NAME:word>`` and ``<SETTINGS>`` (the rest, as in
            ``a=1;b=2``) stand for the usual parts. A group ``(?P<no_word>...)`` is listed as left out.
        form: the target as it is written here; ``{word}`` is a part. Brackets, as in ``[:{port}]``, are left out if
            their part is missing. Other parts become the query: ``?word=value``.
        settings: the settings that a target has, by their names in lower case, each with the word of its part. The
            others are listed as left out.
    """

    called: Line
    pattern: Annotated[str, Text(r".*", 300, "a regular expression")]
    form: Line
    settings: Mapping[Lowered, OptionName] = field(default_factory=dict, hash=False)

    def written(self, text: str) -> str | None:
        """Return the target in our notation; None if ``text`` is in another one."""
        found = self.translated(text)
        return found[0] if found else None

    def translated(self, text: str) -> tuple[str, list[str]] | None:
        """Return the target in our notation and what it leaves out; None if ``text`` is in another notation."""
        found = re.fullmatch(_expanded(self.pattern), text, re.IGNORECASE)
        if found is None:
            return None
        groups = {name: value for name, value in found.groupdict().items() if value}
        left = [name.removeprefix(_NO_PLACE).replace("_", " ") for name in groups if name.startswith(_NO_PLACE)]
        parts = {name: value for name, value in groups.items() if not name.startswith(_NO_PLACE) and name != "settings"}
        if rest := groups.get("settings"):
            for name, value in _settings(rest, text[found.start("settings") - 1]):
                word = self.settings.get(name.lower())
                if word is None or not _PLAIN.fullmatch(value):
                    left.append(name)
                else:
                    parts.setdefault(word, value)
        return self._filled({name: _in_url(value) for name, value in parts.items()}), list(dict.fromkeys(left))

    def _filled(self, parts: Mapping[str, str]) -> str:
        form = re.sub(_OPTIONAL, lambda one: f"{one[1]}{{{one[2]}}}" if one[2] in parts else "", self.form)
        named = set(re.findall(r"\{(\w+)\}", form))
        query = "&".join(f"{name}={value}" for name, value in parts.items() if name not in named)
        return form.format_map(parts) + (f"?{query}" if query else "")


def hint(text: str, notations: Iterable[Notation]) -> str:
    """Return the sentence that says how ``text`` is written here; empty if no notation fits."""
    for notation in notations:
        with contextlib.suppress(re.error, KeyError, ValueError):  # of another package, which declares it wrongly
            if found := notation.translated(text):
                written, left = found
                return f"{notation.called}; write `{written}`{_left_out(left)}"
    if re.match(r"jdbc:", text, re.IGNORECASE):
        return "a JDBC URL with several hosts, without a host or of an unknown kind; write one target for each host"
    return ""


def _left_out(names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f" (left out: {', '.join(names[:_MOST_LISTED])}{more})"


def _settings(text: str, before: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each setting of a connection string.

    Args:
        before: the sign before the first one, which tells the sign between them.
    """
    between = _BETWEEN.get(before, ";")
    for found in re.finditer(rf"(?:^|{between})\s*(?:{_SETTING % between})", text):
        yield found["name"], found["value"]


def _in_url(value: str) -> str:
    """Return a part for a URL; what is percent-encoded stays so."""
    value = value.replace("\\", "/")
    return quote(value, safe="/$!'()*+,;=:@ []" + ("" if re.search(r"%(?![0-9A-Fa-f]{2})", value) else "%"))


def _expanded(pattern: str) -> str:
    pattern = re.sub(r"<NAME:(\w+)>", rf"(?P<\1>{_NAME})", pattern)
    return re.sub(r"<(HOST|PORT|USER|SETTINGS)>", lambda one: _SHORT[one[1]], pattern)
