"""Web site over HTTP, 80.

    we                              server (or the configured proxy)
    HEAD /path                ->
                              <-    200: an open page
                              <-    401 and the ways to log in: the login prompt
                              <-    a redirect: followed, as evidence, at most to three further endpoints
                              <-    403, 404, 5xx: asked again with GET, for servers that refuse HEAD alone
    GET /path                 ->                                       (an open page)
                              <-    up to 64 KiB of it
    FIN                       ->                                       (one access-log line for each request)

With a credential, where a login is asked for: one login with requests, one bounded read. The usual failure is the
redirect to https, where port 443 is closed to the agent: then the site is blocked, whatever port 80 says.
"""

from __future__ import annotations

from scanready.climb.probe import Probe

from . import site


async def verify(probe: Probe) -> None:
    """Climb to the login prompt or the open page; log in where a login is asked for and a credential given."""
    prompt = await site.reach(probe, "http")
    await site.visit(probe, prompt)
