"""Define the scanner's requirements for PostgreSQL."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "postgresql": Requirements(one_port(5432, "PostgreSQL server", _SECTION, '"To scan PostgreSQL databases."')),
}
