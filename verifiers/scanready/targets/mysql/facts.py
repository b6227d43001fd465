"""List the facts that a check of MySQL and MariaDB reports."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import (
    ANONYMOUS,
    AUTH_METHODS,
    DATABASES,
    ERROR_CODE,
    PRODUCT,
    REFUSAL_AMBIGUOUS,
    Fact,
    Kind,
)

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "mysql": (
        PRODUCT,
        Fact("version", Kind.TEXT, "", "The version of the server.", "greeting, server version"),
        AUTH_METHODS,
        Fact("agent_seen_as", Kind.TEXT, "", "This agent's name or address as the server sees it.", "error message"),
        ANONYMOUS,
        REFUSAL_AMBIGUOUS,
        Fact("aborted", Kind.INTEGER, "connection", "Connections of this check that count towards max_connect_errors."),
        Fact("tried", Kind.FLAG, "", "True if a login was started but the password was withheld."),
        DATABASES,
        ERROR_CODE,
    )
}
