"""Recognise an SAP ASE server by its first bytes; SQL Server answers a login the same way."""

from __future__ import annotations

from scanready.climb.signature import Signature, framed

_TOKENS = rb"[\xaa\xab\xad\xe3\xe5\xe2\xed\xfd]"

SIGNATURES: tuple[Signature, ...] = (
    # Both answer a login with tokens.
    Signature(
        "tds",
        framed(rb"\x04[\x00\x01]....[\x00\x01]\x00" + _TOKENS, 2, 2, "an SQL server (TDS: Sybase or Microsoft)"),
        260,
    ),
)
