"""From a URL to the page at the end of its redirects, and whether that page is one.

Redirects are followed as evidence: at most three further endpoints and six further pages, never with a credential. A
page of the target's own host counts as the target's; where another host answers, the site itself was not seen. Another
host is asked HEAD only, without a query, on the ports of the web or the target's own; never this agent itself, a
link-local address or a cloud's metadata service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scanready.causes import common
from scanready.causes import web as causes
from scanready.climb import peers_word
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Cause, Check, Facts, OtherFixes, Owner, Step
from scanready.net.events import record
from scanready.net.stream import PeerClosed, StreamError
from scanready.wire import UnknownValue, WireError
from scanready.wire import http as wire
from scanready.wire.printable import printable

from . import http_talk
from .http_talk import REDIRECTS as REDIRECTS
from .http_talk import Talk, Url

MOST_ENDPOINTS = 3
_OURS = ("http", "tls")  # the protocols of the web
MOST_PAGES = 6

_WANTS_CERTIFICATE = (b"No required SSL certificate was sent", b"The SSL certificate error")
#: The substatus in the pages of IIS 5 to 10, in any language; a page of 403 that quotes others is not known.
_SUBSTATUS = re.compile(rb"\b403\.(\d{1,2})\b(?:\.0\b)?[ \t]{0,3}(?:-|\xe2\x80\x93|&ndash;|&#8211;)")
_TLS_WANTED = (4, 5)
_CERTIFICATE_WANTED = (7, 13, 16, 17)
_TLS_UPGRADE = re.compile(r"\bTLS\b", re.IGNORECASE)
_UNAVAILABLE = (*(502, 503, 504), *range(520, 528), 529, 530)
# Cloudflare's and AWS WAF's own words for "solve this first".
_CHALLENGES = (("cf-mitigated", "challenge"), ("x-amzn-waf-action", "challenge"), ("x-amzn-waf-action", "captcha"))


@dataclass(slots=True)
class Page:
    """The page at the end of the redirects, and the talk it was asked in."""

    url: Url
    answer: wire.Response
    talk: Talk


def foreign_ports(probe: Probe) -> frozenset[int]:
    """Ports that a redirect may not lead to: it is the server's word, and could name anybody's SSH or database."""
    return probe.shared.catalogue.foreign_ports(*_OURS)


# --- handshake: a page, or who stands in the way -----------------------------------------------------------------


async def arrive(probe: Probe, talk: Talk, url: Url) -> Page:
    """Ask for the target's page and follow it to where it is: one check for each page asked."""
    async with probe.step(Step.HANDSHAKE) as rung:
        page = Page(url, await talk.question(url), talk)
        rung.check.facts.update(facts_of(page.answer))
        usable(probe, page)
        if url.scheme == "http" and http_talk.proxy_of(probe):
            await http_talk.prove_proxy(talk, page.answer)
        rung.ok(f"speaks HTTP/{page.answer.version}, answers {http_talk.described(page.answer)}")
    return await follow(probe, url, page, {url})


async def follow(probe: Probe, start: Url, page: Page, known: set[Url]) -> Page:
    """Follow the redirects from ``page`` on, of the target's own page ``start``; ``known`` are the pages before it."""
    cookies = False
    while page.answer.status in REDIRECTS and (location := page.answer.header("location")) is not None:
        target = page.url.joined(location)
        cookies = cookies or page.answer.header("set-cookie") is not None
        by_head = page.talk.method == "HEAD" and not is_elsewhere(start, page.url)
        async with probe.step(Step.HANDSHAKE, target.endpoint if target else None) as rung:
            try:
                onward = _onward(probe, start, page, target, known, cookies=cookies)
                if is_elsewhere(start, onward):
                    onward = await _elsewhere(probe, start, page.url, onward)
                page = await _follow(probe, rung, page, onward, foreign=is_elsewhere(start, onward))
                known.add(onward)
            except (Failure, WireError, StreamError, OSError):
                if not by_head or (asked := await _by_get(page, location)) is None:
                    raise
                usable(probe, asked)
                rung.ok(f"{page.url} redirects HEAD alone; it answers {http_talk.described(asked.answer)} to GET")
                page = asked
    return page


async def _by_get(page: Page, location: str) -> Page | None:
    """Ask with GET where a redirect of HEAD leads to nothing; None if that is led to the same place, or nowhere."""
    try:
        answer = await page.talk.ask("GET", page.url)
    except (Failure, WireError, StreamError, OSError):
        return None
    return None if answer.header("location") == location else Page(page.url, answer, page.talk)


def _onward(probe: Probe, start: Url, page: Page, target: Url | None, seen: set[Url], *, cookies: bool) -> Url:
    """Where to go on, if that makes sense."""
    location = (page.answer.header("location") or "")[:300]
    if target is None:
        raise Failure(causes.REDIRECT_BROKEN, f"{page.url} leads to {location!r}, which is no address of a web page")
    if target in seen and cookies:
        raise Failure(common.LIMIT, f"{page.url} leads back to {target} for who keeps no cookies, as this check")
    if target in seen:
        raise Failure(causes.REDIRECT_BROKEN, f"{page.url} leads back to {target}, in a circle")
    endpoints = {url.origin for url in seen} | {target.origin}
    if len(seen) > MOST_PAGES or len(endpoints) > 1 + MOST_ENDPOINTS:
        raise Failure(common.LIMIT, f"more redirects than this check follows; the last leads to {target}")
    _demand_port_of_the_web(probe, page.url, target, start.port)
    return target


def _demand_port_of_the_web(probe: Probe, page: Url, target: Url, own: int) -> None:
    """Permit the ports of the web and the target's ``own``; others only if no other service is known by them.

    Raises:
        Failure: a page leads to a port where this check does not go on a peer's word; the site may be right.
    """
    if target.port in (*http_talk.DEFAULT_PORTS.values(), own):
        return
    name = peers_word.other_service(probe, target.port, *_OURS)
    if name or target.port < 1024 or target.port in foreign_ports(probe):
        port = f"a port that {name} has" if name else "a port that other services use"
        detail = f"{page} leads to {target}, {port}: nothing was sent there"
        raise Failure(common.NOT_FOLLOWED, detail, redirect=str(target))


def is_elsewhere(start: Url, url: Url) -> bool:
    """Say whether ``url`` is on another host than the target's own page ``start``."""
    return url.host.lower().rstrip(".") != start.host.lower().rstrip(".")


async def _elsewhere(probe: Probe, start: Url, page: Url, target: Url) -> Url:
    """Return what is asked of another host, to which ``page`` leads: only the path, for a query may do something.

    Raises:
        Failure: it is no place for this agent.
    """
    if target.port not in (*http_talk.DEFAULT_PORTS.values(), start.port):
        detail = f"{page} leads to {target}, a port of another host: nothing was sent there"
        raise Failure(common.NOT_FOLLOWED, detail, redirect=str(target))
    try:
        proxied = http_talk.proxy_of(probe) is not None
        why = await peers_word.forbids_host(probe, target.host, target.port, by_proxy=proxied)
    except OSError as error:
        raise _unreachable(probe, page, target, error) from error
    if why:
        raise Failure(
            common.NOT_FOLLOWED, f"{page} leads to {target}: {why}; nothing was sent there", redirect=str(target)
        )
    return replace(target, path=target.path.partition("?")[0])


async def _follow(probe: Probe, rung: Rung, page: Page, target: Url, *, foreign: bool) -> Page:
    talk = page.talk
    if target.origin != page.url.origin:
        try:
            dead: list[Check] = []
            talk = await http_talk.open_elsewhere(probe, target, rung, dead)
            rung.also(*dead)
        except (Failure, WireError, StreamError, OSError) as error:
            raise _unreachable(probe, page.url, target, error) from error
    found = Page(target, await (_head(talk, target) if foreign else talk.question(target)), talk)
    if not foreign or not refuses_head(found.answer):
        usable(probe, found)
    record("redirect")
    own = facts_of(found.answer) if target.host == page.url.host else {}
    rung.ok(f"{page.url} redirects to {target}, which answers {http_talk.described(found.answer)}", **own)
    return found


async def through(probe: Probe, rung: Rung, page: Page, target: Url) -> Page:
    """Ask for a page of the same host that ``page`` leads on to by itself, with GET.

    Raises:
        Failure: no connection, or no page; it is on a port of another protocol.
    """
    talk = page.talk
    if target.origin != page.url.origin:
        _demand_port_of_the_web(probe, page.url, target, page.url.port)
        try:
            talk = await http_talk.open_elsewhere(probe, target, rung)
        except (Failure, WireError, StreamError, OSError) as error:
            raise _unreachable(probe, page.url, target, error) from error
    found = Page(target, await talk.ask("GET", target), talk)
    usable(probe, found)
    return found


async def _head(talk: Talk, url: Url) -> wire.Response:
    """Ask another host: HEAD and nothing else, since GET may do something there.

    Raises:
        Failure: it hangs up on HEAD.
    """
    try:
        return await talk.ask("HEAD", url)
    except PeerClosed as error:
        said = f"{url}, on another host, hangs up on HEAD; it was asked nothing else"
        raise Failure(common.LIMIT, said) from error


def refuses_head(answer: wire.Response) -> bool:
    """Say whether an answer to HEAD may be about HEAD, or about a page without its query: no fault of the target."""
    return answer.status >= 400 and answer.status not in http_talk.TRUSTED_REFUSALS


def _unreachable(probe: Probe, start: Url, target: Url, error: Exception) -> Failure:
    """What keeps the agent from going where everybody is sent; what is our own limit stays that."""
    found = probe.explain(error, Step.HANDSHAKE)
    detail = f"{start} redirects to {target}, where: {found.detail}"
    no_way = found.cause.step in (Step.RESOLVE, Step.CONNECT) or found.cause in (common.SILENT, common.HUNG_UP)
    of_the_way = no_way and not found.cause.code.startswith("http.")  # a configured proxy has causes of its own
    if not of_the_way or not found.cause.definite or found.cause.owner is Owner.AGENT:
        return Failure(found.cause, detail, found.fix, also=found.also)
    return Failure(causes.REDIRECT_UNREACHABLE, detail, found.fix, redirect=str(target))


def usable(probe: Probe, page: Page) -> None:
    """Check that the status is the server's own answer, whatever the page holds.

    Raises:
        Failure: a proxy, a portal, a challenge or a TLS port answers in its place, or the server fails.
        UnknownValue: a status that neither IANA nor a widespread product has.
    """
    url, answer, proxied = page.url, page.answer, http_talk.proxy_of(probe) is not None
    said = f"{url} answers {http_talk.described(answer)}"
    bad = answer.status == 400  # as these are told; a page may quote them
    if http_talk.wants_tls(url, answer):
        detail = f"an HTTPS server answers, which wants TLS ({said})"
        raise Failure(common.OTHER_PROTOCOL, detail, http_talk.in_tls(url), speaks="tls")
    if bad and any(words in answer.body for words in _WANTS_CERTIFICATE):
        raise Failure(common.TLS_CLIENT_CERTIFICATE, f"{said}, for want of a client certificate")
    if challenged(answer.headers):
        raise Failure(causes.CHALLENGED, said)
    demand_no_other_tls(url, answer, said)
    match answer.status:
        case 407 if proxied:
            raise http_talk.proxy_wants_login(answer)
        case 407:
            schemes = ", ".join(challenge.scheme for challenge in wire.challenges(answer) if challenge.proxy)
            raise Failure(causes.PROXY_BETWEEN, f"{said}, and demands a proxy login ({schemes or 'no scheme named'})")
        case 511:
            raise Failure(causes.CAPTIVE_PORTAL, said)
        case 429:
            raise Failure(common.THROTTLED, said + retry_after(answer.header("retry-after")))
        case 403 | 500 | 502 | 503 | 504 if proxied and url.scheme == "http" and _of_the_proxy(answer):
            raise Failure(causes.PROXY_REFUSED, f"the proxy answers {http_talk.described(answer)} for {url}")
        case status if status not in wire.STATUSES:
            raise UnknownValue("the status", status)
        case status if status >= 500:
            raise Failure(failing_service(status), said + retry_after(answer.header("retry-after")))


def _of_the_proxy(answer: wire.Response) -> bool:
    """True for the proxy's own word: what it passes on has a Via (RFC 9110, 7.6.3), and Squid marks its own pages."""
    return answer.header("via") is None or answer.header("x-squid-error") is not None


def demand_no_other_tls(url: Url, answer: wire.Response, reply: str) -> None:
    """Raise where a server wants TLS, or a client certificate in it, and says so by a status of HTTP.

    Raises:
        Failure: by IIS' substatus (403.4, 403.7 and the like) or by 426 (RFC 9110, 15.5.22).
    """
    substatus = _SUBSTATUS.search(answer.body) if answer.status == 403 else None
    number = int(substatus[1]) if substatus else 0
    if number in _CERTIFICATE_WANTED:
        raise Failure(common.TLS_CLIENT_CERTIFICATE, f"{reply}, and its page has 403.{number}: no client certificate")
    if url.scheme != "http":
        return
    if number in _TLS_WANTED:
        raise Failure(
            common.TLS_REQUIRED, f"{reply}, and its page has 403.{number}: TLS is required", also=_over_tls(url)
        )
    if answer.status == 426:
        upgrade = printable(", ".join(answer.all("upgrade")), 100)
        if _TLS_UPGRADE.search(upgrade):
            raise Failure(common.TLS_REQUIRED, f"{reply}, and wants an upgrade to {upgrade}", also=_over_tls(url))
        raise Failure(common.LIMIT, f"{reply}, and wants an upgrade to {upgrade or 'what it does not name'}")


def _over_tls(url: Url) -> OtherFixes:
    """Return the line for the inventory that asks for the same page in TLS, where its port is known."""
    if url.port != http_talk.DEFAULT_PORTS["http"]:
        return ()
    secure = replace(url, scheme="https", port=http_talk.DEFAULT_PORTS["https"])
    return ((Owner.OPERATOR, http_talk.in_inventory(secure)),)


def challenged(fields: Iterable[tuple[str, str]]) -> bool:
    """Say whether an answer's fields (names in lower case) say that a challenge comes first."""
    return any(one in _CHALLENGES for one in fields)


def failing_service(status: int) -> Cause:
    """Return the cause of a status from 500 on: a service behind the front that is not there, or an error of its own.

    Cloudflare's statuses for an origin server that does not answer it, or not as it should, are 520 to 527 and 530; its
    administrator looks at both. 529 is an overload.
    """
    return causes.UNAVAILABLE if status in _UNAVAILABLE else causes.SERVER_ERROR


def retry_after(value: str | None) -> str:
    """Return the time that a server names for the next request, in words; empty if it names none."""
    after = printable(value or "", 40)
    return f", to be asked again after {after}{' s' if after.isdigit() else ''}" if after else ""


def facts_of(answer: wire.Response) -> Facts:
    """What the fields of an answer tell of the server, in the report's vocabulary."""
    found: Facts = {"status": answer.status}
    if server := answer.header("server"):
        found["server"] = server[:200]
        if named := re.match(r"([^/\s(]{1,80})(?:/([^\s(]{1,40}))?", server):
            found["product"] = named[1]
            if named[2]:
                found["version"] = named[2]
    for name in ("location", "via"):
        if (value := answer.header(name)) is not None:
            found[name] = value[:300]
    if (skew := clock_skew(answer.header("date"))) is not None:
        found["clock_skew_seconds"] = skew
    return found


def clock_skew(date: str | None) -> int | None:
    """The server's clock minus ours, in seconds."""
    try:
        said = parsedate_to_datetime(date or "")
        return round((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp())
    except (ValueError, OverflowError):
        return None
