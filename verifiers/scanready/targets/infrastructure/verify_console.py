"""Enterprise Recon's Web Console, 443 and 80, as the hosts that open it reach it.

    we                              server
    TLS, with the name (SNI)  ->
                              <-    certificate: judged after the handshake, as a browser would
    HEAD /                    ->
                              <-    200, 401, or a redirect, which is followed
    close_notify, FIN         ->
    HEAD / on port 80         ->                               (a connection of its own, told as a fact)

On port 80 of the inventory the whole talk is plain HTTP. The page is not judged: no login, and no look at its content.
Where the redirects lead to another host, the console itself was not seen.
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
    """Climb to the console's page."""
    async with probe.step(Step.AGENT, probe.shared.agent.name) as rung:
        rung.ok("every host that opens the Web Console connects to it; checked from this one")
    url = http_talk.asked_for(probe, "https" if probe.row.tls else "http")
    talk = await http_talk.open_talk(probe, url)
    page = await http_pages.arrive(probe, talk, url)
    if elsewhere := http_pages.is_elsewhere(url, page.url):
        async with probe.step(Step.HANDSHAKE, page.url.endpoint) as rung:
            there = http_talk.in_inventory(page.url)
            rung.warn(web.REDIRECTS_ELSEWHERE, f"the console leads to {page.url}, on another host", there)
    if page.answer.status >= 400 and page.answer.status != 401 and not elsewhere:
        async with probe.step(Step.HANDSHAKE, page.url.endpoint) as rung:
            rung.stop(causes.NO_PAGE, f"{page.url} answers {http_talk.described(page.answer)}")
    if url.port == http_talk.DEFAULT_PORTS["https"]:
        await _look_at_80(probe)


async def _look_at_80(probe: Probe) -> None:
    """The document names 80 beside 443. Who has 443 needs it for typed addresses alone: a fact, whatever it is."""
    url = http_talk.Url("http", probe.host, http_talk.DEFAULT_PORTS["http"], "/")
    async with probe.step(Step.HANDSHAKE, f"{bracketed(url.host)}:{url.port}") as rung:
        try:
            talk = await http_talk.open_elsewhere(probe, url, rung)
            answer = await talk.question(url)
        except (Failure, WireError, StreamError, OSError) as error:
            found = probe.explain(error, Step.CONNECT)
            rung.skip(f"no page over plain http, which is no fault where 443 answers ({found.detail})")
            return
        leads = answer.header("location")
        rung.ok(f"answers {http_talk.described(answer)}" + (f", leads to {leads[:200]}" if leads else ""))
