"""List the facts that a check of Teradata reports."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, ERROR_CODE, PRODUCT, Fact, Kind

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "teradata": (
        PRODUCT,
        Fact("version", Kind.TEXT, "", "The version of the database.", "configuration answer"),
        Fact("tdgss", Kind.TEXT, "", "The version of the security library.", "configuration answer"),
        AUTH_METHODS,
        Fact("https_port", Kind.INTEGER, "TCP port", "The port on which drivers can use HTTPS."),
        ERROR_CODE,
    )
}
