"""Define the scanner's requirements for Notes."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "notes": Requirements(
        one_port(1352, "IBM / Lotus Notes client", _SECTION, '"To scan IBM / Lotus Notes clients."'),
        doubt="The document says client, but 1352 is the Domino server's port. The agent also needs a Notes client. "
        "The protocol is not public, so the verdict is never better than ready. Our messages were not tested with a "
        "vendor's client.",
        client="Notes, set up with an ID file",
    ),
}
