"""Find the pages of its own host that a page links to, outside its forms and in one language."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scanready.wire import http as wire

from .http_url import Url

#: The most links of a page that are inspected.
MOST_LINKS = 300
_LANGUAGE = re.compile(r"[?&](?:lang|language|locale|hl|ui_locales)=", re.IGNORECASE)


def joined(url: Url, looked: wire.Look | None, reference: str) -> Url | None:
    """Return the URL of a reference in the page at ``url``; None if it is no web page."""
    base = url.joined(looked.base) if looked is not None and looked.base else None
    return (base or url).joined(reference)


def is_own(url: Url, leads: Url) -> bool:
    """Return whether ``leads`` is on the same host as the page at ``url``."""
    return leads.host.lower() == url.host.lower()


def own_pages(url: Url, looked: wire.Look, hrefs: Iterable[str]) -> set[str]:
    """Return the paths of other pages on the same host that the links ``hrefs`` of the page at ``url`` lead to."""
    found = (joined(url, looked, href.partition("#")[0]) for href in hrefs if not href.startswith("#"))
    paths = {leads.path for leads in found if leads is not None and is_own(url, leads)}
    return {path for path in paths if path != url.path and not _LANGUAGE.search(path)}


def links(url: Url, looked: wire.Look) -> set[str]:
    """Return the paths of other pages on the same host that a page links to."""
    return own_pages(url, looked, looked.hrefs[:MOST_LINKS])
