"""Check Enterprise Recon's Web Console on 443 and 80, from a host that opens it.

    agent                           server
    TLS, with the name (SNI)  ->
                              <-    certificate: judged after the handshake, as a browser would
    HEAD /                    ->
                              <-    200, 401, or a redirect, which is followed
    close_notify, FIN         ->
    HEAD / on port 80         ->                               (a separate connection, reported as a fact)

If the target has port 80, all requests are plain HTTP. The page itself is not judged: the check does not log in and
does not read its content. If the redirects lead to another host, the check has not reached the console.
"""

from __future__ import annotations

from scanready.causes import web
from scanready.clients import http_pages, http_talk
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Step, bracketed
from scanready.net.stream import StreamError
from scanready.wire import WireError

from . import causes


async def verify(probe: Probe) -> None:
    """Check up to the console's page."""
    async with probe.step(Step.AGENT, probe.shared.agent.name) as rung:
        rung.ok("every host that opens the Web Console needs this connection; checked from this host")
    url = http_talk.asked_for(probe, "https" if probe.row.tls else "http")
    talk = await http_talk.open_talk(probe, url)
    page = await http_pages.arrive(probe, talk, url)
    if elsewhere := http_pages.is_elsewhere(url, page.url):
        async with probe.step(Step.HANDSHAKE, page.url.endpoint) as rung:
            there = http_talk.in_inventory(page.url)
            rung.warn(web.REDIRECTS_ELSEWHERE, f"the console redirects to {page.url}, on another host", there)
    if page.answer.status >= 400 and page.answer.status != 401 and not elsewhere:
        async with probe.step(Step.HANDSHAKE, page.url.endpoint) as rung:
            rung.stop(causes.NO_PAGE, f"{page.url} answers {http_talk.described(page.answer)}")
    if url.port == http_talk.DEFAULT_PORTS["https"]:
        await _look_at_80(probe)


async def _look_at_80(probe: Probe) -> None:
    """Report port 80 as a fact: the requirements name it, but with 443 open it only serves addresses typed as http."""
    url = http_talk.Url("http", probe.host, http_talk.DEFAULT_PORTS["http"], "/")
    async with probe.step(Step.HANDSHAKE, f"{bracketed(url.host)}:{url.port}") as rung:
        try:
            talk = await http_talk.open_elsewhere(probe, url, rung)
            answer = await talk.question(url)
        except (Failure, WireError, StreamError, OSError) as error:
            found = probe.explain(error, Step.CONNECT)
            rung.skip(f"no page over plain HTTP, which does not matter because 443 answers ({found.detail})")
            return
        leads = answer.header("location")
        rung.ok(f"answers {http_talk.described(answer)}" + (f", redirects to {leads[:200]}" if leads else ""))
