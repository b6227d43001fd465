"""Recognise a Tibero server by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, framed

SIGNATURES: tuple[Signature, ...] = (
    # Greeting: type 0, u32 length of the body after the header of 16 octets, zeros, the protocol's major version.
    Signature(
        "tibero",
        framed(rb"\x00{4}\x00\x00..\x00{8}\x00{3}[\x02-\x14]", 4, 4, "a Tibero server, by the shape of it", plus=16),
        330,
    ),
)
