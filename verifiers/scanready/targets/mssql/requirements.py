"""Define the scanner's requirements for Microsoft SQL Server."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_SECTION = "Proxy Agent Network Requirements"

REQUIREMENTS = {
    "mssql": Requirements(
        one_port(1433, "Microsoft SQL server", _SECTION, '"To scan Microsoft SQL databases."'),
        doubt="Named instances listen on a dynamic port, which only the SQL Browser (UDP 1434) reports.",
    ),
}
