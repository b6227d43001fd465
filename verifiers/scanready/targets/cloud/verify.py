"""Cloud services, 443: every endpoint that a scan of the service needs, as targets/cloud/endpoints.py asks it.

    we                          endpoint (each of them, side by side)
    TLS, with the name     ->
                           <-   certificate: the service's own, or an inspection device's
    HEAD /                 ->
                           <-   200, 3xx, 400, 401, 403, 404: the service answers, and knows nobody yet
    close_notify, FIN      ->

The target's host is the service: `cloud://s3?region=eu-west-1`. No login is done: each vendor's is its own, made of
tokens that a browser or a key file brings. What is proven is the way there, and who is at its end.
"""

from __future__ import annotations

from scanready.climb.probe import Probe

from . import endpoints


async def verify(probe: Probe) -> None:
    """Climb to the answer of every endpoint."""
    await endpoints.ask_all(probe)
