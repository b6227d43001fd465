"""Ground Labs' update server, 8843, as the Master Server reaches it.

    we                              server
    TLS, with the name (SNI)  ->
                              <-    certificate: judged after the handshake
    close_notify, FIN         ->

What is spoken inside is not public, and not asked. The requirement is the Master's: on any other host the answer is
never more than `undecided`, whether the way is open or closed; what was seen is told all the same.
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step

from . import causes


async def verify(probe: Probe) -> None:
    """Climb to the end of the TLS handshake."""
    on_master = probe.target.options.get("on_master") is True
    async with probe.step(Step.AGENT, probe.shared.agent.name) as rung:
        if on_master:
            rung.ok("the Master Server connects to the update server; this host is said to be it")
        else:
            rung.inconclusive(
                causes.NOT_THE_MASTER, "the Master Server connects to the update server, and this is not it"
            )
    try:
        stream = await probe.connect()
        async with probe.step(Step.TLS) as rung:
            await probe.start_tls(stream, rung)
    finally:
        for check in probe.checks if not on_master else ():
            check.tentative = True  # this host's own way: neither limits nor blocks the Master's
