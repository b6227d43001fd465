"""Recognise SQL Server by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, framed

SIGNATURES: tuple[Signature, ...] = (
    # The answer to PRELOGIN starts with its VERSION option.
    Signature(
        "tds", framed(rb"\x04\x01....[\x00\x01]\x00\x00\x00.\x00\x06", 2, 2, "a Microsoft SQL Server (TDS)"), 250
    ),
)
