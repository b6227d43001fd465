"""IMAPS 993: IMAP inside TLS from the first byte.

we                              server
TLS handshake             <->
                          <-    * OK [CAPABILITY ...] ready, or * BYE and why not
c1 CAPABILITY             ->                             (unless the greeting told it)
                          <-    * CAPABILITY ... AUTH=PLAIN: the login prompt
LOGOUT                    ->
                          <-    * BYE                    (logs one line at info level)
"""

from __future__ import annotations

from ..handshakes import imap as shared
from ..handshakes.imap_talk import Talk
from ..model import Step
from ..probe import Probe


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, and on to one header with a credential."""
    talk = Talk()
    stream = await probe.connect(farewell=talk.say_goodbye)
    async with probe.step(Step.TLS) as rung:
        await probe.start_tls(stream, rung)
    await shared.greet(probe, stream, talk)
    async with probe.step(Step.AUTH) as rung:
        shared.prompt(talk, rung, "TLS")
    await shared.log_in(probe, talk, stream, "TLS")
