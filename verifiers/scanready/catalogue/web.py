"""Web sites and cloud services."""

from __future__ import annotations

from scanready.model import Step
from scanready.targets.cloud.services import PLACEHOLDERS

from .row import Cost, TargetType, one_port

_WEB = "Proxy Agent Network Requirements, WebSites and Cloud Services"
_HTTP_LOG = "an access-log line with our User-Agent for each request: HEAD, then GET where the page is open"

WEB: tuple[TargetType, ...] = (
    TargetType(
        "http",
        "Website over HTTP",
        80,
        one_port(80, "HTTP server", _WEB, '"To scan websites."'),
        # The page and three places it leads to, each asked twice where connections are not kept; one more for a login.
        Cost(8, 9, login_attempts=1, log=_HTTP_LOG),
        speaks="http",
        path="path",
        options=("proxy", "allow_cleartext"),
        proven_by="nginx, Apache httpd, tinyproxy",
    ),
    TargetType(
        "https",
        "Website over HTTPS",
        443,
        one_port(443, "HTTPS server", _WEB, '"To scan HTTPS websites."'),
        # The page and three places it leads to, each asked twice where connections are not kept; one more for a login.
        Cost(8, 9, login_attempts=1, log=_HTTP_LOG),
        speaks="http",
        tls=True,
        path="path",
        options=("proxy",),
        verifies_certificate=True,
        proven_by="nginx, Apache httpd, tinyproxy",
    ),
    TargetType(
        "cloud",
        "Cloud service",
        443,
        one_port(443, "Cloud services", _WEB, '"To scan cloud services."'),
        Cost(5, 5, log="one access-log line with our User-Agent at every endpoint of the service: HEAD"),
        speaks="http",
        tls=True,
        options=(*PLACEHOLDERS, "endpoints", "proxy"),
        verifies_certificate=True,
        proof=Step.HANDSHAKE,
        steps=tuple(Step)[:5],
        named_only=True,
        hostless=True,
        doubt="The document names no endpoint; those asked are the vendors' own. No login at a cloud service is done.",
        proven_by="nginx in the services' places; squid, its TLS inspection and tinyproxy between; no cloud was asked",
    ),
)
