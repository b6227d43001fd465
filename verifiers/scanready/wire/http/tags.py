"""Split a page of HTML into its tags and texts, as a browser does (HTML, 13.2.5 "Tokenization").

A ``>`` within a quoted value ends no tag. Comments, and what stands within a script, a title or the like, has no tags.
"""

from __future__ import annotations

import codecs
import html
import html.entities
import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPEN = re.compile(rb"<(?:!--|[!?]|/?[a-z])", re.IGNORECASE)
_NAME = re.compile(rb"</?([^\s/>]*+)")
_VALUE = rb"\"([^\"]*+)(?:\"|\Z)|'([^']*+)(?:'|\Z)|([^\s>]*+)"
_ATTRIBUTE = re.compile(rb"[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:" + _VALUE + rb"))?")
_END = re.compile(rb"[\s/]*+>?")
_ENTITY = re.compile(r"&#?\w{1,32};")
#: Elements whose inside is text to their end tag, whatever it looks like.
_RAW = (b"script", b"style", b"title", b"textarea", b"xmp", b"iframe", b"noembed", b"noframes")
_RAW_END = {name: re.compile(rb"</" + name + rb"(?=[\s/>]|\Z)", re.IGNORECASE) for name in _RAW}
#: White space in HTML and URLs. In Latin-1, str.strip() also takes the octets 85 and A0, which end letters in UTF-8.
ASCII_BLANKS = " \t\n\f\r"
#: Tags of a page that are looked at: a page of 64 KiB has some thousands.
_MOST_TAGS = 12_000


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag with the text after it.

    ``name`` is in lower case, with ``/`` before that of an end tag; empty for the text before the first tag, and for
    that after a comment. Names of ``attributes`` are in lower case; their values have no entities. ``raw`` is the
    inside of a script, a title or the like; ``text`` then stands after its end.
    """

    name: bytes
    attributes: dict[bytes, str]
    text: bytes
    raw: bytes = b""


def tags(body: bytes) -> Iterator[Tag]:
    """Yield the tags of a page in turn; the time is in proportion to its length."""
    at = _next(body, 0)
    yield Tag(b"", {}, body[:at])
    for _ in range(_MOST_TAGS):
        if at == len(body):
            return
        name, attributes, end = _tag(body, at)
        raw = b""
        if name in _RAW_END:
            closes = _RAW_END[name].search(body, end)
            raw = body[end : closes.start() if closes else len(body)]
            end = body.find(b">", closes.end()) + 1 or len(body) if closes else len(body)
        at = _next(body, end)
        yield Tag(name, attributes, body[end:at], raw)


def text_of(body: bytes) -> str:
    """Return the text of a page without its tags, in one line; what stands within a script or a title is left out."""
    text = b" ".join(tag.text for tag in tags(body)).decode("utf-8", "replace")
    return " ".join(without_entities(text).split())


def _next(body: bytes, at: int) -> int:
    found = _OPEN.search(body, at)
    return found.start() if found else len(body)


def _tag(body: bytes, at: int) -> tuple[bytes, dict[bytes, str], int]:
    """Return name and attributes of the tag or comment at ``at``, and where it ends."""
    if body.startswith(b"<!--", at):
        closed = body.find(b"-->", at + 2)
        return b"", {}, closed + 3 if closed >= 0 else len(body)
    if body[at + 1 : at + 2] in (b"!", b"?"):
        return b"", {}, body.find(b">", at) + 1 or len(body)
    named = _NAME.match(body, at)
    assert named is not None, "a tag begins so"
    attributes: dict[bytes, str] = {}
    end = named.end()
    while found := _ATTRIBUTE.match(body, end):
        value = next((one for one in found.groups()[1:] if one is not None), b"")
        attributes.setdefault(found[1].lower(), without_entities(value.decode("latin-1")))
        end = found.end()
    last = _END.match(body, end)
    return named[0][1:].lower(), attributes, last.end() if last else end


def without_entities(text: str) -> str:
    """Put characters in the place of their entities (``&amp;``)."""
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(entity: re.Match[str]) -> str:
    known = entity[0][1] == "#" or entity[0][1:] in html.entities.html5
    return html.unescape(entity[0]) if known else entity[0]


#: UTF-32 first: its mark begins with that of UTF-16.
_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?(utf-(?:16|32)(?:le|be)?)\b", re.IGNORECASE)
_CHARSETS = {
    **{"utf-16": "utf-16-le", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"},
    **{"utf-32": "utf-32-le", "utf-32le": "utf-32-le", "utf-32be": "utf-32-be"},
}


def readable(body: bytes, kind: str | None) -> bytes:
    """Return a text in UTF-16 or UTF-32 as UTF-8, by its first bytes or its type ``kind``; any other as it is."""
    marked = next(((coding, len(bom)) for bom, coding in _WIDE if body.startswith(bom)), None)
    declared = _CHARSET.search(kind or "")
    coding, skipped = marked or (_CHARSETS[declared[1].lower()] if declared else "", 0)
    if coding:
        return body[skipped:].decode(coding, "replace").encode()
    return body.removeprefix(codecs.BOM_UTF8)
