"""Fixes for an IMAP server: what lets an account read, and entries of the inventory."""

from __future__ import annotations

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import BRACKETED_HOST, PORTS, Place, name


def _string(text: str) -> str:
    """Quote a text as IMAP does (RFC 3501, 4.3): folders come in modified UTF-7, which is printable ASCII."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_WRITE = name(_string)

GRANT_FOLDER = Fix("SETACL {folder} {user} lr", folder=Place('"FOLDER"', _WRITE), user=Place('"USER"', _WRITE))
INSIDE_TLS = Fix("imaps://{host}:{port}", host=BRACKETED_HOST, port=PORTS)
