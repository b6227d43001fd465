"""List the facts that a check of SAP ASE reports."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import ANONYMOUS, AUTH_METHODS, PRODUCT, SERVER_NAME, SUGGESTED_PORT, Fact, Kind

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "sybase": (
        PRODUCT,
        Fact("version", Kind.TEXT, "", "The version of the server software.", "TDS LOGINACK"),
        SERVER_NAME,
        SUGGESTED_PORT,
        AUTH_METHODS,
        ANONYMOUS,
        Fact("errors", Kind.INTEGERS, "", "The numbers of the server's messages.", "TDS EED, ERROR"),
    )
}
