"""Define the scanner's requirements for Sybase."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "sybase": Requirements(
        one_port(3638, "Sybase/SAP ASE", _SECTION, '"To scan Sybase/SAP ASE databases."'),
        doubt="SAP ASE usually listens on 5000 or 4901.",
    ),
}
