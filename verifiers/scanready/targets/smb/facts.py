"""The facts that a check of SMB states."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, CLOCK_SKEW_SECONDS, NETBIOS_NAME, OS, PRODUCT, VERSION, Fact, Kind

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "smb": (
        PRODUCT,
        VERSION,
        OS,
        Fact("dialect", Kind.TEXT, "", "The SMB dialect, as `3.1.1`.", "NEGOTIATE DialectRevision"),
        Fact("signing", Kind.TEXT, "", "`required`, `enabled` or `disabled`.", "NEGOTIATE SecurityMode"),
        Fact("encryption", Kind.TEXT, "", "The cipher for SMB encryption; `none` if there is none.", "NEGOTIATE"),
        Fact(
            "encryption_required",
            Kind.TEXT,
            "",
            "Which part requires encryption: `session` or `share`.",
            "SESSION_SETUP, TREE_CONNECT",
        ),
        Fact("server_guid", Kind.TEXT, "GUID", "The GUID of the server.", "NEGOTIATE ServerGuid"),
        Fact("server_name", Kind.TEXT, "", "The name of the server.", "NTLM challenge, DNS host name"),
        NETBIOS_NAME,
        Fact("domain", Kind.TEXT, "", "The domain of the server.", "NTLM challenge, DNS domain name"),
        Fact("forest", Kind.TEXT, "", "The forest of the domain.", "NTLM challenge, DNS tree name"),
        Fact("workgroup", Kind.TEXT, "", "The workgroup or domain of a NetBIOS server.", "NBSTAT answer"),
        CLOCK_SKEW_SECONDS,
        AUTH_METHODS,
        Fact("shares", Kind.TEXTS, "", "The shares of the server, at most 1,000.", "NetrShareEnum"),
    )
}
