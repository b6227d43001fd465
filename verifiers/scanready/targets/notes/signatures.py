"""Recognise a Notes or Domino server by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, framed

_NRPC = framed(
    rb"....[^\x00]\x00\x00\x00\x03\x00\x00\x40\x02\x0f", 0, 4, "a Notes/Domino server (NRPC)", little=True, plus=4
)

SIGNATURES: tuple[Signature, ...] = (Signature("nrpc", _NRPC, 380),)
