"""Recognise the pages that web servers generate: directory listings, and default pages before a site is installed."""

from __future__ import annotations

import re

from scanready.clients.http_links import is_own, joined
from scanready.clients.http_talk import Url
from scanready.wire import http as wire

#: Titles and headings of listings: nginx, Apache httpd, lighttpd, Python, Tomcat, Jetty, and others.
_LISTING = re.compile(
    r"(?:index of|directory listing (?:for|of)|directory:|listing of|contents of)\s*/.*", re.IGNORECASE
)
_START_PAGES = re.compile(
    r"(?:(?P<nginx>welcome to nginx!?|test page for the nginx http server.*)"
    r"|(?P<OpenResty>welcome to openresty!?)"
    r"|(?P<Apache>it works!?|apache2 .{0,30}default page.*|(?:http server )?test page (?:for|powered by).{0,40})"
    r"|(?P<IIS>iis windows server|iis ?[0-9.]{1,4}|iis windows)"
    r"|(?P<Tomcat>apache tomcat(?:/[0-9.]{1,12})?)"
    r"|(?P<Caddy>caddy works!?))",
    re.IGNORECASE,
)


def is_empty(url: Url, looked: wire.Look) -> bool:
    """Return whether a page is a directory listing without any file or folder.

    Links to parent folders, and to the same listing in another order, do not count.
    """
    return _is_listing(url, looked) and all(_is_above(url, looked, href) for href in looked.hrefs)


def _is_listing(url: Url, looked: wire.Look) -> bool:
    named = (looked.title, looked.heading)
    of_iis = any(one.lower() == f"{url.host} - {url.path}".lower() for one in named)
    return of_iis or any(_LISTING.fullmatch(one) for one in named)


def _is_above(url: Url, looked: wire.Look, href: str) -> bool:
    """Return whether a link leads to the folder itself, to a parent folder, or to another host (the product's)."""
    leads = joined(url, looked, href)
    if leads is None or not is_own(url, leads):
        return True
    folder, path = (f"{one.path.partition('?')[0].rstrip('/')}/" for one in (url, leads))
    return folder.startswith(path)


def start_page_of(looked: wire.Look) -> str | None:
    """Return the product whose default page this is, None for any other page."""
    found = _START_PAGES.fullmatch(looked.title) or _START_PAGES.fullmatch(looked.heading)
    return found.lastgroup if found else None
