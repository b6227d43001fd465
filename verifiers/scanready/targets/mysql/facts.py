"""The facts that a check of MySQL and MariaDB states."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import ANONYMOUS, AUTH_METHODS, DATABASES, ERROR_CODE, PRODUCT, Fact, Kind

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "mysql": (
        PRODUCT,
        Fact("version", Kind.TEXT, "", "The version of the server.", "greeting, server version"),
        AUTH_METHODS,
        Fact("agent_seen_as", Kind.TEXT, "", "The host that the server takes this agent for.", "error message"),
        ANONYMOUS,
        Fact("aborted", Kind.INTEGER, "connection", "Connections of this check that count towards an address ban."),
        Fact("tried", Kind.FLAG, "", "True if the password was sent although the login was withheld in the end."),
        DATABASES,
        ERROR_CODE,
    )
}
