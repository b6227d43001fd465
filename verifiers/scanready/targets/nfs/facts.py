"""The facts that a check of NFS states."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import PRODUCT, Fact, Kind

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "nfs": (
        PRODUCT,
        Fact("nfs_versions", Kind.TEXTS, "", "The NFS versions that the server offers."),
        Fact("source_port_below_1024", Kind.FLAG, "", "Whether the calls came from a source port below 1024."),
        Fact("refused", Kind.TEXT, "", "The error with which the RPC service rejects.", "RPC accept_stat, reject_stat"),
        Fact("ports", Kind.TEXTS, "port/transport", "The ports of the NFSv3 services that answer."),
        Fact("exports", Kind.TEXTS, "path", "The exports of the server.", "MOUNT EXPORT"),
        Fact("auth_methods", Kind.TEXTS, "", "The security flavors that the export accepts.", "SECINFO, MOUNT"),
    )
}
