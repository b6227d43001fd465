"""Judge a page by what a scan reads on it: a scan runs no scripts, fills in no form and takes no filter's page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from scanready.causes import common
from scanready.causes import web as causes
from scanready.clients.http_block_pages import block_page_of, challenge_of, portal_of
from scanready.clients.http_talk import Url, in_inventory
from scanready.climb.explain import Failure
from scanready.climb.probe import Rung
from scanready.model import Cause, Facts
from scanready.wire import http as wire

#: Characters of text beside a form that make a page one with content; a login's legal notice has fewer.
_CONTENT = 2000
#: Pages of the same site that one page leads to, from which on it has content whatever else it shows.
_INDEX = 20
#: A page with a script and at most one link has at least this much to read; "It works!" has no script.
_LEAST, _LEAST_BESIDE_A_WAIT = 30, 400
#: Links of a page that is only the way to another one: to that, to a help, to an imprint.
_WAYS_ON = 3
#: Links that are looked at.
_MOST_LINKS = 300
#: The words of pages while a script decides about a visitor.
_WAIT = re.compile(
    rb"(?:enable|requires?|without|need) java\s?script|java\s?script (?:is )?(?:required|disabled|enabled)"
    rb"|checking your browser|just a moment|verify(?:ing)? (?:that )?you are|are you (?:a )?(?:human|robot)"
    rb"|captcha|please wait|redirecting",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"[?&](?:lang|language|locale|hl|ui_locales)=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Read:
    """The page that was read: its declared content type ``kind``, and the value of its field Refresh.

    ``coded`` names the content codings that could not be undone.
    """

    body: bytes
    kind: str | None = None
    truncated: bool = False
    coded: str = ""
    refresh: str | None = None


def answered(answer: wire.Response) -> Read:
    """Return what an answer to GET holds."""
    kind, refresh = answer.header("content-type"), answer.header("refresh")
    return Read(answer.body, kind, answer.truncated, answer.coded, refresh)


@dataclass(frozen=True, slots=True)
class Judged:
    """A page's judgement: a warning with its ``cause``, or none for content.

    ``doors`` are pages of the same host, of which this page is only the way in: they decide instead.
    """

    detail: str
    cause: Cause | None = None
    fix: str | None = None
    facts: Facts = field(default_factory=dict)
    doors: tuple[Url, ...] = ()

    def tell(self, rung: Rung) -> None:
        """Write it on a rung."""
        if self.cause is None:
            rung.ok(self.detail)
        else:
            rung.warn(self.cause, self.detail, self.fix, **self.facts)


def judge(url: Url, read: Read) -> Judged:
    """Judge the page at ``url``.

    Raises:
        Failure: the page could not be read.
    """
    if read.coded:
        said = f"{url} is encoded, against the request for identity: {read.coded}; the page was not read"
        raise Failure(common.LIMIT, said)
    body = wire.readable(read.body, read.kind)
    looked = wire.look(body) if _is_html(body, read.kind) else None
    links = _links(url, looked) if looked else set()
    if (looked is not None or not read.kind) and (of_a_filter := _filter(url, looked, links, body)):
        return of_a_filter
    onward = _onward(url, read, looked, links)
    leads = _joined(url, looked, onward) if onward else None
    if leads is not None and not _is_own(url, leads):
        said = f"{url} sends its visitors on to {leads}, on another host"
        return Judged(said, causes.REDIRECTS_ELSEWHERE, in_inventory(leads))
    little = looked is None or (looked.text < _LEAST_BESIDE_A_WAIT and len(links) <= _WAYS_ON)
    if leads is not None and leads != url and little:
        return Judged(f"{url} sends its visitors on to {leads}", doors=(leads,))
    if wire.is_empty(body) or (looked is not None and _is_empty(url, looked)):
        return Judged(f"{url} is empty", causes.EMPTY)
    without = _without_content(url, looked, links, body) if looked else None
    size = f"{'the first ' if read.truncated else ''}{len(read.body)} bytes"
    return without or Judged(f"read {size} of {(read.kind or 'no declared type')[:80]} from {url.path}")


def _onward(url: Url, read: Read, looked: wire.Look | None, links: set[str]) -> str | None:
    """Return where a page sends its visitors by itself: by its field, its meta element, or a form sent at once."""
    if by_field := wire.refresh_to(read.refresh or ""):
        return by_field
    if looked is None or looked.refresh:
        return looked.refresh if looked else None
    posts = looked.posts_to is not None and looked.text < _LEAST_BESIDE_A_WAIT and len(links) <= 1
    leads = _joined(url, looked, looked.posts_to or "") if posts else None
    return str(leads) if leads and not _is_own(url, leads) else None


def _filter(url: Url, looked: wire.Look | None, links: set[str], body: bytes) -> Judged | None:
    """Judge a page that a filter or a portal shows; a page with much to read or to follow only quotes its marks."""
    if (looked.text if looked else len(body)) >= _CONTENT or len(links) >= _INDEX:
        return None
    if product := block_page_of(body):
        return Judged(f"{url} shows the page of {product}", causes.BLOCK_PAGE)
    if product := portal_of(body):
        return Judged(f"{url} shows a page that logs in to a network ({product})", causes.CAPTIVE_PORTAL)
    return None


def _without_content(url: Url, looked: wire.Look, links: set[str], body: bytes) -> Judged | None:
    """Judge a page on which a scan finds next to nothing; None if it finds something."""
    if looked.password and looked.beside < _CONTENT and len(links) < _INDEX:
        said = f"{url} is a login form, and all that a scan sees of the site"
        return Judged(said, causes.LOGIN_FORM, facts={"login_form": True})
    bare = looked.text < _LEAST and not links
    frames = [leads for frame in looked.frames[:_MOST_LINKS] if (leads := _joined(url, looked, frame))] if bare else []
    if own := tuple(leads for leads in frames if _is_own(url, leads) and leads != url):
        return Judged(f"{url} shows only {', '.join(map(str, own[:3]))}", doors=own)
    if _needs_scripts(looked, links, body):
        return _scripted(url, looked, body)
    if frames:
        said = f"{url} shows only {frames[0]}, of another host"
        return Judged(said, causes.REDIRECTS_ELSEWHERE, in_inventory(frames[0]))
    if looked.posts_to is not None and bare:
        said = f"{url} is a form of a single sign-on, and all that a scan sees of the site"
        return Judged(said, causes.LOGIN_FORM, facts={"login_form": True})
    return None


def _scripted(url: Url, looked: wire.Look, body: bytes) -> Judged:
    """Judge a page of scripts: they may send visitors to another host, or be a firewall's challenge."""
    leads = _joined(url, looked, looked.script_leads_to) if looked.script_leads_to else None
    if leads is not None and not _is_own(url, leads):
        said = f"{url} sends its visitors on to {leads}, on another host"
        return Judged(said, causes.REDIRECTS_ELSEWHERE, in_inventory(leads))
    if product := challenge_of(body):
        return Judged(f"{url} shows a challenge in JavaScript by {product}", causes.BLOCK_PAGE)
    further = f"; its script leads to {leads}" if leads else ""
    said = f"{url} has {looked.text} characters of text beside its scripts{further}"
    return Judged(said, causes.SCRIPTS_ONLY)


def _is_html(body: bytes, kind: str | None) -> bool:
    declared = (kind or "").partition(";")[0].strip().lower()
    return declared in ("text/html", "application/xhtml+xml") or (not declared and body.lstrip()[:1] == b"<")


def _joined(url: Url, looked: wire.Look | None, reference: str) -> Url | None:
    """Return where a reference of the page at ``url`` leads; None if that is no page of the web."""
    base = url.joined(looked.base) if looked is not None and looked.base else None
    return (base or url).joined(reference)


def _is_empty(url: Url, looked: wire.Look) -> bool:
    """Say whether a page has nothing, or only frames without a page (``about:blank``)."""
    blank = looked.links == len(looked.frames) and not any(_joined(url, looked, one) for one in looked.frames)
    return looked.empty or (blank and not (looked.text or looked.scripted or looked.shows))


def _is_own(url: Url, leads: Url) -> bool:
    return leads.host.lower() == url.host.lower()


def _links(url: Url, looked: wire.Look) -> set[str]:
    """Return the other pages of the same host that a page leads to, outside of its forms and in one language."""
    found = (
        _joined(url, looked, href.partition("#")[0]) for href in looked.hrefs[:_MOST_LINKS] if not href.startswith("#")
    )
    paths = {leads.path for leads in found if leads is not None and _is_own(url, leads)}
    return {path for path in paths if path != url.path and not _LANGUAGE.search(path)}


def _needs_scripts(looked: wire.Look, links: set[str], body: bytes) -> bool:
    """Say whether a page shows its content only to who runs its scripts: a challenge, or an application."""
    if not looked.scripted or len(links) > 1:
        return False
    return looked.text < (_LEAST_BESIDE_A_WAIT if _WAIT.search(body) else _LEAST)
