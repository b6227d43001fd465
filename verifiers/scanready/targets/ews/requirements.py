"""Requirements of the scanner for Exchange."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "ews": Requirements(
        one_port(443, "Microsoft Exchange Server (EWS)", _SECTION, '"To scan Microsoft Exchange servers via EWS."'),
        doubt="The vendor's later guides ask for a Windows agent of Exchange's own bitness and an account with a "
        "mailbox and ApplicationImpersonation; this document does not.",
        verifies_certificate=True,
    ),
}
