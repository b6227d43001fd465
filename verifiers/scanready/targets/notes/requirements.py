"""Requirements of the scanner for Notes."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "notes": Requirements(
        one_port(1352, "IBM / Lotus Notes client", _SECTION, '"To scan IBM / Lotus Notes clients."'),
        doubt="The document says client; 1352 is the Domino server's port, and the agent needs a Notes client besides. "
        "The protocol is not public: never more than ready, and no vendor's client has judged our side of it.",
        client="Notes, set up with an ID file",
    ),
}
