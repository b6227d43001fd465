"""Judge whether a page has content for a scan, which runs no scripts and fills in no forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from scanready.causes import common, talk_ended
from scanready.causes import web as causes
from scanready.clients.http_block_pages import (
    CONTENT,
    INDEX,
    block_page_of,
    challenge_of,
    is_long,
    parking_of,
    portal_of,
)
from scanready.clients.http_links import MOST_LINKS, is_own, joined, links, own_pages
from scanready.clients.http_portals import portal_at
from scanready.clients.http_talk import Url, in_inventory
from scanready.climb.explain import Failure
from scanready.climb.probe import Rung
from scanready.model import Cause, Facts
from scanready.wire import http as wire
from scanready.wire.printable import printable

from . import error_documents, listings
from .error_documents import Says

#: A page with a script and at most one link has at least this much to read; "It works!" has no script.
_LEAST, _LEAST_BESIDE_A_WAIT = 30, 400
#: The most links of a page that only leads to another one: that link, a help page, an imprint.
_WAYS_ON = 3
#: A page that reports a failure has fewer characters of prose; a longer page only has such a title.
_LEAST_BESIDE_A_FAILURE = 1000
#: The most characters of a page that may as a whole be an error message ("Unauthorized").
_MOST_WORDS = 120
_FAILURES = {
    Says.ERROR: causes.ERROR_PAGE,
    Says.REFUSAL: causes.BLOCK_PAGE,
    Says.MAINTENANCE: causes.MAINTENANCE,
    Says.PARKED: causes.PARKED,
}
#: Texts of pages while a script decides about a visitor.
_WAIT = re.compile(
    rb"(?:enable|requires?|without|need) java\s?script|java\s?script (?:is )?(?:required|disabled|enabled)"
    rb"|checking your browser|just a moment|verify(?:ing)? (?:that )?you are|are you (?:a )?(?:human|robot)"
    rb"|captcha|please wait|redirecting",
    re.IGNORECASE,
)
#: The elements that an application fills, by their usual names; "app-root" and the like are elements of its own.
_ROOT = re.compile(
    r"(?:react|vue|ng|ember|q|main)?[-_]?(?:app|application|root|outlet|svelte)(?:-?(?:root|shell|container|mount))?"
    r"|__next|__nuxt|___gatsby|mount|ng-view|ui-view|data-ng-view|data-reactroot|(?:[a-z0-9]+-){1,4}(?:app|root|shell)",
    re.IGNORECASE,
)
#: The text of an application for a browser without scripts.
_WITHOUT_SCRIPTS = re.compile(
    rb"<noscript[^>]{0,200}>\s{0,50}(?:<(?:p|b|div|span|strong|h\d)\b[^>]{0,100}>\s{0,50}){0,3}[^<]{0,300}java\s?script",
    re.IGNORECASE,
)
#: The text of the link with which visitors accept terms, an age check or a consent.
_ENTER = re.compile(
    r"(?:yes|ok|i|ich|enter|accept|agree|continue|proceed|weiter|akzeptieren|zustimmen|eintreten)\b", re.IGNORECASE
)
#: The most such links that are tried; if none leads to a login, the first page itself is judged.
_MOST_WAYS = 2


@dataclass(frozen=True, slots=True)
class Read:
    """Hold a page: its body, its declared content type ``kind``, and the value of its field Refresh.

    ``coded`` names the content codings that could not be decoded. ``later`` is the value of Retry-After in a 200
    answer, which means that the page is not the requested one. ``cut_off`` says where the connection ended before the
    announced end of the page; it is empty if it did not.
    """

    body: bytes
    kind: str | None = None
    truncated: bool = False
    coded: str = ""
    refresh: str | None = None
    later: str | None = None
    cut_off: str = ""


def answered(answer: wire.Response) -> Read:
    """Return the page in an answer to GET."""
    kind, refresh = answer.header("content-type"), answer.header("refresh")
    later = answer.header("retry-after") if answer.status == 200 else None
    return Read(answer.body, kind, answer.truncated, answer.coded, refresh, later, answer.cut_off)


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold a page's judgement: a warning with its ``cause``, or None for content.

    ``doors`` are pages on the same host to which this page only leads: they decide instead. ``ways`` are pages behind
    terms to accept: a login there decides, otherwise this page does.
    """

    detail: str
    cause: Cause | None = None
    fix: str | None = None
    facts: Facts = field(default_factory=dict)
    doors: tuple[Url, ...] = ()
    ways: tuple[Url, ...] = ()

    def tell(self, rung: Rung) -> None:
        """Record the judgement on a rung."""
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
        detail = f"{url} is encoded ({read.coded}), although the request asked for identity; the page was not read"
        raise Failure(common.LIMIT, detail)
    body = wire.readable(_unpacked(read), read.kind)
    looked = wire.look(body) if _is_html(body, read.kind) else None
    own = links(url, looked) if looked else set()
    if (looked is not None or not read.kind) and (of_a_filter := _filter(url, looked, body)):
        return of_a_filter
    if read.cut_off:
        detail = f"the connection ended {read.cut_off} of the page {url}"
        raise Failure(talk_ended.ACCESS_BROKEN_OFF, detail)
    onward = _onward(url, read, looked, own)
    leads = joined(url, looked, onward) if onward else None
    if leads is not None and (portal := portal_at(url, leads)):
        detail = f"{url} sends its visitors on to {leads}, the portal of {portal}"
        return Judged(detail, causes.CAPTIVE_PORTAL)
    if leads is not None and not is_own(url, leads):
        detail = f"{url} sends its visitors to {leads}, on another host"
        return Judged(detail, causes.REDIRECTS_ELSEWHERE, in_inventory(leads))
    little = looked is None or (looked.text < _LEAST_BESIDE_A_WAIT and len(own) <= _WAYS_ON)
    if leads is not None and leads != url and little:
        return Judged(f"{url} sends its visitors to {leads}", doors=(leads,))
    if wire.is_empty(body) or error_documents.is_void(body) or (looked is not None and _is_empty(url, looked)):
        return Judged(f"{url} is empty", causes.EMPTY)
    if looked is not None and listings.is_empty(url, looked):
        return Judged(f"{url} is an empty directory listing", causes.EMPTY)
    without = _failure(url, read, looked, own, body) or (_without_content(url, looked, own, body) if looked else None)
    size = f"{'the first ' if read.truncated else ''}{len(read.body)} bytes"
    detail = f"read {size} of {(read.kind or 'no declared type')[:80]} from {url.path}"
    if looked is not None and (product := listings.start_page_of(looked)):
        detail += f", the default page of {product} before a site is installed"
    return without or Judged(detail, ways=_ways(url, looked, own) if looked else ())


def _onward(url: Url, read: Read, looked: wire.Look | None, own: set[str]) -> str | None:
    """Return the automatic redirect of a page: its Refresh field, its meta element, or a self-submitting form."""
    if by_field := wire.refresh_to(read.refresh or ""):
        return by_field
    if looked is None or looked.refresh:
        return looked.refresh if looked else None
    posts = looked.posts_to is not None and looked.text < _LEAST_BESIDE_A_WAIT and len(own) <= 1
    leads = joined(url, looked, looked.posts_to or "") if posts else None
    return str(leads) if leads and not is_own(url, leads) else None


def _filter(url: Url, looked: wire.Look | None, body: bytes) -> Judged | None:
    """Judge a page of a filter or a portal; a page with much text or many links only quotes its marks."""
    if is_long(url, looked, body):
        return None
    if product := block_page_of(body):
        return Judged(f"{url} shows the page of {product}", causes.BLOCK_PAGE)
    if product := portal_of(body):
        return Judged(f"{url} shows a network login page ({product})", causes.CAPTIVE_PORTAL)
    if product := parking_of(body):
        return Judged(f"{url} shows the page of a parked domain ({product})", causes.PARKED)
    return None


def _failure(url: Url, read: Read, looked: wire.Look | None, own: set[str], body: bytes) -> Judged | None:
    """Judge a document that reports a failure with a success status; None if it has other content."""
    document = body.strip()
    if error := error_documents.json_error(document) or error_documents.xml_error(document):
        return Judged(
            f"{url} answers with a success status, but its body reports an error ({error})", causes.ERROR_PAGE
        )
    title, heading = (looked.title, looked.heading) if looked is not None else ("", "")
    if looked is not None and not _is_little(url, looked, own):
        return None
    if error := error_documents.runtime_error(document):
        return Judged(f"{url} answers with the status of a page and reports an error ({error})", causes.ERROR_PAGE)
    if len(document) <= _MOST_WORDS or (looked is not None and looked.text <= _MOST_WORDS):
        words = wire.text_of(document)
        heading = heading or ("" if words.isdigit() else words)
    if says := error_documents.headline(title, heading):
        shown = printable(heading if error_documents.headline("", heading) else title, 100)
        detail = f"{url} answers with a success status, but its page reports {says.value}: {shown!r}"
        return Judged(detail, _FAILURES[says])
    if looked is not None and read.later and read.later.strip() != "0":
        detail = f"{url} answers with a success status, but asks to try again later (Retry-After: {read.later[:40]})"
        return Judged(detail, causes.MAINTENANCE)
    return None


def _is_little(url: Url, looked: wire.Look, own: set[str]) -> bool:
    """Return whether a page has little text and few links outside its menu."""
    beside_menu = own - own_pages(url, looked, looked.menu[:MOST_LINKS])
    return looked.prose < _LEAST_BESIDE_A_FAILURE and len(beside_menu) <= _WAYS_ON and len(own) < INDEX


def _without_content(url: Url, looked: wire.Look, own: set[str], body: bytes) -> Judged | None:
    """Judge a page on which a scan finds almost nothing; None if it has content."""
    if looked.password and looked.beside < CONTENT and len(own) < INDEX:
        detail = f"{url} is a login form; a scan sees nothing else of the site"
        return Judged(detail, causes.LOGIN_FORM, facts={"login_form": True})
    if looked.asks_user and looked.beside < _LEAST_BESIDE_A_WAIT and len(own) <= _WAYS_ON:
        detail = f"{url} is the first step of a login, which asks for a user name; a scan sees nothing else of the site"
        return Judged(detail, causes.LOGIN_FORM, facts={"login_form": True})
    bare = looked.text < _LEAST and not own
    frames = [leads for frame in looked.frames[:MOST_LINKS] if (leads := joined(url, looked, frame))] if bare else []
    if inside := tuple(leads for leads in frames if is_own(url, leads) and leads != url):
        return Judged(f"{url} shows only frames with {', '.join(map(str, inside[:3]))}", doors=inside)
    if _needs_scripts(url, looked, own, body):
        return _scripted(url, looked, body)
    if frames:
        detail = f"{url} shows only a frame with {frames[0]}, on another host"
        return Judged(detail, causes.REDIRECTS_ELSEWHERE, in_inventory(frames[0]))
    if looked.posts_to is not None and bare:
        detail = f"{url} is a single sign-on form; a scan sees nothing else of the site"
        return Judged(detail, causes.LOGIN_FORM, facts={"login_form": True})
    return None


def _scripted(url: Url, looked: wire.Look, body: bytes) -> Judged:
    """Judge a page of scripts: they may redirect to another host, or be a firewall's challenge."""
    leads = joined(url, looked, looked.script_leads_to) if looked.script_leads_to else None
    if leads is not None and (portal := portal_at(url, leads)):
        detail = f"{url} sends its visitors on to {leads}, the portal of {portal}"
        return Judged(detail, causes.CAPTIVE_PORTAL)
    if leads is not None and not is_own(url, leads):
        detail = f"{url} sends its visitors to {leads}, on another host"
        return Judged(detail, causes.REDIRECTS_ELSEWHERE, in_inventory(leads))
    if product := challenge_of(body):
        return Judged(f"{url} shows a JavaScript challenge of {product}", causes.BLOCK_PAGE)
    further = f"; its script redirects to {leads}" if leads else ""
    detail = f"{url} has only {looked.text} characters of text outside its scripts{further}"
    return Judged(detail, causes.SCRIPTS_ONLY)


def _unpacked(read: Read) -> bytes:
    """Return the body of a page, out of gzip if it has that without a field that says so."""
    if not read.body.startswith(b"\x1f\x8b") or not (read.kind or "text/html").lower().startswith("text/html"):
        return read.body
    plain = wire.undo(["gzip"], read.body, truncated=read.truncated)
    return read.body if plain.coded else plain.body


def _is_html(body: bytes, kind: str | None) -> bool:
    declared = (kind or "").partition(";")[0].strip().lower()
    return declared in ("text/html", "application/xhtml+xml") or (not declared and body.lstrip()[:1] == b"<")


def _is_empty(url: Url, looked: wire.Look) -> bool:
    """Return whether a page is empty, or has only frames without a page (``about:blank``)."""
    blank = looked.links == len(looked.frames) and not any(joined(url, looked, one) for one in looked.frames)
    return looked.empty or (blank and not (looked.text or looked.scripted or looked.shows))


def _ways(url: Url, looked: wire.Look, own: set[str]) -> tuple[Url, ...]:
    """Return the pages on the same host behind a page of terms: the targets of its links that accept them."""
    if looked.text >= CONTENT or len(own) > _WAYS_ON:
        return ()
    entering = [href for href, label in zip(looked.hrefs, looked.labels, strict=True) if _ENTER.match(label)]
    found = (joined(url, looked, href) for href in entering)
    ways = [leads for leads in found if leads is not None and is_own(url, leads) and leads.path in own]
    return tuple(dict.fromkeys(ways))[:_MOST_WAYS]


def _needs_scripts(url: Url, looked: wire.Look, own: set[str], body: bytes) -> bool:
    """Return whether a page shows its content only to a client that runs its scripts: a challenge or an application."""
    if not looked.scripted:
        return False
    if len(own) <= 1 and looked.text < (_LEAST_BESIDE_A_WAIT if _WAIT.search(body) else _LEAST):
        return True
    return _is_shell(looked, own - own_pages(url, looked, looked.menu[:MOST_LINKS]), body)


def _is_shell(looked: wire.Look, beside_menu: set[str], body: bytes) -> bool:
    """Return whether a page is the shell of an application, perhaps with links in it or a notice about cookies.

    It has the empty element that the application fills. An element of another name counts if a script is named like an
    application's, or if the page requires scripts. ``beside_menu`` are the pages linked outside the menu.
    """
    if any(_ROOT.fullmatch(name) for name in looked.mounts):
        return looked.prose < _LEAST_BESIDE_A_WAIT and len(beside_menu) < INDEX
    wants = bool(_WITHOUT_SCRIPTS.search(body)) or (looked.bundled and bool(looked.mounts))
    return wants and looked.prose < _LEAST and len(beside_menu) <= _WAYS_ON
