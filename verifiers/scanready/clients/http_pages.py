"""A web site as a crawler meets it: where its redirects lead, whether it asks for a login, what is on the page.

Redirects are followed as evidence: at most three further endpoints and six further pages, never with a credential. A
page of the target's own host counts as the target's; where another host answers, the site itself was not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scanready.causes import common
from scanready.causes import web as causes
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Check, Facts, Owner, Step
from scanready.net.stream import StreamError
from scanready.wire import WireError
from scanready.wire import http as wire

from . import http_login, http_talk
from .http_talk import Talk, Url

MOST_ENDPOINTS = 3
MOST_PAGES = 6
REDIRECTS = (301, 302, 303, 307, 308)

# In the order they are tried: what shows the password to nobody comes first.
PASSWORD_SCHEMES = ("ntlm", "digest", "basic")

# What nginx, Apache httpd and Go's net/http answer to plain HTTP on their TLS port.
_WANTS_TLS = (b"plain HTTP request was sent to HTTPS", b"speaking plain HTTP to an SSL", b"HTTP request to an HTTPS")
_WANTS_CERTIFICATE = (b"No required SSL certificate was sent", b"The SSL certificate error")
# Cloudflare's and AWS WAF's own words for "solve this first".
_CHALLENGES = (("cf-mitigated", "challenge"), ("x-amzn-waf-action", "challenge"), ("x-amzn-waf-action", "captcha"))
# What filters show with the status 200 in a site's place, in words that no site has of its own.
BLOCK_PAGES = (
    (b"The requested URL was rejected. Please consult with your administrator.", "an F5 application firewall"),
    (b"Incapsula incident ID", "Imperva's firewall"),
    (b"Sucuri WebSite Firewall - Access Denied", "Sucuri's firewall"),
    (b"/cdn-cgi/challenge-platform/h/", "Cloudflare's challenge"),
    (b"<title>Web Filter Violation</title>", "a FortiGuard web filter"),
    (b"<title>Web Page Blocked</title>", "a web filter (Palo Alto Networks)"),
    (b"Internet Security by Zscaler", "Zscaler"),
)


@dataclass(slots=True)
class Page:
    """The page at the end of the redirects, and the talk it was asked in."""

    url: Url
    answer: wire.Response
    talk: Talk


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a visitor is asked for: ``schemes`` are those a password can do, in lower case and the order to try.

    ``withheld`` says why a credential must not go there, empty if it may.
    """

    url: Url
    open: bool
    elsewhere: bool
    schemes: tuple[str, ...]
    withheld: str


def foreign_ports(probe: Probe) -> frozenset[int]:
    """Ports that a redirect may not lead to: it is the server's word, and could name anybody's SSH or database."""
    return probe.shared.catalogue.foreign_ports("http", "tls")


async def reach(probe: Probe, scheme: str) -> Prompt:
    """Climb to the login prompt, or to the open page and read it; once for all types that ask the same."""
    options = probe.target.options
    asked = (scheme, options.get("path"), options.get("proxy"), probe.credential is not None)

    async def climb(probe: Probe) -> Prompt:
        url = http_talk.asked_for(probe, scheme)
        talk = await http_talk.open_talk(probe, url)
        page = await arrive(probe, talk, url)
        prompt = await look_for_prompt(probe, page)
        if prompt.open:
            await read_openly(probe, page, prompt)
        return prompt

    return await probe.share(asked, climb)


# --- handshake: a page, or who stands in the way -----------------------------------------------------------------


async def arrive(probe: Probe, talk: Talk, url: Url) -> Page:
    """Ask for the target's page and follow it to where it is: one check for each page asked."""
    async with probe.step(Step.HANDSHAKE) as rung:
        page = Page(url, await talk.question(url), talk)
        rung.check.facts.update(facts_of(page.answer))
        usable(probe, page)
        if url.scheme == "http" and http_talk.proxy_of(probe):
            await http_talk.prove_proxy(probe, talk, page.answer)
        rung.ok(f"speaks HTTP/{page.answer.version}, answers {http_talk.described(page.answer)}")
    start, seen, cookies = url, {url}, False
    while page.answer.status in REDIRECTS and (location := page.answer.header("location")) is not None:
        target = page.url.joined(location)
        cookies = cookies or page.answer.header("set-cookie") is not None
        async with probe.step(Step.HANDSHAKE, target.endpoint if target else None) as rung:
            onward = _onward(probe, start, page, target, seen, cookies=cookies)
            page = await _follow(probe, rung, page, onward)
            seen.add(onward)
    return page


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
    usual = target.port in (*http_talk.DEFAULT_PORTS.values(), start.port)
    if not usual and (target.port < 1024 or target.port in foreign_ports(probe)):
        raise Failure(causes.REDIRECT_BROKEN, f"{page.url} leads to {target}, a port of another protocol: not followed")
    return target


async def _follow(probe: Probe, rung: Rung, page: Page, target: Url) -> Page:
    talk = page.talk
    if target.origin != page.url.origin:
        try:
            dead: list[Check] = []
            talk = await http_talk.open_elsewhere(probe, target, rung, dead)
            rung.also(*dead)
        except (Failure, WireError, StreamError, OSError) as error:
            raise _unreachable(probe, page.url, target, error) from error
    found = Page(target, await talk.question(target), talk)
    usable(probe, found)
    own = facts_of(found.answer) if target.host == page.url.host else {}
    rung.ok(f"{page.url} redirects to {target}, which answers {http_talk.described(found.answer)}", **own)
    return found


def _unreachable(probe: Probe, start: Url, target: Url, error: Exception) -> Failure:
    """What keeps the agent from going where everybody is sent; what is our own limit stays that."""
    found = probe.explain(error, Step.HANDSHAKE)
    detail = f"{start} redirects to {target}, where: {found.detail}"
    no_way = found.cause.step in (Step.RESOLVE, Step.CONNECT) or found.cause in (common.SILENT, common.HUNG_UP)
    of_the_way = no_way and not found.cause.code.startswith("http.")  # a configured proxy has causes of its own
    if not of_the_way or not found.cause.definite or found.cause.owner is Owner.AGENT:
        return Failure(found.cause, detail, found.fix)
    return Failure(causes.REDIRECT_UNREACHABLE, detail, found.fix, redirect=str(target))


def usable(probe: Probe, page: Page) -> None:
    """Raise what a status says of who answers, or that nobody does: it holds whatever the page."""
    url, answer, proxied = page.url, page.answer, http_talk.proxy_of(probe) is not None
    said = f"{url} answers {http_talk.described(answer)}"
    bad = answer.status == 400  # as these are told; a page may quote them
    if bad and url.scheme == "http" and any(words in answer.body for words in _WANTS_TLS):
        fix = f"https://{url.endpoint}{url.path}"
        raise Failure(common.OTHER_PROTOCOL, f"an HTTPS server answers, which wants TLS ({said})", fix, speaks="tls")
    if bad and any(words in answer.body for words in _WANTS_CERTIFICATE):
        raise Failure(common.TLS_CLIENT_CERTIFICATE, f"{said}, for want of a client certificate")
    if any(answer.header(name) == value for name, value in _CHALLENGES):
        raise Failure(causes.CHALLENGED, said)
    match answer.status:
        case 407 if proxied:
            raise http_talk.proxy_wants_login(probe, answer)
        case 407:
            schemes = ", ".join(challenge.scheme for challenge in wire.challenges(answer) if challenge.proxy)
            raise Failure(causes.PROXY_BETWEEN, f"{said}, and demands a proxy login ({schemes or 'no scheme named'})")
        case 511:
            raise Failure(causes.CAPTIVE_PORTAL, said)
        case 429:
            raise Failure(common.THROTTLED, said + _retry_after(answer))
        case 403 | 500 | 502 | 503 | 504 if proxied and url.scheme == "http" and _of_the_proxy(answer):
            raise Failure(causes.PROXY_REFUSED, f"the proxy answers {http_talk.described(answer)} for {url}")
        case 502 | 503 | 504:
            raise Failure(causes.UNAVAILABLE, said + _retry_after(answer))
        case status if status >= 500:
            raise Failure(causes.SERVER_ERROR, said)


def _of_the_proxy(answer: wire.Response) -> bool:
    """True for the proxy's own word: what it passes on has a Via (RFC 9110, 7.6.3), and Squid marks its own pages."""
    return answer.header("via") is None or answer.header("x-squid-error") is not None


def _retry_after(answer: wire.Response) -> str:
    after = (answer.header("retry-after") or "")[:40]
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


# --- auth: does it ask for a login? ------------------------------------------------------------------------------


async def look_for_prompt(probe: Probe, page: Page) -> Prompt:
    """Say what the page asks for."""
    url, status = page.url, page.answer.status
    missing = status in (404, 410)
    elsewhere = not missing and url.host.lower() != http_talk.asked_for(probe, url.scheme).host.lower()
    async with probe.step(Step.AUTH, url.endpoint) as rung:
        if status != 401 and not missing and not 200 <= status < 300:
            said = f"{url} answers {http_talk.described(page.answer)}"
            if status in (403, 451):
                rung.stop(causes.FORBIDDEN, said, _allow_line(probe, page.answer))
            rung.stop(causes.REQUEST_REFUSED, said)
        schemes = _asked_schemes(rung, page)
        if elsewhere:
            rung.warn(causes.REDIRECTS_ELSEWHERE, f"the site leads to {url}, on another host", str(url))
    return Prompt(url, status != 401, elsewhere, schemes, _withheld(probe, url))


def _asked_schemes(rung: Rung, page: Page) -> tuple[str, ...]:
    if page.answer.status != 401:
        rung.ok("no login is asked for", auth_methods=["anonymous"])
        return ()
    offered = list(dict.fromkeys(c.scheme for c in wire.challenges(page.answer) if not c.proxy))
    lower = {scheme.lower() for scheme in offered}
    can = tuple(scheme for scheme in PASSWORD_SCHEMES if scheme in lower)
    if can:
        rung.ok(f"asks for {', '.join(offered)}", auth_methods=offered)
    elif "negotiate" in lower:
        rung.warn(causes.NEGOTIATE_ONLY, f"asks for {', '.join(offered)}", auth_methods=offered)
    else:
        names = ", ".join(offered) or "a login (401) without naming a way to log in"
        rung.stop(causes.NO_PASSWORD_SCHEME, f"asks for {names}", auth_methods=offered)
    return can


def _withheld(probe: Probe, url: Url) -> str:
    """Why a credential must not go to where the redirects led; empty if it may."""
    own = http_talk.asked_for(probe, url.scheme)
    upgraded = url.port == 443 and own.port == 80 and url.scheme == "https"
    if url.host.lower() == own.host.lower() and (url.port == own.port or upgraded):
        return ""
    return f"the login is asked for by {url.endpoint}, not by the target; the credential was not sent there"


def _allow_line(probe: Probe, answer: wire.Response) -> str | None:
    """The line that lets this agent in, for the servers whose language we know."""
    product = (answer.header("server") or "").lower()
    if product.startswith("nginx"):
        return f"allow {probe.agent_address};"
    return f"Require ip {probe.agent_address}" if product.startswith("apache") else None


# --- login and access: the page itself ---------------------------------------------------------------------------


async def visit(probe: Probe, prompt: Prompt) -> None:
    """Log in with the credential, if there is one and a password can do it."""
    if probe.credential is None or not prompt.schemes:
        return
    if prompt.withheld:
        async with probe.step(Step.LOGIN, prompt.url.endpoint) as rung:
            rung.skip(prompt.withheld)
    else:
        await _log_in(probe, prompt)


async def read_openly(probe: Probe, page: Page, prompt: Prompt) -> None:
    """Read the page that asks for no login, unless it is another host's."""
    async with probe.step(Step.LOGIN) as rung:
        rung.skip("no login is asked for" + ("; the credential was not sent" if probe.credential else ""))
    async with probe.step(Step.ACCESS, page.url.endpoint) as rung:
        if page.answer.status in (404, 410):
            raise _not_found(page.url, page.answer.status)
        if prompt.elsewhere:
            rung.skip("the page is another host's")
            return
        answer = page.answer if page.talk.method == "GET" else await page.talk.ask("GET", page.url)
        usable(probe, Page(page.url, answer, page.talk))
        if not 200 <= answer.status < 300:
            rung.stop(
                common.LIMIT, f"answers HEAD with {page.answer.status}, and GET with {http_talk.described(answer)}"
            )
        _tell_content(rung, page.url, answer.body, answer.header("content-type"), truncated=answer.truncated)


async def _log_in(probe: Probe, prompt: Prompt) -> None:
    """One login with the credential, and one bounded read."""
    credential = probe.credential
    assert credential is not None, "a login needs a credential"
    async with probe.step(Step.LOGIN, prompt.url.endpoint) as rung:
        scheme = prompt.schemes[0]
        if scheme == "basic" and prompt.url.scheme == "http":
            probe.about_to_send_in_clear()
        proxy = http_talk.proxy_of(probe)
        through = "http://" + wire.authority(*proxy) if proxy else None
        where = http_login.Where(str(prompt.url), scheme, http_talk.USER_AGENT, through)
        seen = await probe.login(http_login.visit, where, credential, probe.remaining, dials=1)
        rung.ok(f"logged in as {credential.username} with {scheme}")
    async with probe.step(Step.ACCESS, prompt.url.endpoint) as rung:
        if seen.status in (404, 410):
            raise _not_found(prompt.url, seen.status)
        if seen.denied is not None:
            rung.judge_access(seen.denied)
        else:
            _tell_content(rung, prompt.url, seen.body, seen.content_type, truncated=seen.truncated)


def _not_found(url: Url, status: int) -> Failure:
    """The path is not there."""
    return Failure(common.ACCESS_NOT_FOUND, f"{url} answers {status}")


def _tell_content(rung: Rung, url: Url, body: bytes, kind: str | None, *, truncated: bool) -> None:
    """Say what was read of the page; a login form is told, for a crawler would see no more than that."""
    if wire.is_empty(body):
        rung.warn(causes.EMPTY, f"{url} is empty")
        return
    if named := next((product for words, product in BLOCK_PAGES if words in body), None):
        rung.warn(causes.BLOCK_PAGE, f"{url} shows the page of {named}")
        return
    leads = url.joined(refresh) if (refresh := wire.refresh_of(body)) else None
    if leads is not None and leads.host.lower() != url.host.lower():
        rung.warn(causes.REDIRECTS_ELSEWHERE, f"{url} sends its visitors on to {leads}, on another host", str(leads))
        return
    size = f"{'the first ' if truncated else ''}{len(body)} bytes"
    rung.ok(f"read {size} of {(kind or 'no declared type')[:80]} from {url.path}")
    if wire.is_login_form(body):
        rung.ok("the page is a login form, and all that a visitor without a session sees", login_form=True)
