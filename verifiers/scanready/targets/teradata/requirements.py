"""Define the scanner's requirements for Teradata."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "teradata": Requirements(one_port(1025, "Teradata database server", _SECTION, '"To scan Teradata databases."')),
}
