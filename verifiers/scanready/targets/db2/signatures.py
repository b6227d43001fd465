"""Recognise a DRDA server by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature

_REPLIES = (b"\x14\x43", b"\x14\xac", b"\x22", b"\x12")  # EXCSATRD, ACCSECRD; 22.., 12..: refusals


def _drda(data: bytes) -> str | None:
    """A DSS header (u16 length, D0, format, u16 correlation), then an object whose own length fits (DDM)."""
    length, inner = int.from_bytes(data[:2], "big"), int.from_bytes(data[6:8], "big")
    fits = len(data) >= 10 and data[2] == 0xD0 and data[3] & 0x0F in (1, 2, 3) and length == inner + 6
    return "a DB2, Derby or Informix server (DRDA)" if fits and data[8:10].startswith(_REPLIES) else None


SIGNATURES: tuple[Signature, ...] = (Signature("drda", _drda, 300),)
