"""Climb to the login prompt of Exchange Web Services: identify the server, and its login schemes.

    we                                       server, or a device in front of it
    GET /EWS/Exchange.asmx              ->
                                        <-   401 and the ways to log in (anything else is a finding of its own)
    GET /EWS/healthcheck.htm            ->                                      (Exchange 2013 and later)
                                        <-   200 and the server's name; 404 before 2013
    GET ... (only if nothing proves yet that it is Exchange)
    GET /EWS/Exchange.asmx, NTLM type 1 ->                                      (names no user)
                                        <-   401 and type 2: names, domain, build, clock
    close_notify, FIN                   ->                                      (no type 3: no logon event)

All requests use one connection, as NTLM requires.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from scanready.causes import common, web
from scanready.clients import http_pages, http_schemes, http_talk
from scanready.clients.http_block_pages import filter_of, refusal_of
from scanready.clients.http_portals import portal_at
from scanready.clients.http_talk import Talk, Url
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.climb.shared import login_methods
from scanready.model import Facts, Step
from scanready.net.events import record
from scanready.net.stream import PeerClosed
from scanready.wire import WireError, ntlm, spnego
from scanready.wire import http as wire
from scanready.wire.printable import printable

from . import causes, fixes
from .throttling import is_throttled

ENDPOINT = "/EWS/Exchange.asmx"
#: A path that no server has. A server that asks for a login there asks everywhere.
NOWHERE = "/scanready-control/Exchange.asmx"

#: These statuses for a path that does not exist, and 5xx, do not show whether the server asks for a login there.
_NO_CONTROL = (401, 407, 429)

#: Fields that only Exchange sends: on the answers of its front end (2013 and later) or of OWA (2007 and later).
_MARKS = ("x-feserver", "x-beserver", "x-owa-version", "x-calculatedbetarget", "x-diaginfo", "x-backendhttpstatus")
#: Fields that the report records as facts.
_RECORDED = {"x-feserver": "front_end", "x-beserver": "back_end", "request-id": "request_id", "x-diaginfo": "back_end"}
_RELEASES = {
    "8.": "Microsoft Exchange Server 2007",
    "14.": "Microsoft Exchange Server 2010",
    "15.0.": "Microsoft Exchange Server 2013",
    "15.1.": "Microsoft Exchange Server 2016",
    "15.2.": "Microsoft Exchange Server 2019 or Subscription Edition",
    "15.20.": "Exchange Online",
}
_HEALTHY = re.compile(rb"\A\s*200 OK\s*(?:<br\s*/?>\s*([A-Za-z0-9._-]{1,253}))?", re.IGNORECASE)
_WSDL = b"ExchangeServices"
#: Marks of single sign-on pages without a password field: WS-Federation, SAML, and forms that submit themselves.
_SIGN_ON = re.compile(
    rb"wsignin1\.0|SAMLRequest|SAMLResponse|/adfs/|/owa/auth/|document\.forms\[0\]\.submit", re.IGNORECASE
)
#: Devices that terminate TLS and name themselves. Most others pass on IIS's name.
_DEVICES = re.compile(
    r"nginx|openresty|big-?ip|haproxy|envoy|cloudflare|akamai|awselb|netscaler|kemp|varnish|squid", re.IGNORECASE
)
_DEVICE_COOKIES = re.compile(
    r"\s*(BIGipServer|NSC_|AWSALB|F5_|MRHSession|LastMRH_Session|barra_counter|citrix_ns_id)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """Describe the login prompt: ``schemes`` are those that a password can use, in the order to try.

    ``in_front`` names the device that terminates TLS before Exchange, empty if none is known. ``withheld`` is the
    reason why a credential must not be sent, empty if it may.
    """

    url: Url
    schemes: tuple[str, ...]
    in_front: str
    withheld: str = ""


def product_of(version: str) -> str:
    """Return the product name of a version ("15.2.1118.7"); only "Microsoft Exchange Server" if it is unknown."""
    fitting = [name for start, name in _RELEASES.items() if version.startswith(start)]
    return fitting[-1] if fitting else "Microsoft Exchange Server"


# --- handshake: is it Exchange, and what is in front of it? -----------------------------------------------------------


async def arrive(probe: Probe, talk: Talk, url: Url) -> wire.Response:
    """Ask the endpoint without a login; return its 401."""
    async with probe.step(Step.HANDSHAKE, url.endpoint) as rung:
        answer = await talk.get(url)
        rung.check.facts |= _facts(answer)
        _judge(probe, http_pages.Page(url, answer, talk))
        shown = await _evidence(rung, talk, url, answer)
        rung.check.facts.setdefault("product", product_of(""))
        rung.ok(f"answers as Exchange Web Services ({shown})")
    return answer


def _facts(answer: wire.Response) -> Facts:
    found = http_pages.facts_of(answer)
    for of_iis in ("product", "version"):  # Exchange's own product and version are recorded below
        found.pop(of_iis, None)
    for name, fact in _RECORDED.items():
        if value := answer.header(name):
            found.setdefault(fact, value[:100])
    if version := (answer.header("x-owa-version") or "")[:40]:
        found |= {"product": product_of(version), "version": version}
    return found


def _judge(probe: Probe, page: http_pages.Page) -> None:
    """Raise a failure if the first answer shows that Exchange cannot be reached. The expected status is 401."""
    answer, url = page.answer, page.url
    reply = f"{url} answers {http_talk.described(answer)}"
    if diagnosis := answer.header("x-ms-diagnostics"):
        reply += f" with the diagnosis {diagnosis[:200]}"
    http_pages.demand_no_other_tls(url, answer, reply)
    match answer.status:
        case 401:
            return
        case status if status >= 400 and status != 403 and (product := refusal_of(answer)):
            raise Failure(web.BLOCK_PAGE, f"{reply}, with the page of {product}")
        case status if http_pages.failing_service(status) is web.UNAVAILABLE:
            raise _not_served(answer, reply)
        case 440:
            raise Failure(causes.PREAUTHENTICATION, reply)
        case 404 | 410:
            raise Failure(causes.NOT_HERE, reply)
        case 403:
            raise _forbidden(probe, answer, reply)
    http_pages.usable(probe, page)
    if 300 <= answer.status < 400:
        raise _led_away(url, answer, reply)
    if 200 <= answer.status < 300:
        if answer.coded:
            detail = f"{reply} with an encoded page ({answer.coded}), although the request asked for identity"
            raise Failure(common.LIMIT, detail)
        if (
            wire.look(answer.body).asks_user
            or wire.is_login_form(answer.body)
            or _SIGN_ON.search(answer.body)
            or wire.refresh_of(answer.body)
        ):
            raise Failure(causes.PREAUTHENTICATION, f"{reply} with a login page")
        raise Failure(causes.NOT_EXCHANGE, reply)
    raise Failure(web.REQUEST_REFUSED, reply)


def _not_served(answer: wire.Response, reply: str) -> Failure:
    """Return why the front end forwards nothing: it throttles, or the services behind it are down."""
    later = answer.header("retry-after")
    throttled = is_throttled(answer.status, later, answer.header("x-ms-diagnostics"))
    return Failure(common.THROTTLED if throttled else causes.SERVICE_DOWN, reply + http_pages.retry_after(later))


def _forbidden(probe: Probe, answer: wire.Response, reply: str) -> Failure:
    """Return the failure of a 403: IIS requires a client certificate or bars the address, or a filter answers."""
    if b"client certificate" in answer.body.lower():
        return Failure(common.TLS_CLIENT_CERTIFICATE, reply)
    if product := filter_of(answer):
        return Failure(web.BLOCK_PAGE, f"{reply}, with the page of {product}")
    return Failure(causes.FORBIDDEN, reply, _allow(probe, answer))


def _allow(probe: Probe, answer: wire.Response) -> str | None:
    """Return the fix that permits this agent's address if IIS itself refuses, else None."""
    if not (answer.header("server") or "").startswith("Microsoft-IIS"):
        return None
    return fixes.ALLOW_ADDRESS(agent=probe.agent_address)


def _led_away(url: Url, answer: wire.Response, reply: str) -> Failure:
    location = (answer.header("location") or "")[:300]
    target = url.joined(location)
    if answer.status not in http_pages.REDIRECTS:
        return Failure(web.REQUEST_REFUSED, reply)
    if not location:
        return Failure(web.REDIRECT_BROKEN, f"{reply}, without the field Location")
    if target == url and answer.header("set-cookie") is None:
        return Failure(web.REDIRECT_BROKEN, f"{reply} and redirects to the same address", location=location)
    if target is not None and (portal := portal_at(url, target)):
        return Failure(
            web.CAPTIVE_PORTAL, f"{reply} and redirects to {target}, the portal of {portal}", location=location
        )
    if target is not None and target != url and target.path.lower().endswith(".asmx"):
        in_tls = target.scheme == "https"
        fix = fixes.OTHER_ENDPOINT(host=target.host, port=target.port, path=target.path) if in_tls else None
        return Failure(causes.MOVED, f"{reply} and redirects to {target}", fix, location=location)
    shown = printable(location or "no address", 300)
    return Failure(causes.PREAUTHENTICATION, f"{reply} and redirects to {shown}", location=location)


async def _evidence(rung: Rung, talk: Talk, url: Url, answer: wire.Response) -> str:
    """Return the evidence that the server is Exchange.

    Raises:
        Failure: there is none.
    """
    shown = [name for name in _MARKS if answer.header(name)]
    folder = url.path.rpartition("/")[0]
    health = await _glance(talk, url, f"{folder}/healthcheck.htm")
    if healthy := _HEALTHY.match(health.body) if health and health.status == 200 else None:
        shown.append("healthcheck.htm")
        if healthy[1]:
            rung.check.facts["back_end"] = healthy[1].decode("ascii")
    elif shown and health and health.status == 503:
        rung.warn(causes.UNHEALTHY, f"{folder}/healthcheck.htm answers {http_talk.described(health)}")
    if shown:
        return ", ".join(shown)
    wsdl = await _glance(talk, url, f"{folder}/Services.wsdl")
    if wsdl and wsdl.status == 200 and _WSDL in wsdl.body:
        return "Services.wsdl"
    control = await _glance(talk, url, NOWHERE)
    if control is not None and control.status < 500 and control.status not in _NO_CONTROL:
        return f"only this path asks for a login: {NOWHERE} answers {control.status}"
    result = "gets no answer" if control is None else f"answers {control.status}"
    detail = f"{url} answers {http_talk.described(answer)}; the control path {NOWHERE} {result}"
    raise Failure(causes.UNCONFIRMED, detail)


async def _glance(talk: Talk, url: Url, path: str) -> wire.Response | None:
    """Return another page of the same server as evidence, None if there is no answer."""
    record("glance")
    try:
        return await talk.ask("GET", Url(url.scheme, url.host, url.port, path))
    except (PeerClosed, WireError):
        return None


# --- auth: which logins, and the first half of NTLM -------------------------------------------------------------------


async def look_for_prompt(probe: Probe, talk: Talk, url: Url, answer: wire.Response) -> Prompt:
    """Record the login schemes and the names in NTLM's challenge, and return the prompt."""
    offered = list(dict.fromkeys(challenge.scheme for challenge in wire.challenges(answer) if not challenge.proxy))
    lower = {scheme.lower() for scheme in offered}
    offers = login_methods.offers(offered)
    async with probe.step(Step.AUTH, url.endpoint) as rung:
        rung.check.facts["auth_methods"] = offered
        if front := in_front_of(answer):
            rung.ok(f"TLS ends before Exchange ({front}); NTLM and Extended Protection may fail there")
        password = [scheme for scheme in ("digest", "basic") if scheme in lower]
        windows = next((scheme for scheme in ("NTLM", "Negotiate") if scheme.lower() in lower), None)
        without = await _challenge(rung, talk, url, windows) if windows else ""
        if windows and not without:
            rung.ok(offers)
            return Prompt(url, ("ntlm",), front)
        if "ntlm" in lower:
            if not password:
                rung.stop(causes.NTLM_BROKEN, f"{offers}; {without}")
            rung.warn(causes.NTLM_BROKEN, f"{offers}; {without}")
        elif password:
            rung.warn(causes.BASIC_PREAUTH, offers, _windows_authentication(answer))
        elif without:
            rung.warn(causes.KERBEROS_ONLY, f"{offers}; {without}")
        elif "bearer" in lower:
            http_schemes.demand_known(lower)
            rung.stop(causes.MODERN_AUTH_ONLY, offers)
        else:
            http_schemes.demand_known(lower)
            rung.stop(web.NO_PASSWORD_SCHEME, offers)
    return Prompt(url, tuple(password), front)


async def _challenge(rung: Rung, talk: Talk, url: Url, scheme: str) -> str:
    """Send NTLM's type 1 and read type 2; return why there was no type 2, empty if there was one."""
    first = ntlm.NEGOTIATE if scheme == "NTLM" else spnego.offer_ntlm(ntlm.NEGOTIATE)
    field = f"{scheme} {base64.b64encode(first).decode()}"
    record("ntlm")
    try:
        answer = await talk.ask("GET", url, [("Authorization", field)])
    except PeerClosed as error:
        return f"the server does not answer NTLM's first message: {error}"
    tokens = [
        c.token for c in wire.challenges(answer) if c.scheme.lower() == scheme.lower() and c.token and not c.proxy
    ]
    if answer.status != 401 or not tokens:
        return f"the server answers NTLM's first message with {answer.status} and no challenge"
    try:
        challenge = ntlm.read_challenge(_bare(base64.b64decode(tokens[0], validate=True)))
    except (WireError, binascii.Error) as error:
        return f"the server answers NTLM's first message with an invalid challenge: {error}"
    if talk.over:
        return "the server closes the connection with the challenge, and NTLM needs that connection"
    facts = {
        "server_name": challenge.dns_host or challenge.server_name or challenge.target,
        "domain": challenge.dns_domain or challenge.domain,
        "os": challenge.os,
    }
    rung.check.facts |= {fact: value for fact, value in facts.items() if value}
    if challenge.timestamp:
        rung.check.facts["clock_skew_seconds"] = round((challenge.timestamp - datetime.now(UTC)).total_seconds())
    if challenge.server_name or challenge.domain:
        domain = printable(challenge.dns_domain or challenge.domain) or "no domain"
        rung.ok(f"NTLM: {printable(challenge.server_name or challenge.target)} of {domain}")
    return ""


def _bare(token: bytes) -> bytes:
    """Return NTLM's message, unwrapped from SPNEGO if necessary; Negotiate may carry either."""
    return token if token.startswith(ntlm.SIGNATURE) else spnego.read_answer(token).token


def _windows_authentication(answer: wire.Response) -> str | None:
    if in_front_of(answer):
        return None
    return fixes.WINDOWS_AUTHENTICATION(server=answer.header("x-feserver"))


def in_front_of(answer: wire.Response) -> str:
    """Return the device that terminates TLS before Exchange: by Via, Server or a cookie; empty if none is known."""
    if via := answer.header("via"):
        return f"Via: {via[:80]}"
    if _DEVICES.search(server := answer.header("server") or ""):
        return f"Server: {server[:80]}"
    cookie = next((found[1] for value in answer.all("set-cookie") if (found := _DEVICE_COOKIES.match(value))), "")
    return f"the cookie {cookie}" if cookie else ""
