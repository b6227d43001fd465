"""Define the scanner's requirements for web sites."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements, WebSites and Cloud Services"

REQUIREMENTS = {
    "http": Requirements(one_port(80, "HTTP server", _SECTION, '"To scan websites."')),
    "https": Requirements(
        one_port(443, "HTTPS server", _SECTION, '"To scan HTTPS websites."'), verifies_certificate=True
    ),
}
