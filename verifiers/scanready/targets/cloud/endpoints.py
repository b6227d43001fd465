"""Check all endpoints of a cloud service in parallel, each with its own checks.

    we                          proxy, if one is configured      endpoint
    CONNECT endpoint:443   ->
                           <-   200: a tunnel
    TLS, with the name     ->
                                                            <-   certificate: is it the service's own?
    HEAD /                 ->
                                                            <-   200, 3xx, 400, 401, 403, 404: the service answers
    close_notify, FIN      ->

A public service has a certificate of a public authority. A server with another certificate is not the service, even if
the name in it is right. It is a TLS inspection device, a captive portal or a filter's block page, each with its cause.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass, field, replace

from scanready.causes import common
from scanready.clients import http_pages, http_talk
from scanready.clients.http_block_pages import block_page_of, is_long, portal_of
from scanready.clients.http_talk import Talk, Url
from scanready.climb import certificates
from scanready.climb.explain import Failure
from scanready.climb.probe import ClimbEnded, Probe, Rung
from scanready.model import Cause, Check, Facts, Finding, Outcome, Step
from scanready.net.stream import PeerClosed, Stream, TlsError
from scanready.net.system_errors import NO_SUCH_NAME
from scanready.net.tls import TlsSession
from scanready.wire import http as wire
from scanready.wire.printable import printable

from . import causes
from .services import PLACEHOLDERS, Place, domain_of, is_own, places

#: Seconds. Kerberos' limit, and the smallest tolerance of the services in the catalogue (Amazon and Azure: 15 minutes).
MOST_SKEW = 300
_UNTRUSTED = (common.TLS_UNTRUSTED, common.TLS_INTERCEPTED)


@dataclass(slots=True)
class Endpoint:
    """Hold the state of one endpoint. ``genuine``: the certificate is the service's own, as far as it is known.

    ``misnamed``: the certificate is for other names. ``foreign``: the check that names its issuer. ``private``: all
    addresses of a public name are outside public networks. ``here``: they are this host's own.
    """

    place: Place
    url: Url
    checks: list[Check] = field(default_factory=list)
    private: bool = False
    here: bool = False
    genuine: bool = True
    misnamed: bool = False
    issuer: str = ""
    foreign: Check | None = None
    skew: int | None = None
    status: int | None = None

    @property
    def public(self) -> bool:
        """Return whether the name belongs to a public service, which never has a private certificate."""
        return domain_of(self.url.host) is not None


async def ask_all(probe: Probe) -> None:
    """Climb at every endpoint of the target's service; record the checks in the catalogue's order."""
    options = probe.target.options
    values = {
        "tenant": options.get("tenant"),
        "account": options.get("account"),
        "region": options.get("region"),
        "bucket": options.get("bucket"),
        "domain": options.get("domain"),
    }
    assert tuple(values) == PLACEHOLDERS
    asked, missing = places(probe.host, probe.target.port, values, options.get("endpoints") or "")
    found = [Endpoint(place, Url("https", place.host, place.port, "/")) for place in asked]
    await asyncio.gather(*(_ask(probe, one) for one in found))
    _compare_issuers(found)
    _judge_clock(found)
    for one in found:
        for check in one.checks:
            probe.record(check)
    for endpoint in missing:
        options_missing = ", ".join(f"`{name}`" for name in endpoint.placeholders if not values.get(name))
        why = f"not asked, because the option {options_missing} is not set ({endpoint.use})"
        probe.record(Check(Step.RESOLVE, endpoint.host, Outcome.SKIPPED, why))
    if (credential := probe.target.credential) is not None and probe.depth.height >= Step.LOGIN.height:
        why = f"the check does not log in to cloud services; the credential {credential.name} was not used"
        probe.record(Check(Step.LOGIN, probe.host, Outcome.SKIPPED, why))
    if answered := {one.url.endpoint: one.status for one in found if one.status is not None}:
        probe.checks[-1].facts["endpoints"] = answered


async def _ask(probe: Probe, one: Endpoint) -> None:
    try:
        stream = await _connect(probe, one)
        await _secure(probe, one, stream)
        await _answer(probe, one, stream)
    except ClimbEnded:
        return  # its checks have the reason; the other endpoints continue


# --- resolve and connect -----------------------------------------------------------------------------------------


async def _connect(probe: Probe, one: Endpoint) -> Stream:
    host, port = one.url.host, one.url.port
    if (proxy := http_talk.proxy_of(probe)) is not None:
        return await _through(probe, one, proxy)
    async with probe.step(Step.RESOLVE, host, one.checks) as rung:
        try:
            addresses = await probe.addresses(host, port)
        except socket.gaierror as error:
            if one.place.fixed and error.errno in NO_SUCH_NAME:
                raise Failure(causes.NO_PUBLIC_NAMES, f"{host}: {error.strerror}") from error
            raise
        rung.ok(f"{', '.join(addresses)} ({one.place.use})", addresses=addresses)
        _look_at(addresses, one, rung)
    async with probe.step(Step.CONNECT, one.url.endpoint, one.checks) as rung:
        dead: list[Check] = []
        try:
            stream = await probe.dial(host, port, dead=dead)
        except Failure as failure:
            if one.here:  # a local tunnel to the service would answer
                detail = f"{host} resolves to {', '.join(addresses)}: {failure.detail}"
                raise Failure(causes.SINKHOLED, detail) from failure
            raise
        rung.ok(f"connected to {stream.peer}")
        rung.also(*dead)
    return stream


def _look_at(addresses: list[str], one: Endpoint, rung: Rung) -> None:
    """Judge the addresses of a public service's name: unspecified, this host's own, or private."""
    if not one.public:
        return
    parsed = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
    if all(address.is_unspecified for address in parsed):
        rung.stop(causes.SINKHOLED, f"{one.url.host} resolves to {', '.join(addresses)}", addresses=addresses)
    one.here = all(address.is_loopback or address.is_unspecified for address in parsed)
    if all(not address.is_global for address in parsed):
        one.private = True
        rung.ok("private addresses for a public name: a private endpoint or another host", private=addresses)


async def _through(probe: Probe, one: Endpoint, proxy: tuple[str, int]) -> Stream:
    where = wire.authority(*proxy)
    async with probe.step(Step.RESOLVE, one.url.host, one.checks) as rung:
        rung.skip(f"the proxy resolves the name ({one.place.use})")
    async with probe.step(Step.CONNECT, one.url.endpoint, one.checks) as rung:
        stream = await probe.dial(*proxy)
        await http_talk.tunnel(stream, one.url)
        rung.ok(f"the proxy {where} opened a tunnel", proxy=where)
    return stream


# --- tls: whose certificate is it? -------------------------------------------------------------------------------


async def _secure(probe: Probe, one: Endpoint, stream: Stream) -> None:
    async with probe.step(Step.TLS, one.url.endpoint, one.checks) as rung:
        try:
            session = await stream.start_tls(one.url.host, http_talk.ALPN)
        except PeerClosed as error:
            if one.public and not error.heard:
                raise Failure(
                    causes.CUT_BY_NAME, f"{error}, after the ClientHello with the name {one.url.host}"
                ) from error
            raise
        except TlsError as error:
            other = probe.shared.signatures.identify(error.heard) if one.public else None
            if other is not None and other.protocol != "tls":
                raise Failure(causes.PORTAL, f"{other.text} answers without TLS for {one.url.host}") from error
            if one.private:
                error.args = (f"{error}; the name resolves to a private address",)
            raise
        judgement = certificates.judge(session, one.url.host, probe.shared.ca_file)
        rung.ok(
            f"{session.version} {session.cipher}", tls=session.version, tls_cipher=session.cipher, **judgement.facts
        )
        one.issuer = str(judgement.facts.get("tls_issuer", ""))
        if session.old:
            rung.also(_fault(one, common.TLS_VERSION, f"only {session.version}"))
        for cause, detail in _faults(one, session, judgement):
            check = _fault(one, cause, detail)
            if cause in (causes.INSPECTED, causes.PRIVATE_ANSWER, *_UNTRUSTED):
                one.foreign = check
            rung.also(check)
        probe.shown.mention_end(judgement, rung, verifies=True)
        if one.private and one.genuine:
            rung.ok("the service's own certificate: a private endpoint of the service", private_endpoint=True)


def _faults(one: Endpoint, session: TlsSession, judgement: certificates.Judgement) -> list[tuple[Cause, str]]:
    """Return the certificate's faults; for a public service, with the causes that its issuer implies."""
    faults = list(judgement.faults)
    one.misnamed = any(cause is common.TLS_NAME_MISMATCH for cause, _ in faults)
    untrusted = next((fault for fault in faults if fault[0] in _UNTRUSTED), None)
    if not one.public:
        one.genuine = not faults
        return faults
    if certificates.is_public(session):
        one.genuine = not one.misnamed
        if untrusted:
            faults[faults.index(untrusted)] = (causes.AUTHORITY_MISSING, untrusted[1])
        return faults
    one.genuine = False
    issued = f"issued by {one.issuer or 'an unnamed issuer'}, which is not a public authority"
    if one.private:
        fault = (causes.PRIVATE_ANSWER, f"the server at a private address presents a certificate {issued}")
    elif untrusted is None:
        fault = (causes.INSPECTED, f"the certificate is {issued}")
    elif one.misnamed:
        return faults  # the name is wrong too, and an inspection device always uses the right name
    else:
        fault = (common.TLS_INTERCEPTED, f"the certificate is {issued}")
    return [fault, *(other for other in faults if other is not untrusted)]


def _fault(one: Endpoint, cause: Cause, detail: str) -> Check:
    return Check(Step.TLS, one.url.endpoint, Outcome.WARNED, detail, finding=Finding(cause, detail))


def _compare_issuers(found: list[Endpoint]) -> None:
    """Note on each fault if several vendors have the same private issuer, which is a sure sign of inspection."""
    by_issuer: dict[str, list[Endpoint]] = {}
    for one in found:
        if one.foreign is not None and one.public:
            by_issuer.setdefault(one.issuer, []).append(one)
    for alike in by_issuer.values():
        domains = sorted({str(domain_of(one.url.host)) for one in alike})
        for one in alike if len(domains) > 1 else ():
            assert one.foreign is not None, "chosen by it"
            assert one.foreign.finding is not None, "a fault has a finding"
            one.foreign.summary += f"; the same for {', '.join(domains)}"
            one.foreign.finding = replace(one.foreign.finding, detail=one.foreign.summary)


# --- handshake: does the service answer, or another device? ------------------------------------------------------


async def _answer(probe: Probe, one: Endpoint, stream: Stream) -> None:
    async with probe.step(Step.HANDSHAKE, one.url.endpoint, one.checks) as rung:
        talk = Talk(probe, one.url, stream)
        answer = await talk.question(one.url, refusal=500)  # statuses such as 403 are proper answers
        one.status = answer.status
        if one.public and not one.genuine:
            answer = await _unmasked(one, talk, answer)
        http_pages.usable(probe, http_pages.Page(one.url, answer, talk))
        if "age" not in dict(answer.headers):  # a cache's answer has an old date
            one.skew = http_pages.clock_skew(answer.header("date"))
        rung.ok(f"answers {http_talk.described(answer)}", **_facts(one, answer))


def _facts(one: Endpoint, answer: wire.Response) -> Facts:
    found: Facts = {"status": answer.status}
    if one.skew is not None:
        found["clock_skew_seconds"] = one.skew
    for name in ("server", "location", "via"):
        if (value := answer.header(name)) is not None:
            found[name] = value[:300]
    return found


async def _unmasked(one: Endpoint, talk: Talk, answer: wire.Response) -> wire.Response:
    """Inspect the page of a server that does not have the service's certificate; return its last answer.

    Raises:
        Failure: the page comes from a portal or a filter.
    """
    reply = f"{one.url} answers {http_talk.described(answer)}"
    if answer.status in http_pages.REDIRECTS:
        leads = one.url.joined(answer.header("location") or "")
        if leads is not None and leads.host.lower() != one.url.host.lower() and not is_own(leads.host, one.url.host):
            detail = f"{reply} and redirects to {leads}, which does not belong to the service"
            raise Failure(causes.PORTAL, detail, redirect=str(leads))
        return answer
    if talk.method != "GET" and answer.status not in (407, 429, 511):
        answer = await talk.ask("GET", one.url)
    if (squid := answer.header("x-squid-error")) is not None:
        raise Failure(causes.BLOCK_PAGE, f"{reply} with Squid's own page ({printable(squid, 80)})")
    if answer.coded:
        detail = f"{reply} with an encoded page ({answer.coded}), although the request asked for identity"
        raise Failure(common.LIMIT, detail)
    kind = answer.header("content-type")
    body, html = wire.readable(answer.body, kind), (kind or "").lower().startswith("text/html")
    looked = wire.look(body)
    if not is_long(one.url, looked if html or not kind else None, body):  # a long page only quotes such a mark
        if named := block_page_of(body):
            raise Failure(causes.BLOCK_PAGE, f"{reply} with the page of {named}")
        if named := portal_of(body):
            raise Failure(causes.PORTAL, f"{reply} with a network login page ({named})")
    leads = one.url.joined(looked.refresh) if looked.refresh else None
    if leads is not None and not is_own(leads.host, one.url.host):
        raise Failure(causes.PORTAL, f"{reply} with a page that redirects to {leads}", redirect=str(leads))
    if one.misnamed and html and 200 <= answer.status < 300:
        raise Failure(causes.PORTAL, f"{reply} with a page, but the certificate is not for this name")
    return answer


def _judge_clock(found: list[Endpoint]) -> None:
    """Warn about this agent's clock if the times of all endpoints differ from it; one of them may itself be wrong."""
    dated = [one for one in found if one.skew is not None]
    if not dated or min(abs(one.skew or 0) for one in dated) <= MOST_SKEW:
        return
    first = dated[0]
    detail = f"the service's clock differs from this agent's by {first.skew:+d} s"
    finding = Finding(causes.CLOCK_SKEW, detail)
    first.checks.append(Check(Step.HANDSHAKE, first.url.endpoint, Outcome.WARNED, detail, finding=finding))
