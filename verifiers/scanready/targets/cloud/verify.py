"""Verify cloud services, 443: every endpoint that a scan of the service needs (targets/cloud/endpoints.py).

    we                          endpoint (all of them in parallel)
    TLS, with the name     ->
                           <-   certificate: the service's own, or an inspection device's
    HEAD /                 ->
                           <-   200, 3xx, 400, 401, 403, 404: the service answers
    close_notify, FIN      ->

The target's host is the service: `cloud://s3?region=eu-west-1`. There is no login, because each vendor has its own,
with tokens from a browser or a key file. The check proves the path to the service and the service's identity.
"""

from __future__ import annotations

from scanready.climb.probe import Probe

from . import endpoints


async def verify(probe: Probe) -> None:
    """Climb to the answer of every endpoint."""
    await endpoints.ask_all(probe)
