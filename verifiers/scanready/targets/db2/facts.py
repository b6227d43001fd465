"""List the facts that a check of DB2 reports."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, ERROR_CODE, PRODUCT, SUGGESTED_PORT, Fact, Kind

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "db2": (
        PRODUCT,
        Fact("version", Kind.TEXT, "", "The version of the server software.", "DRDA SRVRLSLV"),
        Fact("server_name", Kind.TEXT, "", "The name of the server.", "DRDA SRVNAM"),
        Fact("platform", Kind.TEXT, "", "The class of the server product, such as `QDB2/LINUXX8664`.", "DRDA SRVCLSNM"),
        SUGGESTED_PORT,
        AUTH_METHODS,
        ERROR_CODE,
        Fact("code", Kind.TEXT, "hexadecimal", "The security check code of a refused login.", "DRDA SECCHKCD"),
    )
}
