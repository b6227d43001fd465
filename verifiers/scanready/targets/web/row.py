"""Describe the target types for web sites over HTTP and HTTPS."""

from __future__ import annotations

from scanready.catalogue.option import ALLOW_CLEARTEXT, ALLOW_UNTRUSTED
from scanready.catalogue.row import Called, Cost, Detour, Driver, Group, Nmap, TargetType
from scanready.clients.http_options import PATH, PROXY

# The page and three redirect targets, each asked twice if connections are not kept; one more for a login, and one to
# compare its answer with the answer to a request without a credential.
_COST = Cost(
    8,
    10,
    login_attempts=1,
    log="one access-log line with scanready's User-Agent for each request: HEAD, then GET if the page needs no login; "
    "one more GET without the account if a login is answered with a redirect, 403 or 404",
    detours=(Detour("80,443", "the page redirects to it, perhaps on another port", "another web server"),),
)
_DRIVERS = (Driver("requests", "requests", "web"),)
_PROVEN_BY = "nginx, Apache httpd, tinyproxy"

HTTP = TargetType(
    "http",
    "Website over HTTP",
    80,
    _COST,
    speaks="http",
    home=__package__,
    verifier="verify_http",
    group=Group.WEB,
    place=1,
    path="path",
    options=(PATH, PROXY, ALLOW_CLEARTEXT, ALLOW_UNTRUSTED),
    guessed=True,
    drivers=_DRIVERS,
    nmap=Nmap(services=("http", "http-proxy", "http-alt"), in_tls="https"),
    proven_by=_PROVEN_BY,
)

HTTPS = TargetType(
    "https",
    "Website over HTTPS",
    443,
    _COST,
    speaks="http",
    home=__package__,
    verifier="verify_https",
    group=Group.WEB,
    place=2,
    tls=True,
    path="path",
    options=(PATH, PROXY, ALLOW_UNTRUSTED),
    guessed=True,
    drivers=_DRIVERS,
    nmap=Nmap(services=("https", "https-alt")),
    called=Called(names=("web", "website")),
    proven_by=_PROVEN_BY,
)
