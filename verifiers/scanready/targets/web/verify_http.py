"""Verify a web site over HTTP, 80.

    we                              server (or the configured proxy)
    HEAD /path                ->
                              <-    200: an open page
                              <-    401 and the login schemes: the login prompt
                              <-    a redirect: followed, as evidence, to at most three further endpoints
                              <-    403, 404, 5xx: asked again with GET, for servers that refuse only HEAD
    GET /path                 ->                                       (an open page)
                              <-    up to 64 KiB of it
    FIN                       ->                                       (one access-log line for each request)

With a credential, if the page asks for a login: one login with requests, one bounded read. The usual failure is a
redirect to https if port 443 is filtered for the agent. Then the site is blocked, although port 80 answers.
"""

from __future__ import annotations

from scanready.climb.probe import Probe

from . import site


async def verify(probe: Probe) -> None:
    """Climb to the login prompt or the open page; log in if the page asks for it and there is a credential."""
    prompt = await site.reach(probe, "http")
    await site.visit(probe, prompt)
