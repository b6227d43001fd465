"""The facts that a check of a Windows host states."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import (
    AUTH_METHODS,
    CLOCK_SKEW_SECONDS,
    DYNAMIC_PORT,
    OS,
    PORTS,
    PRODUCT,
    VERSION,
    Fact,
    Kind,
)

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "windows": (
        PRODUCT,
        VERSION,
        OS,
        Fact("dcom", Kind.TEXT, "", "The version of DCOM.", "ServerAlive2 answer"),
        Fact("bindings", Kind.TEXTS, "", "The host's names and addresses for DCOM clients.", "ServerAlive2"),
        PORTS,
        DYNAMIC_PORT,
        Fact("inferred", Kind.FLAG, "", "True if the result for WMI's own port is inferred from another dynamic port."),
        Fact("server_name", Kind.TEXT, "", "The name of the host.", "NTLM challenge, DNS host name"),
        Fact("domain", Kind.TEXT, "", "The domain of the host.", "NTLM challenge, DNS domain name"),
        AUTH_METHODS,
        CLOCK_SKEW_SECONDS,
    )
}
