"""Define the scanner's requirements for mailboxes over IMAP."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "imap": Requirements(
        one_port(143, "IMAP server", _SECTION, '"To scan email accounts using IMAP."'), verifies_certificate=True
    ),
    "imaps": Requirements(
        one_port(993, "IMAPS server", _SECTION, '"To scan email accounts using IMAPS."'), verifies_certificate=True
    ),
}
