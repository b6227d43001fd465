"""Recognise a PostgreSQL server by its first bytes."""

from __future__ import annotations

import re

from scanready.climb.signature import Signature

_PG_AUTHENTICATION = frozenset({0, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12})


def _postgresql(data: bytes) -> str | None:
    """u8 type, u32 length with itself: an ErrorResponse with its fields, or an authentication request."""
    length = int.from_bytes(data[1:5], "big")
    body = data[5 : 1 + length]
    match data[:1]:
        case b"R" if 8 <= length <= 512 and len(body) >= 4:
            return (
                "a server of the PostgreSQL protocol" if int.from_bytes(body[:4], "big") in _PG_AUTHENTICATION else None
            )
        case b"E" if 16 <= length <= 0x7530 and re.match(rb"S[^\x00]+\x00(?:V[^\x00]*\x00)?C[0-9A-Z]{5}\x00M", body):
            return "a server of the PostgreSQL protocol"
        case b"E" if re.match(rb"E(?:FATAL|ERROR):  [\x20-\x7e]+\n?\x00", data):  # before protocol 3.0
            return "a PostgreSQL server that is old or answers as to an old client"
        case _:
            return None


SIGNATURES: tuple[Signature, ...] = (Signature("postgresql", _postgresql, 240),)
