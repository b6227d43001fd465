"""Check Ground Labs' update server on 8843, from the Master Server.

    agent                           server
    TLS, with the name (SNI)  ->
                              <-    certificate: judged after the handshake
    close_notify, FIN         ->

The protocol inside TLS is not public, and the check does not use it. The requirement is for the Master Server. On any
other host the verdict is always `undecided`, whether the port is open or closed, but the checks are still shown.
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step

from . import causes


async def verify(probe: Probe) -> None:
    """Check up to the end of the TLS handshake."""
    on_master = probe.target.options.get("on_master") is True
    async with probe.step(Step.AGENT, probe.shared.agent.name) as rung:
        if on_master:
            rung.ok("the Master Server connects to the update server; on_master says that this is the Master Server")
        else:
            detail = (
                "only the Master Server connects to the update server; the option on_master is not set for this target"
            )
            rung.inconclusive(causes.NOT_THE_MASTER, detail)
    try:
        stream = await probe.connect()
        async with probe.step(Step.TLS) as rung:
            await probe.start_tls(stream, rung)
    finally:
        for check in probe.checks if not on_master else ():
            check.tentative = True  # this host's own connection does not affect the Master Server's verdict
