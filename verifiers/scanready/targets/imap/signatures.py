"""Recognise an IMAP server by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, says

SIGNATURES: tuple[Signature, ...] = (
    Signature("imap", says(rb"\* (?:OK|PREAUTH|BYE) (?:\[[^\]\r\n]*\] ?)?([^\r\n]*)", "an IMAP server ({0})"), 60),
    # In place of a greeting. A notice framed with asterisks also has such lines, so the line must be the last one.
    Signature(
        "imap",
        says(
            rb"\* (?:NO|BAD) (?:\[[A-Z][A-Z0-9-]*[^\]\r\n]*\] ?)?([^*\r\n]*)\r\n\Z",
            "an IMAP server that refuses the connection ({0})",
        ),
        65,
    ),
)
