"""Verify a web site over HTTPS, 443.

    we                              configured proxy            server
    CONNECT host:443          ->                                                   (only with a proxy)
                              <-    200: a tunnel
    TLS, with the name (SNI)  ->
                                                          <-    certificate: judged after the handshake
    HEAD /path                ->
                                                          <-    200, 401, a redirect ... as over http
    GET /path                 ->                                                   (an open page)
                                                          <-    up to 64 KiB of it
    close_notify, FIN         ->

The scanner's client verifies certificates, so a faulty one limits the verdict. It never ends the climb or the TLS
handshake, because that would leave an alert in the server's log.
"""

from __future__ import annotations

from scanready.climb.probe import Probe

from . import site


async def verify(probe: Probe) -> None:
    """Climb to the login prompt or the open page; log in if the page asks for it and there is a credential."""
    prompt = await site.reach(probe, "https")
    await site.visit(probe, prompt)
