"""Texts of the cause catalogue with their places filled in: ``{host}`` becomes the target's own host.

What is filled in comes from inventories and ends up in shells: it is put in as a word that a shell leaves alone.
"""

from __future__ import annotations

import re
import shlex

from scanready.catalogue import TargetType
from scanready.model import Target, bracketed
from scanready.wire.printable import visible

#: The places that a target fills, as they stand in braces.
PLACES = ("host", "port", "user", "database", "path", "url", "starttls")
#: A place, or a word in braces that is none; ``${NAME}`` is the shell's.
_PLACEHOLDER = re.compile(r"(?<!\$)\{(host\}:\{port|[A-Za-z_][A-Za-z0-9_]*)\}")
_WORDS = {"host}:{port": "HOST:PORT", "starttls": "[-starttls PROTOCOL] "}
_SAFE_WORD = re.compile(r"[\w.:%@+/\-\[\]]+", re.ASCII)


def fill(text: str, target: Target, row: TargetType | None) -> str:
    """Return a text of the cause catalogue with its places filled in, by the row of the target's type.

    The places are ``{host}``, ``{port}``, ``{user}``, ``{database}``, ``{path}`` (what the target's URL names behind
    the host: share, export, service ...), ``{url}`` (the target itself) and ``{starttls}`` (an option of
    ``openssl s_client``, or nothing).

    Values are put in as words that a shell leaves alone: the text is meant to be pasted. Another word in braces is
    shown in capitals, as a place that the reader fills.
    """
    if "{" not in text:
        return text
    host = target.host if row is None or _is_machine(row, target) else "ENDPOINT"
    options, endpoint = target.options, f"{bracketed(host)}:{target.port}"
    values = {
        "host": host,
        "port": str(target.port),
        "host}:{port": endpoint,
        "user": target.credential.username if target.credential else str(options.get("user") or "USER"),
        "database": str(options.get("database") or "postgres"),
        "path": _path(target, row),
        "url": f"{(row and row.scheme) or target.type}://{endpoint}{options.get('path', '/')}",
    }
    filled = text.replace("{starttls}", f"-starttls {row.starttls} " if row and row.starttls else "")
    return _PLACEHOLDER.sub(lambda found: _word(values.get(found[1], found[1].upper())), filled)


def unknown_places(text: str) -> list[str]:
    """Return the words in braces that :func:`fill` has no value for, with their braces."""
    return [found[0] for found in _PLACEHOLDER.finditer(text) if not set(found[1].split("}:{")) <= set(PLACES)]


def _is_machine(row: TargetType, target: Target) -> bool:
    """Whether the target's host is one that can be asked, and not the name of a service."""
    return not row.hostless or any(place.host == target.host for place in row.places(target))


def _path(target: Target, row: TargetType | None) -> str:
    """The option that the URL's path fills, or its word in capitals."""
    key = row.path if row and row.path else "path"
    return str(target.options.get(key) or key.upper())


def named(text: str) -> str:
    """Return the same text for no target: its places as words."""
    return _PLACEHOLDER.sub(lambda found: _WORDS.get(found[1]) or found[0].strip("{}").upper(), text)


def _word(value: str) -> str:
    shown = visible(value, 255)
    return shown if _SAFE_WORD.fullmatch(shown) else shlex.quote(shown)
