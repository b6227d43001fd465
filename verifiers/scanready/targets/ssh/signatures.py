"""Recognise an SSH server by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature, says

SIGNATURES: tuple[Signature, ...] = (
    # An IMAP server that repeats our line is no SSH server: it reads the line as the tag of a command.
    Signature(
        "ssh",
        says(rb"(?!\* [A-Z]{2,7} )(?:[^\x00]{0,2048}\n)?SSH-[12]\.\d{1,2}-([^\r\n\x00]*)", "an SSH server ({0})"),
        10,
    ),
    Signature(
        "ssh",
        says(
            rb"(Exceeded MaxStartups|Not allowed at this time)\r?\n?\Z",
            "an SSH server that refuses the connection ({0})",
        ),
        20,
    ),
)
