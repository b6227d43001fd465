"""Define the facts that every check over HTTP records."""

from __future__ import annotations

from scanready.catalogue import facts
from scanready.catalogue.facts import Fact, Kind

STATUS = Fact("status", Kind.INTEGER, "HTTP status", "The status of the answer.", "status line")
SERVER = Fact("server", Kind.TEXT, "", "The server software, as the server names it.", "field `Server`")
LOCATION = Fact("location", Kind.TEXT, "URL", "The target of the answer's redirect.", "field `Location`")
VIA = Fact("via", Kind.TEXT, "", "The proxies in the path.", "field `Via`")
PROXY = Fact("proxy", Kind.TEXT, "host:port", "The proxy that was used, as the option `proxy` names it.")
PROXY_AUTH_METHODS = Fact(
    "proxy_auth_methods", Kind.TEXTS, "", "The login schemes of the proxy.", "field `Proxy-Authenticate`"
)
REDIRECT = Fact("redirect", Kind.TEXT, "URL", "A redirect that was not followed, or whose target does not answer.")

#: All facts of HTTP, and the clock from the field `Date`.
HTTP = (STATUS, SERVER, LOCATION, VIA, PROXY, PROXY_AUTH_METHODS, REDIRECT, facts.CLOCK_SKEW_SECONDS)
