"""Recognise the pages that filters, challenges and portals show with status 200 in place of a site.

Each mark is a text that the product writes into its page and that a site has no reason to write. The list is never
complete: a page without text for a scan is reported even if its product is unknown.
"""

from __future__ import annotations

from scanready.wire import http as wire

from .http_links import links
from .http_talk import Url

#: A page with at least this many characters of text has content; the legal notice of a login page has fewer.
CONTENT = 2000
#: A page with links to at least this many pages of the same site has content.
INDEX = 20

BLOCK_PAGES = (
    # firewalls in front of a site, and their challenges
    (b"The requested URL was rejected. Please consult with your administrator.", "an F5 application firewall"),
    (b"Incapsula incident ID", "Imperva's firewall"),
    (b"Sucuri WebSite Firewall - Access Denied", "Sucuri's firewall"),
    (b"sucuri_cloudproxy_js", "Sucuri's firewall (a challenge in JavaScript)"),
    (b"window._cf_chl_opt", "Cloudflare's challenge"),
    (b"<title>Attention Required! | Cloudflare</title>", "Cloudflare's firewall"),
    (b"window.gokuProps", "AWS WAF's challenge"),
    (b"sec-if-cpt-container", "Akamai's challenge"),
    (b"<title>DDoS-Guard</title>", "DDoS-Guard's challenge"),
    (b"<title>Vercel Security Checkpoint</title>", "Vercel's challenge"),
    (b"anubis_challenge", "Anubis (a challenge in JavaScript)"),
    # filters of the agent's own network
    (b"<title>Web Filter Violation</title>", "a FortiGuard web filter"),
    (b"FortiGuard Intrusion Prevention - Access Blocked", "a FortiGuard web filter"),
    (b"<title>Web Page Blocked</title>", "a web filter (Palo Alto Networks)"),
    (b"Internet Security by Zscaler", "Zscaler"),
    (b"<!-- ERR_ACCESS_DENIED -->", "Squid"),
    (b"<body id=ERR_", "Squid"),
    (b'<body id="ERR_', "Squid"),
    (b"block.opendns.com", "Cisco Umbrella"),
    (b"malware.opendns.com", "Cisco Umbrella"),
    (b"phish.opendns.com", "Cisco Umbrella"),
    (b"/UserCheck/PortalMain", "Check Point UserCheck"),
    (b"/cgi-bin/blockpage.cgi?ws-session=", "Forcepoint (Websense)"),
    (b"<title>McAfee Web Gateway - Notification</title>", "McAfee Web Gateway"),
)

#: Scripts that the same products also put into pages of the site: a mark only if a page has no text of its own.
CHALLENGE_SCRIPTS = (
    (b"/TSPD/", "an F5 application firewall"),
    (b"/_Incapsula_Resource", "Imperva's firewall"),
    (b"/cdn-cgi/challenge-platform/", "Cloudflare's firewall"),
    (b"awsWafCookieDomainList", "AWS WAF"),
    (b"window._pxAppId", "HUMAN's firewall (PerimeterX)"),
    (b"captcha-delivery.com/", "DataDome"),
    (b"slowAES.decrypt(", "the testcookie module of nginx"),
)

#: Services that show a page of their own for domains without a site.
PARKING = (
    (b"data-adblockkey=", "a parking service"),
    (b"parkingcrew.net/", "ParkingCrew"),
    (b"sedoparking.com/", "Sedo"),
    (b"window.park = ", "Bodis"),
    (b"/parking-lander/", "GoDaddy"),
)

PORTALS = (
    (b"<WISPAccessGatewayParam", "WISPr"),
    (b"/fgtauth?", "FortiGate"),
    (b"fgt_lang?i=fgtauth", "FortiGate"),
    (b"network-auth.com/splash", "Cisco Meraki"),
    (b"/portal/gateway?sessionId=", "Cisco ISE"),
    (b"/cgi-bin/login?cmd=login&mac=", "Aruba"),
    (b'content="nodogsplash', "NoDogSplash"),
    (b"$(link-login-only)", "MikroTik"),
)


def is_long(url: Url, looked: wire.Look | None, body: bytes) -> bool:
    """Return whether a page has so much text or so many links that it only quotes the marks of a filter.

    ``looked`` is None for a text that is not HTML.
    """
    if looked is None:
        return len(body) >= CONTENT
    return looked.text >= CONTENT or len(links(url, looked)) >= INDEX


def block_page_of(body: bytes) -> str | None:
    """Return the product whose block or challenge page a body is, None for no known product."""
    return next((product for mark, product in BLOCK_PAGES if mark in body), None)


def filter_of(answer: wire.Response) -> str | None:
    """Return the product that refuses, by a mark in the answer's page or by Squid's field; None if unknown."""
    return "Squid" if answer.header("x-squid-error") else block_page_of(answer.body)


def challenge_of(body: bytes) -> str | None:
    """Return the product whose challenge a page without text is, None for no known product."""
    return next((product for mark, product in CHALLENGE_SCRIPTS if mark in body), None)


def portal_of(body: bytes) -> str | None:
    """Return the product whose network login page a body is, None for no known product."""
    return next((product for mark, product in PORTALS if mark in body), None)


def parking_of(body: bytes) -> str | None:
    """Return the parking service whose page a body is, None for no known service."""
    return next((service for mark, service in PARKING if mark in body), None)
