"""Recognise an Oracle listener by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, framed, says

SIGNATURES: tuple[Signature, ...] = (
    # u16 length, checksum 0, type accept, refuse, redirect or resend, flags, checksum 0.
    Signature("tns", framed(rb"..\x00\x00[\x02\x04\x05].\x00\x00", 0, 2, "an Oracle listener (TNS)"), 270),
    # A redirect with its data in a packet of its own.
    Signature("tns", says(rb"\x00\x0a\x00\x00\x05.\x00\x00..\x00?", "an Oracle listener (TNS)"), 280),
    Signature("tns", says(rb"\x00\x08\x00\x00\x0b.\x00\x00\Z", "an Oracle listener (TNS)"), 290),
)
