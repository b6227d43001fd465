"""Requirements of the scanner for cloud services."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements, WebSites and Cloud Services"

REQUIREMENTS = {
    "cloud": Requirements(
        one_port(443, "Cloud services", _SECTION, '"To scan cloud services."'),
        doubt="The document names no endpoint; those asked are the vendors' own. No login at a cloud service is done.",
        verifies_certificate=True,
    ),
}
