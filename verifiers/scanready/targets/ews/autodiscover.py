"""Find the Exchange server of a mail domain: ask Autodiscover's standard locations in turn, each with its own check.

    https://DOMAIN/autodiscover/autodiscover.xml                 401: it is here
    https://autodiscover.DOMAIN/autodiscover/autodiscover.xml    401: it is here
    http://autodiscover.DOMAIN/autodiscover/autodiscover.xml     302: it is there, over https
    _autodiscover._tcp.DOMAIN (SRV)                              it is there, over https

A credential is never sent to these locations. Autodiscover reports a mailbox's endpoint only after a login. So the host
that asks for the login is assumed to be Exchange's, which is true if one server has both roles. The answer of its EWS
endpoint decides. Source: [MS-OXDISCO], 3.1.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from scanready.causes import common
from scanready.clients import http_pages, http_talk
from scanready.clients.http_talk import Talk, Url
from scanready.climb import certificates, peers_word
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Check, Finding, Outcome, Step
from scanready.net.stream import StreamError
from scanready.wire import WireError

from . import causes, srv
from .endpoint import ENDPOINT

T = TypeVar("T")

SERVICE = "/autodiscover/autodiscover.xml"
_MOST_REDIRECTS = 3
#: Seconds for one location: enough for a name, and for a connection that gets no answer.
_PATIENCE = 5.0
#: Causes that keep the agent from a location that may be the right one, unlike a name that does not exist.
_IN_THE_WAY = (common.NO_ANSWER, common.FILTERED, common.REJECTED, common.UNREACHABLE, common.SILENT)


async def discover(probe: Probe) -> Url:
    """Return the endpoint of Exchange Web Services for the target, whose host is a mail domain.

    Raises:
        ClimbEnded: no location led to one; the finding is recorded.
    """
    domain = http_talk.asked_for(probe, "https").host
    findings: list[Finding] = []
    async for place in _places(probe, domain, findings):
        if found := await _look(probe, place, findings):
            return Url(
                "https", found.host, found.port, http_talk.carried(str(probe.target.options.get("path", ENDPOINT)))
            )
    async with probe.step(Step.RESOLVE, domain) as rung:
        if probe.remaining <= 0:
            rung.stop(common.OUT_OF_TIME, "the Autodiscover locations used up the time limit")
        # The domain's own web server comes last: most have nothing to do with mail.
        for finding in sorted(findings, key=lambda one: one.detail.startswith(f"{domain}:")):
            if finding.cause in _IN_THE_WAY or not finding.cause.definite:
                rung.stop(finding.cause, finding.detail, finding.fix, also=finding.also)
        rung.stop(
            causes.AUTODISCOVER_NOTHING, f"none of the Autodiscover locations for {domain} answers as Autodiscover"
        )
    raise AssertionError("a blocked rung ends the climb")


async def _places(probe: Probe, domain: str, findings: list[Finding]) -> AsyncIterator[Url]:
    yield Url("https", domain, 443, SERVICE)
    yield Url("https", f"autodiscover.{domain}", 443, SERVICE)
    yield Url("http", f"autodiscover.{domain}", 80, SERVICE)
    name = f"_autodiscover._tcp.{domain}"
    check = Check(Step.RESOLVE, name, Outcome.SKIPPED, "")
    probe.record(check)

    async def ask() -> tuple[str, int] | None:
        running = asyncio.get_running_loop().run_in_executor(probe.shared.logins, srv.service, name, _PATIENCE)
        return await running

    service = await _bounded(probe, check, findings, ask)
    if service is None:
        check.summary = check.summary or "there is no SRV record"
        return
    host, port = service
    check.summary = f"an SRV record names {host}:{port}"
    if not _may_be_asked(probe, domain, host, port):
        check.summary += ", a port of another protocol or on another host: not asked"
        return
    check.outcome = Outcome.PASSED
    yield Url("https", host, port, SERVICE)


def _may_be_asked(probe: Probe, domain: str, host: str, port: int) -> bool:
    """Return whether an SRV record may lead to this port: any web port in the mail domain, elsewhere only 443."""
    if port == 443 or not trusted(domain, Url("https", host, port, SERVICE)):
        return port == 443
    return port >= 1024 and not peers_word.other_service(probe, port, "http", "tls")


async def _look(probe: Probe, place: Url, findings: list[Finding]) -> Url | None:
    """Ask one location and follow its redirects; return the Autodiscover URL, None if there is none."""
    for _ in range(1 + _MOST_REDIRECTS):
        check = Check(Step.RESOLVE, place.endpoint, Outcome.SKIPPED, "", {"url": str(place)})
        probe.record(check)
        onward = await _bounded(probe, check, findings, lambda: _ask(probe, check, place))  # noqa: B023  awaited here
        if onward is None or onward == place:
            return onward
        place = onward
    return None


async def _ask(probe: Probe, check: Check, place: Url) -> Url | None:
    """Ask one URL; return it if Autodiscover answers there, its redirect if it leads on, else None."""
    own = http_talk.asked_for(probe, "https").host
    if not trusted(own, place):
        await peers_word.demand_host(probe, "Autodiscover", place.host, place.port)
    stream = await probe.dial(place.host, place.port)
    try:
        if place.scheme == "https":
            session = await stream.start_tls(place.host, http_talk.ALPN)
            faults = certificates.judge(session, place.host, probe.shared.ca_file).faults
            if faults:
                check.summary = f"{place}: not trusted: {faults[0][1]}"
                return None
        answer = await Talk(probe, place, stream).ask("GET" if trusted(own, place) else "HEAD", place)
    finally:
        await probe.leave(stream)
    check.summary = f"{place} answers {http_talk.described(answer)}"
    if answer.status in http_pages.REDIRECTS:
        target = place.joined(answer.header("location") or "")
        of_the_service = target is not None and target.path.lower().startswith("/autodiscover/")
        if target is None or not of_the_service or (target.scheme, target.port) != ("https", 443):
            check.summary += " and redirects, but not to Autodiscover over https"
            return None
        check.outcome, check.summary = Outcome.PASSED, f"{check.summary} and redirects to {target}"
        return replace(target, path=SERVICE)  # a request to another path or with a query might change something
    if answer.status == 401 and place.scheme == "https":
        check.outcome, check.summary = Outcome.PASSED, f"{check.summary}: Autodiscover is here"
        return place
    return None


async def _bounded(
    probe: Probe, check: Check, findings: list[Finding], ask: Callable[[], Awaitable[T | None]]
) -> T | None:
    """Ask within one location's time; record an error on its check, not as a finding of the target."""
    before = asyncio.get_running_loop().time()
    try:
        async with probe.passage.within(min(_PATIENCE, probe.remaining)):
            return await ask()
    except (Failure, WireError, StreamError, OSError) as error:  # TimeoutError is an OSError
        finding = probe.explain(error, Step.CONNECT)
        if isinstance(error, TimeoutError):  # a connection without an answer has failed before
            finding = Finding(common.TOO_SLOW, f"no answer within {_PATIENCE:.0f} s")
        named = finding.detail if finding.detail.startswith(check.endpoint) else f"{check.endpoint}: {finding.detail}"
        findings.append(Finding(finding.cause, named, finding.fix, finding.also))
        check.summary = f"{check.facts.get('url', check.endpoint)}: {finding.detail}"
        return None
    finally:
        check.seconds = asyncio.get_running_loop().time() - before


def trusted(domain: str, url: Url) -> bool:
    """Return whether a credential may be sent to ``url``: to the mail domain itself, or to a host in it.

    Redirects and SRV records can be forged in the path, so mail clients ask their user before they follow one
    elsewhere.
    """
    host, domain = url.host.lower().rstrip("."), domain.lower().rstrip(".")
    return host == domain or host.endswith(f".{domain}")
