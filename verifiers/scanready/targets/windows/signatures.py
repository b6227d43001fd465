"""Recognise a DCE/RPC endpoint by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, framed

_DCERPC = framed(
    rb"\x05[\x00\x01][\x02\x03\x0c\x0d\x0f].\x10\x00\x00\x00..", 8, 2, "a DCE/RPC endpoint (Windows RPC)", little=True
)

SIGNATURES: tuple[Signature, ...] = (Signature("dcerpc", _DCERPC, 340),)
