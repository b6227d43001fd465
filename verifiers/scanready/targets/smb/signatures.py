"""Recognise an SMB server, or the NetBIOS session service before it, by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, framed, says

SIGNATURES: tuple[Signature, ...] = (
    Signature("smb", framed(rb"\x00...[\xff\xfe\xfd]SMB", 1, 3, "an SMB file server", plus=4), 350),
    Signature(
        "smb", says(rb"\x83\x00\x00\x01[\x80-\x83\x8f]\Z|\x84\x00\x00\x06.{6}\Z", "a NetBIOS session service"), 360
    ),
)
