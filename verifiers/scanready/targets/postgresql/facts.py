"""List the facts that a check of PostgreSQL reports."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, DATABASES, PRODUCT, Fact, Kind

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "postgresql": (
        PRODUCT,
        Fact("version", Kind.TEXT, "", "The version of the server.", "ParameterStatus server_version"),
        AUTH_METHODS,
        Fact("sqlstate", Kind.TEXT, "SQLSTATE", "The code of the refusal.", "ErrorResponse field C"),
        DATABASES,
        Fact("tables", Kind.INTEGER, "table", "The number of tables in the database."),
        Fact("tables_readable", Kind.INTEGER, "table", "The number of tables that the account may read."),
    )
}
