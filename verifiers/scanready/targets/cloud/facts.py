"""The facts that a check of a cloud service states."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import Fact, Kind
from scanready.clients.http_facts import HTTP

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "cloud": (
        *HTTP,
        Fact("endpoints", Kind.MAP, "HTTP status by host:port", "The endpoints that answered, each with its status."),
        Fact("private", Kind.TEXTS, "IP address", "The private addresses that a public name resolves to."),
        Fact("private_endpoint", Kind.FLAG, "", "True if a private address has the service's genuine certificate."),
    )
}
