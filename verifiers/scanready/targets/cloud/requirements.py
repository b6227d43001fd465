"""Define the scanner's requirements for cloud services."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements, WebSites and Cloud Services"

REQUIREMENTS = {
    "cloud": Requirements(
        one_port(443, "Cloud services", _SECTION, '"To scan cloud services."'),
        doubt="The document names no endpoints. The check uses those that the vendors publish, and does not log in.",
        verifies_certificate=True,
    ),
}
