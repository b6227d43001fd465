"""The byte order mark that editors and shells of Windows put before a text: which encoding follows it.

Windows PowerShell's ``>`` and ``Out-File`` write UTF-16 with a mark, its ``Set-Content -Encoding utf8`` and older
versions of Notepad UTF-8 with one. Without a mark a text is UTF-8.
"""

from __future__ import annotations

import codecs


def encoding_of(begins: bytes) -> str:
    """Return the name of the encoding, whose decoder takes the mark away, for a text that begins like this."""
    if begins.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


def is_marked(begins: bytes) -> bool:
    """Return True for a text with a mark, which a library that reads the file takes for a part of its first line."""
    return begins.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
