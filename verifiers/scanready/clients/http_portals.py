"""Recognise a redirect to the login page of a network: the address of a captive portal, by its product's form."""

from __future__ import annotations

import re

from .http_url import Url

#: Port, and path with query, of the pages to which products send a host that has not logged in to the network. A port
#: of None is any port. Only forms that no site has a reason to use.
_PORTALS: tuple[tuple[re.Pattern[str] | None, re.Pattern[str], str], ...] = tuple(
    (re.compile(port) if port else None, re.compile(path, re.IGNORECASE), product)
    for port, path, product in (
        ("", r"/fgtauth\?", "FortiGate"),
        ("608[0-3]", r"/php/uid\.php\?", "Palo Alto Networks"),
        (r"80\d\d", r"/index\.php\?(?:.*&)?zone=", "pfSense"),
        (r"80\d\d|90\d\d", r"/index\.html\?redirurl=", "OPNsense"),
        ("8880|8843|8444", r"/guest/s/", "UniFi"),
        ("", r"/guest/s/[^/?]+/\?(?:.*&)?ap=", "UniFi"),
        ("", r"/(?:fs/customwebauth/)?[a-z0-9_]*\.html\?(?:.*&)?switch_url=", "Cisco WLC"),
        ("", r"/portal/gateway\?sessionid=", "Cisco ISE"),
        ("", r"/[^?]*\?(?:.*&)?cmd=login&(?:.*&)?mac=", "Aruba"),
        ("", r"/[^?]*\?(?:.*&)?(?:uamip=|res=notyet)", "CoovaChilli"),
        ("", r"/[^?]*\?(?:.*&)?client_mac=", "Ruckus"),
        ("2050", r"/", "NoDogSplash"),
        ("8090", r"/httpclient\.html", "Sophos"),
        ("", r"/connect/PortalMain", "Check Point"),
        ("4100", r"/logon\.shtml", "WatchGuard"),
    )
)
#: Hosts of portals: Cisco Meraki's, Aruba's, openNDS', and the virtual addresses of Cisco's wireless controllers.
_HOSTS = (
    (re.compile(r"(?:.*\.)?network-auth\.com"), re.compile(r"/splash"), "Cisco Meraki"),
    (re.compile(r"(?:securelogin|captiveportal-login)\.(?:arubanetworks|hpe)\.com"), re.compile(r"/"), "Aruba"),
    (re.compile(r"status\.client"), re.compile(r"/"), "openNDS"),
    (re.compile(r"1\.1\.1\.1|192\.0\.2\.1"), re.compile(r"/login\.html"), "Cisco WLC"),
)


def portal_at(start: Url, leads: Url) -> str | None:
    """Return the product whose login to the network is at ``leads``, None for no known product.

    Such a page is on another host than the site at ``start``, to which the agent was led from there.
    """
    if leads.host.lower() == start.host.lower():
        return None
    for port, path, product in _PORTALS:
        if (port is None or port.fullmatch(str(leads.port))) and path.match(leads.path):
            return product
    host = leads.host.lower().rstrip(".")
    return next((name for hosts, path, name in _HOSTS if hosts.fullmatch(host) and path.match(leads.path)), None)
