"""Texts of the cause catalogue with their places filled in: ``{host}`` becomes the target's own host.

The values come from inventories and end up in shells: :mod:`.quoting` writes them.
"""

from __future__ import annotations

import re

from scanready.catalogue import TargetType
from scanready.catalogue.row import user_of
from scanready.model import Target, bracketed

from .quoting import SHELL_USER, SHELL_WORD

#: The places that a target fills, as they stand in braces.
PLACES = ("host", "port", "user", "database", "path", "url", "starttls")
#: A place, or a word in braces that is none; ``${NAME}`` is the shell's.
_PLACEHOLDER = re.compile(r"(?<!\$)\{(host\}:\{port|[A-Za-z_][A-Za-z0-9_]*)\}")
_WORDS = {"host}:{port": "HOST:PORT", "starttls": "[-starttls PROTOCOL] "}


def fill(text: str, target: Target, row: TargetType | None) -> str:
    """Return a text of the cause catalogue with its places filled in, by the row of the target's type.

    The places are ``{host}``, ``{port}``, ``{user}``, ``{database}``, ``{path}`` (what the target's URL names behind
    the host: share, export, service ...), ``{url}`` (the target itself) and ``{starttls}`` (an option of
    ``openssl s_client``, or nothing).

    Values must be words that a shell does not interpret, because the text is pasted into one. A place without such a
    value becomes its own name in capitals; another word in braces does too.
    """
    if "{" not in text:
        return text
    host = target.host if row is None or _is_machine(row, target) else "ENDPOINT"
    endpoint = f"{bracketed(host)}:{target.port}"
    values = {
        "host": host,
        "port": str(target.port),
        "host}:{port": endpoint,
        "user": user_of(target),
        "database": _option("database", target, row),
        "path": _option(row.path if row and row.path else "path", target, row),
        "url": f"{(row and row.scheme) or target.type}://{endpoint}{_page(target, row)}",
    }
    words = {**{name: _word_of(name) for name in values}, "path": ((row and row.path) or "path").upper()}
    filled = text.replace("{starttls}", f"-starttls {row.starttls} " if row and row.starttls else "")
    return _PLACEHOLDER.sub(lambda found: _written(found[1], values.get(found[1], ""), words.get(found[1])), filled)


def unknown_places(text: str) -> list[str]:
    """Return the words in braces that :func:`fill` has no value for, with their braces."""
    return [found[0] for found in _PLACEHOLDER.finditer(text) if not set(found[1].split("}:{")) <= set(PLACES)]


def _written(name: str, value: str, word: str | None) -> str:
    place = SHELL_USER if name == "user" else SHELL_WORD
    return place.called(word or _word_of(name))(value)


def _is_machine(row: TargetType, target: Target) -> bool:
    """Whether the target's host is one that can be asked, and not the name of a service."""
    return not row.hostless or any(place.host == target.host for place in row.places(target))


def _option(name: str, target: Target, row: TargetType | None) -> str:
    """Return an option's value, or what clients of the type take without it."""
    declared = row.option(name) if row else None
    return str(target.options.get(name) or (declared.usual if declared else ""))


def _page(target: Target, row: TargetType | None) -> str:
    """Return the path of the page that a target of HTTP is: the option that is carried as it is written."""
    carried = [option.of(target.options) for option in row.options if option.verbatim] if row else []
    return str(next(filter(None, carried), "/"))


def named(text: str) -> str:
    """Return the same text for no target: its places as words."""
    return _PLACEHOLDER.sub(lambda found: _word_of(found[1]), text)


def _word_of(name: str) -> str:
    return _WORDS.get(name) or name.upper()
