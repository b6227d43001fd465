"""Define the facts that a check of Exchange Web Services records."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, OS, PRODUCT, Fact, Kind
from scanready.clients.http_facts import HTTP

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "ews": (
        *HTTP,
        PRODUCT,
        Fact("version", Kind.TEXT, "", "The version of Exchange.", "field `X-OWA-Version`"),
        Fact("front_end", Kind.TEXT, "", "The front-end server that answered.", "field `X-FEServer`"),
        Fact("back_end", Kind.TEXT, "", "The mailbox server behind it.", "field `X-BEServer`, healthcheck.htm"),
        Fact("request_id", Kind.TEXT, "", "The number of the request in the server's log.", "field `request-id`"),
        AUTH_METHODS,
        Fact("server_name", Kind.TEXT, "", "The name of the server.", "NTLM challenge, DNS host name"),
        Fact("domain", Kind.TEXT, "", "The domain of the server.", "NTLM challenge, DNS domain name"),
        OS,
        Fact("url", Kind.TEXT, "URL", "The Autodiscover URL that was requested."),
    )
}
