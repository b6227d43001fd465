"""Say where a page leads: the other pages of its own host, outside of its forms and in one language."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scanready.wire import http as wire

from .http_talk import Url

#: Links that are looked at.
MOST_LINKS = 300
_LANGUAGE = re.compile(r"[?&](?:lang|language|locale|hl|ui_locales)=", re.IGNORECASE)


def joined(url: Url, looked: wire.Look | None, reference: str) -> Url | None:
    """Return where a reference of the page at ``url`` leads; None if that is no page of the web."""
    base = url.joined(looked.base) if looked is not None and looked.base else None
    return (base or url).joined(reference)


def is_own(url: Url, leads: Url) -> bool:
    """Say whether a page is of the same host as the page at ``url``."""
    return leads.host.lower() == url.host.lower()


def own_pages(url: Url, looked: wire.Look, hrefs: Iterable[str]) -> set[str]:
    """Return the paths of the other pages of the same host that these links of the page at ``url`` lead to."""
    found = (joined(url, looked, href.partition("#")[0]) for href in hrefs if not href.startswith("#"))
    paths = {leads.path for leads in found if leads is not None and is_own(url, leads)}
    return {path for path in paths if path != url.path and not _LANGUAGE.search(path)}


def links(url: Url, looked: wire.Look) -> set[str]:
    """Return the paths of the other pages of the same host that a page leads to."""
    return own_pages(url, looked, looked.hrefs[:MOST_LINKS])
