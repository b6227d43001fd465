"""Recognise an IMAP server by its first bytes."""

from __future__ import annotations

from scanready.climb.identify import Signature, says

SIGNATURES: tuple[Signature, ...] = (
    Signature("imap", says(rb"\* (?:OK|PREAUTH|BYE) (?:\[[^\]\r\n]*\] ?)?([^\r\n]*)", "an IMAP server ({0})"), 60),
)
