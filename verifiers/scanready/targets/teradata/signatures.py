"""Recognise a Teradata gateway by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, framed

SIGNATURES: tuple[Signature, ...] = (
    # Format 3, a response, its kind; u32 length of the body after the header of 52 octets.
    Signature(
        "teradata", framed(rb"\x03\x02[\x01-\x0c].{3}\x00[\x00-\x03]..", 6, 4, "a Teradata gateway", plus=52), 320
    ),
)
