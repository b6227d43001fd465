"""List the facts that a check of SQL Server reports."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import DATABASES, ERROR_CODE, INSTANCE, PORTS, PRODUCT, SERVER_NAME, Fact, Kind

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "mssql": (
        PRODUCT,
        Fact("version", Kind.TEXT, "", "The version of SQL Server.", "TDS PRELOGIN VERSION"),
        Fact(
            "encryption",
            Kind.TEXT,
            "",
            "`login only`, `on`, `not supported`, `not mentioned`, `required`, `strict`, or another value in "
            "hexadecimal.",
            "TDS PRELOGIN ENCRYPTION",
        ),
        SERVER_NAME,
        INSTANCE,
        PORTS,
        Fact(
            "login_channel",
            Kind.TEXT,
            "",
            "How the login was protected: TLS (with the faults of its certificate) or clear text.",
        ),
        DATABASES,
        ERROR_CODE,
    )
}
