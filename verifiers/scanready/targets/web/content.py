"""Judge a page by what a scan reads on it: a scan runs no scripts, fills in no form and takes no filter's page."""

from __future__ import annotations

import re

from scanready.causes import common
from scanready.causes import web as causes
from scanready.clients.http_block_pages import block_page_of, challenge_of, portal_of
from scanready.clients.http_talk import Url, in_inventory
from scanready.climb.probe import Rung
from scanready.wire import http as wire

#: Characters of text beside a form that make a page one with content; a login's legal notice has fewer.
_CONTENT = 2000
#: A page with a script and no link has at least this much to read; "It works!" has no script.
_LEAST, _LEAST_BESIDE_A_WAIT = 30, 400
#: The words of pages while a script decides about a visitor.
_WAIT = re.compile(
    rb"(?:enable|requires?|without|need) java\s?script|java\s?script (?:is )?(?:required|disabled|enabled)"
    rb"|checking your browser|just a moment|verify(?:ing)? (?:that )?you are|are you (?:a )?(?:human|robot)"
    rb"|captcha|please wait|redirecting",
    re.IGNORECASE,
)


def tell(rung: Rung, url: Url, body: bytes, kind: str | None, *, truncated: bool, coded: str = "") -> None:
    """Say what was read of the page at ``url``; warn where it is not the site's content.

    Args:
        kind: the declared content type.
        coded: the content codings that could not be undone.

    Raises:
        Failure: the page could not be read.
    """
    if coded:
        rung.stop(common.LIMIT, f"{url} is encoded, against the request for identity: {coded}; the page was not read")
    if wire.is_empty(body):
        rung.warn(causes.EMPTY, f"{url} is empty")
    elif product := block_page_of(body):
        rung.warn(causes.BLOCK_PAGE, f"{url} shows the page of {product}")
    elif product := portal_of(body):
        rung.warn(causes.CAPTIVE_PORTAL, f"{url} shows a page that logs in to a network ({product})")
    else:
        _tell_text(rung, url, body, kind, truncated=truncated)


def _tell_text(rung: Rung, url: Url, body: bytes, kind: str | None, *, truncated: bool) -> None:
    looked = wire.look(body) if _is_html(body, kind) else None
    scripts_alone = looked is not None and _needs_scripts(looked, body)
    onward = wire.refresh_of(body) or (looked.script_leads_to if looked is not None and scripts_alone else None)
    leads = url.joined(onward) if onward else None
    if leads is not None and leads.host.lower() != url.host.lower():
        detail = f"{url} sends its visitors on to {leads}, on another host"
        rung.warn(causes.REDIRECTS_ELSEWHERE, detail, in_inventory(leads))
    elif looked is not None and wire.is_login_form(body) and looked.beside < _CONTENT:
        rung.warn(causes.LOGIN_FORM, f"{url} is a login form, and all that a scan sees of the site", login_form=True)
    elif scripts_alone and (product := challenge_of(body)):
        rung.warn(causes.BLOCK_PAGE, f"{url} shows a challenge in JavaScript by {product}")
    elif looked is not None and scripts_alone:
        further = f"; its script leads to {leads}" if leads else ""
        rung.warn(causes.SCRIPTS_ONLY, f"{url} has {looked.text} characters of text beside its scripts{further}")
    else:
        size = f"{'the first ' if truncated else ''}{len(body)} bytes"
        rung.ok(f"read {size} of {(kind or 'no declared type')[:80]} from {url.path}")


def _is_html(body: bytes, kind: str | None) -> bool:
    declared = (kind or "").partition(";")[0].strip().lower()
    return declared in ("text/html", "application/xhtml+xml") or (not declared and body.lstrip()[:1] == b"<")


def _needs_scripts(looked: wire.Look, body: bytes) -> bool:
    """Say whether a page shows its content only to who runs its scripts: a challenge, or an application."""
    if not looked.scripted or looked.links:
        return False
    return looked.text < (_LEAST_BESIDE_A_WAIT if _WAIT.search(body) else _LEAST)
