"""Define the scanner's requirements for Tibero."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "tibero": Requirements(one_port(8629, "Tibero database server", _SECTION, '"To scan Tibero databases."')),
}
