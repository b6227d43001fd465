"""Recognise an Informix server by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, framed

SIGNATURES: tuple[Signature, ...] = (
    # u16 length, accepted, refused or redirected, 3C, options, and the constants that start every answer.
    Signature(
        "sqli",
        framed(rb"..[\x02\x03\x0d]\x3c..\x00\x64\x00\x65\x00\x00\x00\x3d", 0, 2, "an Informix server (SQLI)"),
        310,
    ),
)
