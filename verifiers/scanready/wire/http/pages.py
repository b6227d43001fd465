"""Look at a page as a scan reads it: login forms, redirects of its own, and whether there is any text."""

from __future__ import annotations

import re
from dataclasses import dataclass

# No ">" and no "<" in between: the search stays within one tag, and its time in proportion to the body.
_PASSWORD_FIELD = re.compile(rb"<input\b[^<>]*?\btype\s*=\s*[\"']?password\b", re.IGNORECASE)


def is_login_form(body: bytes) -> bool:
    """Say whether a page has a password field. A form that a script builds in the browser is not seen."""
    return _PASSWORD_FIELD.search(body) is not None


_REFRESH = re.compile(rb"<meta\b[^<>]*?\bhttp-equiv\s*=\s*[\"']?refresh\b[^<>]*", re.IGNORECASE)
_REFRESH_TO = re.compile(rb"\burl\s*=\s*[\"']?([^\"'\s>]{1,2000})", re.IGNORECASE)


def refresh_of(body: bytes) -> str | None:
    """Return where a page sends its visitors by itself (``<meta http-equiv=refresh>``), None if it does not."""
    tag = _REFRESH.search(body)
    leads = _REFRESH_TO.search(tag[0]) if tag else None
    return leads[1].decode("latin-1") if leads else None


def is_empty(body: bytes) -> bool:
    """Say whether there is nothing but white space in a body."""
    return not body.strip()


# --- what there is to read ---------------------------------------------------------------------------------------

#: Elements whose text no visitor reads.
_HIDDEN = frozenset((b"script", b"style", b"noscript", b"template", b"title", b"svg", b"textarea"))
#: Elements that lead a scan on, or hold a page of their own.
_LEADS = frozenset((b"a", b"area", b"frame", b"iframe", b"object", b"embed"))
_NAME = re.compile(rb"/?[a-z][a-z0-9]*|!--", re.IGNORECASE)
#: Pieces of a page that are looked at: a page of 64 KiB has some thousands.
_MOST_PIECES = 12_000
#: Where a script sends its visitors (``location = "..."``, ``location.replace("...")``).
_SCRIPT_TO = re.compile(
    rb"\blocation(?:\.href)?(?:\s{0,9}=\s{0,9}|\.(?:replace|assign)\s{0,9}\(\s{0,9})[\"']([^\"'\s<>]{1,2000})[\"']",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Look:
    """The content of a page for a scan that runs no scripts.

    ``text`` counts the characters of text, white space left out; ``beside`` those outside of forms. ``links`` counts
    links and frames. ``scripted`` is true if the page has a script; ``script_leads_to`` is where that sends visitors,
    as far as it is written out.
    """

    text: int
    beside: int
    links: int
    scripted: bool
    script_leads_to: str | None = None


def look(body: bytes) -> Look:
    """Look at a page of HTML; the time is in proportion to its length."""
    first, *pieces = body.split(b"<", _MOST_PIECES)
    text = beside = _visible(first)
    links, in_form, scripted, hidden = 0, False, False, b""
    for piece in pieces:
        found = _NAME.match(piece)
        name = found[0].lower() if found else b""
        hidden, was_hidden = _hidden(hidden, name, piece), bool(hidden)
        scripted = scripted or (name == b"script" and not was_hidden)
        if hidden:
            continue
        links += not was_hidden and name in _LEADS
        in_form = name == b"form" or (in_form and name != b"/form")
        count = _visible(piece.rpartition(b">")[2] if name else piece)
        text, beside = text + count, beside + (0 if in_form else count)
    leads = _SCRIPT_TO.search(body) if scripted else None
    return Look(text, beside, links, scripted, leads[1].decode("latin-1") if leads else None)


def _hidden(hidden: bytes, name: bytes, piece: bytes) -> bytes:
    """Return the element, or comment, whose inside the text after this piece's tag is; empty if it is to be read."""
    if hidden == b"!--":
        return hidden if b"-->" not in piece else b""
    if hidden:
        return hidden if name != b"/" + hidden else b""
    if name == b"!--":
        return b"" if b"-->" in piece else name
    return name if name in _HIDDEN else b""


def _visible(text: bytes) -> int:
    return len(b"".join(text.split()))
