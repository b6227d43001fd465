"""Define the scanner's requirements for IBM Informix."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "informix": Requirements(
        one_port(9088, "IBM Informix server", _SECTION, '"To scan IBM Informix databases."'),
        doubt="9088 is usually the native SQLI listener; DRDA clients use 9089.",
    ),
}
