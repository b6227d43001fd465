"""Follow a URL's redirects, and check that the status at their end is the server's own.

Redirects are followed as evidence: at most three further endpoints and six further pages, never with a credential. A
page on the target's own host counts as the target's. If another host answers, the site itself was not checked. Another
host gets only HEAD, without a query, on the web's ports or the target's own. This agent itself, link-local addresses
and cloud metadata services are never asked.
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
from .http_block_pages import refusal_of
from .http_native_ports import native_port_of
from .http_portals import portal_at
from .http_talk import REDIRECTS as REDIRECTS
from .http_talk import Talk, Url

MOST_ENDPOINTS = 3
_OURS = ("http", "tls")  # the protocols of the web
MOST_PAGES = 6

_WANTS_CERTIFICATE = (b"No required SSL certificate was sent", b"The SSL certificate error")
#: The substatus in the pages of IIS 5 to 10, in any language. No 403 page that quotes another substatus is known.
_SUBSTATUS = re.compile(rb"\b403\.(\d{1,2})\b(?:\.0\b)?[ \t]{0,3}(?:-|\xe2\x80\x93|&ndash;|&#8211;)")
_TLS_WANTED = (4, 5)
_CERTIFICATE_WANTED = (7, 13, 16, 17)
#: nginx's own statuses for a bad or missing client certificate, and for plain HTTP on a port of TLS. It sends 400 in
#: their place unless it is configured to send them.
_OF_CERTIFICATES, _PLAIN_ON_TLS = (495, 496), 497
_TLS_UPGRADE = re.compile(r"\bTLS\b", re.IGNORECASE)
#: The words of http.sys (IIS, WinRM) and of webpack's server for a name in the field Host that they do not serve.
_NO_SUCH_SITE = (b"<h2>Bad Request - Invalid Hostname</h2>", b"Invalid Host header")
_UNAVAILABLE = (*(502, 503, 504), *range(520, 528), 529, 530)
# The fields with which Cloudflare and AWS WAF mark a challenge.
_CHALLENGES = (("cf-mitigated", "challenge"), ("x-amzn-waf-action", "challenge"), ("x-amzn-waf-action", "captcha"))


@dataclass(slots=True)
class Page:
    """Hold the page at the end of the redirects, and the talk in which it was requested."""

    url: Url
    answer: wire.Response
    talk: Talk


def foreign_ports(probe: Probe) -> frozenset[int]:
    """Return ports that a redirect may not lead to: a server could name any host's SSH or database port."""
    return probe.shared.catalogue.foreign_ports(*_OURS)


# --- handshake: a page, or a device in between -------------------------------------------------------------------


async def arrive(probe: Probe, talk: Talk, url: Url) -> Page:
    """Request the target's page and follow its redirects: one check for each requested page."""
    async with probe.step(Step.HANDSHAKE) as rung:
        page = Page(url, await talk.question(url), talk)
        rung.check.facts.update(facts_of(page.answer))
        usable(probe, page)
        if url.scheme == "http" and http_talk.proxy_of(probe):
            if page.answer.status in REDIRECTS:
                _demand_no_portal(url, url.joined(page.answer.header("location") or ""))
            await http_talk.prove_proxy(talk, page.answer)
        rung.ok(f"speaks HTTP/{page.answer.version}, answers {http_talk.described(page.answer)}")
    return await follow(probe, url, page, {url})


async def follow(probe: Probe, start: Url, page: Page, known: set[Url]) -> Page:
    """Follow the redirects of ``page``; ``start`` is the target's own page, ``known`` are the pages before."""
    cookies = False
    while page.answer.status in REDIRECTS and (location := page.answer.header("location")) is not None:
        target = page.url.joined(location)
        cookies = cookies or page.answer.header("set-cookie") is not None
        by_head = page.talk.method == "HEAD" and not is_elsewhere(start, page.url)
        async with probe.step(Step.HANDSHAKE, target.endpoint if target else None) as rung:
            _demand_no_portal(page.url, target)
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
                rung.ok(f"{page.url} redirects only HEAD; it answers {http_talk.described(asked.answer)} to GET")
                page = asked
    return page


async def _by_get(page: Page, location: str) -> Page | None:
    """Ask with GET if a redirect of HEAD does not work; None if GET fails or redirects to the same place."""
    try:
        answer = await page.talk.ask("GET", page.url)
    except (Failure, WireError, StreamError, OSError):
        return None
    return None if answer.header("location") == location else Page(page.url, answer, page.talk)


def _demand_no_portal(page: Url, target: Url | None) -> None:
    """Raise if a page redirects to the login page of a network: no further request is sent, to either address.

    Raises:
        Failure: it does.
    """
    if target is not None and (portal := portal_at(page, target)):
        detail = f"{page} redirects to {target}, the portal of {portal}: nothing was sent there"
        raise Failure(causes.CAPTIVE_PORTAL, detail, redirect=str(target))


def _onward(probe: Probe, start: Url, page: Page, target: Url | None, known: set[Url], *, cookies: bool) -> Url:
    """Return the redirect's target if this check may follow it.

    Raises:
        Failure: it is no web page, leads back, is one redirect too many, or its port is not one of the web.
    """
    location = (page.answer.header("location") or "")[:300]
    if target is None:
        raise Failure(causes.REDIRECT_BROKEN, f"{page.url} redirects to {location!r}, which is not a web address")
    if target in known and cookies:
        raise Failure(common.LIMIT, f"{page.url} redirects back to {target}, because this check keeps no cookies")
    if target in known:
        raise Failure(causes.REDIRECT_BROKEN, f"{page.url} redirects back to {target} in a loop")
    endpoints = {url.origin for url in known} | {target.origin}
    if len(known) > MOST_PAGES or len(endpoints) > 1 + MOST_ENDPOINTS:
        raise Failure(common.LIMIT, f"there are more redirects than this check follows; the last leads to {target}")
    _demand_port_of_the_web(probe, page.url, target, start.port)
    return target


def _demand_port_of_the_web(probe: Probe, page: Url, target: Url, own: int) -> None:
    """Check that a redirect's port is one of the web, the target's ``own``, or one that no other service uses.

    Raises:
        Failure: this check does not follow a redirect to that port; the site itself may be correct.
    """
    if target.port in (*http_talk.DEFAULT_PORTS.values(), own):
        return
    name = peers_word.other_service(probe, target.port, *_OURS)
    if name or target.port < 1024 or target.port in foreign_ports(probe):
        port = f"the port of {name}" if name else "a port of other services"
        detail = f"{page} redirects to {target}, {port}; nothing was sent there"
        raise Failure(common.NOT_FOLLOWED, detail, redirect=str(target))


def is_elsewhere(start: Url, url: Url) -> bool:
    """Return whether ``url`` is on another host than the target's own page ``start``."""
    return url.host.lower().rstrip(".") != start.host.lower().rstrip(".")


async def _elsewhere(probe: Probe, start: Url, page: Url, target: Url) -> Url:
    """Return the URL to request from another host, without the query, because a query may change something.

    Raises:
        Failure: this agent must not connect to that host or port.
    """
    if target.port not in (*http_talk.DEFAULT_PORTS.values(), start.port):
        detail = f"{page} redirects to {target}, an unusual port on another host; nothing was sent there"
        raise Failure(common.NOT_FOLLOWED, detail, redirect=str(target))
    try:
        proxied = http_talk.proxy_of(probe) is not None
        why = await peers_word.forbids_host(probe, target.host, target.port, by_proxy=proxied)
    except OSError as error:
        raise _unreachable(probe, page, target, error) from error
    if why:
        raise Failure(
            common.NOT_FOLLOWED, f"{page} redirects to {target}: {why}; nothing was sent there", redirect=str(target)
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
    """Request with GET a page on the same host to which ``page`` redirects by itself.

    Raises:
        Failure: there is no connection or no page, or the port belongs to another protocol.
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
    """Send only HEAD to another host, because GET may change something there.

    Raises:
        Failure: it closes the connection after HEAD.
    """
    try:
        return await talk.ask("HEAD", url)
    except PeerClosed as error:
        detail = f"{url}, on another host, closes the connection after HEAD; no other request was sent there"
        raise Failure(common.LIMIT, detail) from error


def refuses_head(answer: wire.Response) -> bool:
    """Return whether an error may concern HEAD or the missing query: then it is no fault of the target."""
    return answer.status >= 400 and answer.status not in http_talk.TRUSTED_REFUSALS


def _unreachable(probe: Probe, start: Url, target: Url, error: Exception) -> Failure:
    """Return the failure of an unreachable redirect target; a limit of this check keeps its own cause."""
    found = probe.explain(error, Step.HANDSHAKE)
    detail = f"{start} redirects to {target}: {found.detail}"
    no_way = found.cause.step in (Step.RESOLVE, Step.CONNECT) or found.cause in (common.SILENT, common.HUNG_UP)
    of_the_way = no_way and not found.cause.code.startswith("http.")  # a configured proxy has causes of its own
    if not of_the_way or not found.cause.definite or found.cause.owner is Owner.AGENT:
        return Failure(found.cause, detail, found.fix, also=found.also)
    return Failure(causes.REDIRECT_UNREACHABLE, detail, found.fix, redirect=str(target))


def usable(probe: Probe, page: Page) -> None:
    """Check that the status is the server's own answer, regardless of the page.

    Raises:
        Failure: a proxy, a portal, a challenge or a TLS port answers in its place, or the server fails.
        UnknownValue: neither IANA nor a widespread product defines the status.
    """
    url, answer, proxied = page.url, page.answer, http_talk.proxy_of(probe) is not None
    reply = f"{url} answers {http_talk.described(answer)}"
    bad = answer.status == 400  # these texts come with 400; another page may quote them
    if http_talk.wants_tls(url, answer):
        detail = f"an HTTPS server answers, which requires TLS ({reply})"
        raise Failure(common.OTHER_PROTOCOL, detail, http_talk.in_tls(url), speaks="tls")
    if bad and any(words in answer.body for words in _WANTS_CERTIFICATE):
        raise Failure(common.TLS_CLIENT_CERTIFICATE, f"{reply}, because it requires a client certificate")
    if challenged(answer.headers):
        raise Failure(causes.CHALLENGED, reply)
    demand_no_other_tls(url, answer, reply)
    _demand_a_web_server(url, answer, reply)
    match answer.status:
        case 407 if proxied:
            raise http_talk.proxy_wants_login(answer)
        case 407:
            schemes = ", ".join(challenge.scheme for challenge in wire.challenges(answer) if challenge.proxy)
            raise Failure(causes.PROXY_BETWEEN, f"{reply} and requires a proxy login ({schemes or 'no scheme named'})")
        case 511:
            raise Failure(causes.CAPTIVE_PORTAL, reply)
        case 429:
            raise Failure(common.THROTTLED, reply + retry_after(answer.header("retry-after")))
        case 403 | 500 | 502 | 503 | 504 if proxied and url.scheme == "http" and _of_the_proxy(answer):
            raise Failure(causes.PROXY_REFUSED, f"the proxy answers {http_talk.described(answer)} for {url}")
        case status if status not in wire.STATUSES:
            raise UnknownValue("the status", status)
        case 408:
            raise Failure(causes.REQUEST_TIMEOUT, reply)
        case status if status >= 500:
            raise failing(answer, reply)


def _demand_a_web_server(url: Url, answer: wire.Response, reply: str) -> None:
    """Raise if another server reports that this is its own port, or a web server that it has no site of this name.

    Raises:
        Failure: it does.
    """
    if product := native_port_of(answer):
        raise Failure(common.OTHER_PROTOCOL, f"{reply}, the message of {product} for HTTP on its native port")
    if answer.status == 421 or (answer.status in (400, 403) and any(words in answer.body for words in _NO_SUCH_SITE)):
        raise Failure(causes.UNKNOWN_HOST, f"{reply}: it has no site named {printable(url.host, 100)}")


def _of_the_proxy(answer: wire.Response) -> bool:
    """Return whether the proxy itself answers: forwarded answers have Via (RFC 9110, 7.6.3); Squid marks its pages."""
    return answer.header("via") is None or answer.header("x-squid-error") is not None


def demand_no_other_tls(url: Url, answer: wire.Response, reply: str) -> None:
    """Raise if a server requires TLS, or a client certificate, and reports it with an HTTP status.

    Raises:
        Failure: the status is an IIS substatus (403.4, 403.7 and others), one of nginx (495 to 497), or 426 (RFC 9110,
            15.5.22).
    """
    substatus = _SUBSTATUS.search(answer.body) if answer.status == 403 else None
    number = int(substatus[1]) if substatus else 0
    if number in _CERTIFICATE_WANTED:
        raise Failure(common.TLS_CLIENT_CERTIFICATE, f"{reply} with substatus 403.{number}: no client certificate")
    if answer.status in _OF_CERTIFICATES:
        raise Failure(common.TLS_CLIENT_CERTIFICATE, f"{reply}, nginx's status for a missing client certificate")
    if url.scheme != "http":
        return
    if answer.status == _PLAIN_ON_TLS:
        raise Failure(common.OTHER_PROTOCOL, f"{reply}: this port requires TLS", http_talk.in_tls(url), speaks="tls")
    if number in _TLS_WANTED:
        raise Failure(common.TLS_REQUIRED, f"{reply} with substatus 403.{number}: TLS is required", also=_over_tls(url))
    if answer.status == 426:
        upgrade = printable(", ".join(answer.all("upgrade")), 100)
        if _TLS_UPGRADE.search(upgrade):
            raise Failure(common.TLS_REQUIRED, f"{reply} and requires an upgrade to {upgrade}", also=_over_tls(url))
        raise Failure(common.LIMIT, f"{reply} and requires an upgrade to {upgrade or 'an unnamed protocol'}")


def _over_tls(url: Url) -> OtherFixes:
    """Return the line for the inventory with the same page over TLS, if its port is known."""
    if url.port != http_talk.DEFAULT_PORTS["http"]:
        return ()
    secure = replace(url, scheme="https", port=http_talk.DEFAULT_PORTS["https"])
    return ((Owner.OPERATOR, http_talk.in_inventory(secure)),)


def challenged(fields: Iterable[tuple[str, str]]) -> bool:
    """Return whether an answer's fields (names in lower case) announce a challenge."""
    return any(one in _CHALLENGES for one in fields)


def failing(answer: wire.Response, reply: str) -> Failure:
    """Return who fails by a status from 500 on: a filter on the way that refuses so, the service, or its front."""
    if product := refusal_of(answer):
        return Failure(causes.BLOCK_PAGE, f"{reply}, with the page of {product}")
    return Failure(failing_service(answer.status), reply + retry_after(answer.header("retry-after")))


def failing_service(status: int) -> Cause:
    """Return the cause of a status from 500 on: an unavailable service behind the front end, or an error of the server.

    Cloudflare sends 520 to 527 and 530 if the origin server does not answer or answers incorrectly. 529 is an overload.
    """
    return causes.UNAVAILABLE if status in _UNAVAILABLE else causes.SERVER_ERROR


def retry_after(value: str | None) -> str:
    """Return the value of Retry-After in parentheses; empty if there is none."""
    after = printable(value or "", 40)
    return f" (Retry-After: {after}{' s' if after.isdigit() else ''})" if after else ""


def facts_of(answer: wire.Response) -> Facts:
    """Return the facts about the server in the fields of an answer."""
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
    """Return the server's clock minus this agent's, in seconds; None without a valid date."""
    try:
        theirs = parsedate_to_datetime(date or "")
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        return round(theirs.timestamp() - datetime.now(UTC).timestamp())
    except (ValueError, OverflowError):
        return None
