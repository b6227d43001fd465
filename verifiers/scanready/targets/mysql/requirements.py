"""Define the scanner's requirements for MySQL and MariaDB."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "mysql": Requirements(one_port(3306, "MySQL or MariaDB server", _SECTION, '"To scan MySQL or MariaDB databases."')),
}
