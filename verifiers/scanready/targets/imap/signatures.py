"""Recognise an IMAP server by its first bytes."""

from __future__ import annotations

from scanready.climb.identify import Signature, says

SIGNATURES: tuple[Signature, ...] = (
    Signature("imap", says(rb"\* (?:OK|PREAUTH|BYE) (?:\[[^\]\r\n]*\] ?)?([^\r\n]*)", "an IMAP server ({0})"), 60),
    # In place of a greeting. A frame of stars round a notice for people has such lines as well.
    Signature(
        "imap",
        says(
            rb"\* (?:NO|BAD) (?:\[[A-Z][A-Z0-9-]*[^\]\r\n]*\] ?)?([^*\r\n]*)\r\n\Z", "an IMAP server that refuses ({0})"
        ),
        65,
    ),
)
