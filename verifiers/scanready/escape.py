r"""Hostile text made harmless for a terminal, and still readable.

Whatever a target says may hold escape sequences that move the cursor or retitle the
window, marks that turn the reading direction, or a megabyte of anything. Every human
output passes such text through here; what is not printable is shown as the escape
Python would write for it (``\x1b``, ``\u202e``).
"""

from __future__ import annotations

import re
import shlex

from .catalogue import BY_NAME
from .catalogue.clouds import BY_SERVICE
from .model import Target, bracketed

#: Enough for any one line a server says in good faith; the rest is counted, not shown.
MOST = 400
#: A generated fix is a handful of lines; a longer one did not come from us.
MOST_LINES = 40
#: As long as the note about what is cut: cutting less than that would only take words away.
_NOTE = 24

_PLACEHOLDER = re.compile(r"\{(host\}:\{port|host|port|user|database|path|url|starttls)\}")
_WORDS = {"host}:{port": "HOST:PORT", "starttls": "[-starttls PROTOCOL] "}
# What openssl s_client must say first, by target type.
_STARTTLS = {"imap": "-starttls imap ", "mysql": "-starttls mysql ", "postgresql": "-starttls postgres "}
# What a type's pages are asked with, where that is not the type's own name.
_SCHEMES = {"cloud": "https", "console": "https", "update": "https"}
_SAFE_WORD = re.compile(r"[\w.:%@+/\-\[\]]+", re.ASCII)


def visible(text: str, most: int = MOST) -> str:
    """Return ``text`` on one line, every unprintable character escaped, cut after about ``most`` characters.

    Unprintable is what Unicode calls Other (controls, format marks such as the
    bidirectional ones, surrogates, unassigned) or Separator, the space excepted.
    """
    rest = len(text) - most
    if rest > _NOTE:
        return f"{visible(text[:most])}... ({rest} more characters)"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def visible_lines(text: str, most: int = MOST) -> list[str]:
    """Return the lines of ``text``, each as :func:`visible` shows it; for what is meant to have lines, as a fix is."""
    lines = text.strip("\r\n").split("\n")
    shown = [visible(line.expandtabs(4).rstrip("\r"), most) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(f"... ({len(lines) - MOST_LINES} more lines)")
    return shown


def fill(text: str, target: Target) -> str:
    """Return a text of the cause catalogue with its places filled in: ``{host}``, ``{port}``, ``{user}``,
    ``{database}``, ``{path}`` (what the target's URL names behind the host: share, export, service ...), ``{url}`` (the
    target itself) and ``{starttls}`` (an option of ``openssl s_client``, or nothing).

    Values are put in as words that a shell leaves alone: the text is meant to be pasted.
    """
    if "{" not in text:
        return text
    host = "ENDPOINT" if target.type == "cloud" and target.host in BY_SERVICE else target.host
    options, endpoint = target.options, f"{bracketed(host)}:{target.port}"
    values = {
        "host": host,
        "port": str(target.port),
        "host}:{port": endpoint,
        "user": target.credential.username if target.credential else str(options.get("user") or "USER"),
        "database": str(options.get("database") or "postgres"),
        "path": _path(target),
        "url": f"{_SCHEMES.get(target.type, target.type)}://{endpoint}{options.get('path', '/')}",
    }
    filled = text.replace("{starttls}", _STARTTLS.get(target.type, ""))
    return _PLACEHOLDER.sub(lambda found: _word(values[found[1]]), filled)


def _path(target: Target) -> str:
    """The option that the URL's path fills, or its word in capitals."""
    row = BY_NAME.get(target.type)
    key = row.path if row and row.path else "path"
    return str(target.options.get(key) or key.upper())


def named(text: str) -> str:
    """Return the same text for no target: its places as words."""
    return _PLACEHOLDER.sub(lambda found: _WORDS.get(found[1]) or found[0].strip("{}").upper(), text)


def _word(value: str) -> str:
    shown = visible(value, 255)
    return shown if _SAFE_WORD.fullmatch(shown) else shlex.quote(shown)


def _escaped(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
