"""List the facts that a check of Informix reports."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import (
    ANONYMOUS,
    AUTH_METHODS,
    ERROR_CODE,
    INSTANCE,
    PRODUCT,
    REDIRECTED_TO,
    VERSION,
    Fact,
    Kind,
)

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "informix": (
        PRODUCT,
        VERSION,
        Fact("internal_version", Kind.TEXT, "", "The version in the vendor's internal numbering.", "SQLI CONACC"),
        Fact("server_name", Kind.TEXT, "", "The host name of the server.", "SQLI answer"),
        INSTANCE,
        REDIRECTED_TO,
        AUTH_METHODS,
        ANONYMOUS,
        ERROR_CODE,
    )
}
