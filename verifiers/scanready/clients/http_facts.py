"""The facts that every check over HTTP states."""

from __future__ import annotations

from scanready.catalogue import facts
from scanready.catalogue.facts import Fact, Kind

STATUS = Fact("status", Kind.INTEGER, "HTTP status", "The status of the answer.", "status line")
SERVER = Fact("server", Kind.TEXT, "", "The server software as it names itself.", "field `Server`")
LOCATION = Fact("location", Kind.TEXT, "URL", "Where the answer redirects to.", "field `Location`")
VIA = Fact("via", Kind.TEXT, "", "The proxies on the way.", "field `Via`")
PROXY = Fact("proxy", Kind.TEXT, "host:port", "The proxy that was used, as the option `proxy` names it.")
PROXY_AUTH_METHODS = Fact(
    "proxy_auth_methods", Kind.TEXTS, "", "The login schemes of the proxy.", "field `Proxy-Authenticate`"
)
REDIRECT = Fact("redirect", Kind.TEXT, "URL", "A redirect that was not followed, or led nowhere.")

#: All of them, and the clock, which stands in the field `Date`.
HTTP = (STATUS, SERVER, LOCATION, VIA, PROXY, PROXY_AUTH_METHODS, REDIRECT, facts.CLOCK_SKEW_SECONDS)
