"""Define the scanner's requirements for Exchange."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "ews": Requirements(
        one_port(443, "Microsoft Exchange Server (EWS)", _SECTION, '"To scan Microsoft Exchange servers via EWS."'),
        doubt="The vendor's later guides require a Windows agent with the same bitness as Exchange, and an account "
        "with a mailbox and ApplicationImpersonation. This document does not.",
        verifies_certificate=True,
    ),
}
