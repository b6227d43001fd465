"""Define the scanner's requirements for Oracle Database."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "oracle": Requirements(one_port(1521, "Oracle database server", _SECTION, '"To scan Oracle databases."')),
}
