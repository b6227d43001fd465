"""List the ways in which a program writes a secret, apart from the encodings that :mod:`readings` undoes.

A form is text to search for in one reading of a message. Bytes are written as the characters of the same codes
(Latin-1), so that one search serves text and decoded bytes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from .readings import plain

#: From this length on letters match in either case: below it, too much would match by chance.
LEAST_CUT = 6
#: Stand-ins for characters that a code page or an output cannot show, and how few real ones still identify a secret.
_STAND_INS, _LEAST_REAL = "?\N{REPLACEMENT CHARACTER}", 3
#: The zero bytes of UTF-16, and their stand-ins where it was read as single bytes.
_BETWEEN = ("\0", " ", ".", "\N{REPLACEMENT CHARACTER}")
#: DRDA writes its passwords in EBCDIC (cp500).
_CODE_PAGES = ("utf-8", "latin-1", "cp1252", "utf-16-le", "utf-16-be", "cp500")
#: SQLI cuts its strings here, and the rest of one is still a secret.
_LONGEST = 1020


def folded(text: str) -> str:
    """Return ``text`` in lower case with every character where it was."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


@lru_cache(maxsize=1024)
def forms_of(secret: str) -> tuple[str, ...]:
    """Return every form of ``secret``, the longest first; in lower case where case does not matter."""
    fold = folded if len(secret) >= LEAST_CUT else str
    found = {fold(form) for text in _spellings(secret) for form in (text, *_encoded(text)) if _identifies(form, secret)}
    return tuple(sorted(found, key=len, reverse=True))


@lru_cache(maxsize=1024)
def pieces_of(secret: str) -> tuple[str, ...]:
    """Return the forms of which a cut message may show a half: as it is, and in UTF-8 and UTF-16 read byte by byte."""
    fold = folded if len(secret) >= LEAST_CUT else str
    texts = {secret, secret.encode("utf-8", "surrogatepass").decode("latin-1")}
    texts.add(secret.encode("utf-16-le", "surrogatepass").decode("latin-1").strip("\0"))
    return tuple(fold(text) for text in texts)


def _spellings(secret: str) -> Iterator[str]:
    """The secret as text: composed or decomposed, its white space collapsed, unprintable characters replaced."""
    words = " ".join(secret.split())
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)
    for text in (secret, words, shown, secret.replace(" ", "+"), secret[:_LONGEST]):
        yield text
        yield plain(text)
        if not text.isascii():
            yield from (unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC"))
            yield _in_halves(text)
            yield from (text.upper(), text.lower(), text.casefold())  # a dotless i or a sharp s is another letter there


def _in_halves(text: str) -> str:
    """The text as JSON's and Java's escapes leave it: each character beyond U+FFFF as its two surrogates."""
    raw = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(int.from_bytes(raw[at : at + 2], "big")) for at in range(0, len(raw), 2))


def _encoded(text: str) -> Iterator[str]:
    """The secret's bytes, read as Latin-1, and what a reader of the wrong code page makes of them."""
    for page in _CODE_PAGES:
        raw = text.encode(page, "surrogatepass" if page.startswith("utf") else "replace")
        raw = raw.strip(b"\0") if page.startswith("utf-16") else raw
        once = raw.decode("latin-1")
        yield once
        if not text.isascii():
            yield once.encode("utf-8").decode("latin-1")
            yield raw.decode("cp1252", "replace")
            yield raw.decode("utf-8", "replace")
    yield text.encode("ascii", "replace").decode()
    yield _tds(text.encode("utf-16-le", "surrogatepass")).decode("latin-1")
    if text.isascii():
        yield from (between.join(text) for between in _BETWEEN)


def _tds(raw: bytes) -> bytes:
    """TDS LOGIN7's disguise of a password: nibbles swapped, then XOR 0xA5 ([MS-TDS] 2.2.6.4)."""
    return bytes(((byte << 4 | byte >> 4) & 0xFF) ^ 0xA5 for byte in raw)


def _identifies(form: str, secret: str) -> bool:
    """Whether enough of the secret is left in the form: stand-ins for all of its characters say nothing."""
    if form == secret:
        return True
    return sum(char not in _STAND_INS and not char.isspace() for char in form) >= min(_LEAST_REAL, len(secret))
