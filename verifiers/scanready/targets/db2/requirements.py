"""Define the scanner's requirements for IBM DB2."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "db2": Requirements(one_port(50000, "IBM DB2 server", _SECTION, '"To scan IBM DB2 databases."')),
}
